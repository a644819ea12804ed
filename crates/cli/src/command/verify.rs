//! `sim verify`: the same world in two processes, compared in lockstep.

use super::load;
use super::lockstep::{Interval, Parting, Sides, Told};
use crate::arguments::{Subjected, Verify};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal;

pub(crate) fn execute(arguments: &Verify) -> Result<Exit, Failure> {
    // Errors of the scenario are reported once and by this process.
    let loaded = load::scenario(&arguments.subject)?;
    let second = tampered(&arguments.subject, arguments.tamper.as_ref());
    let sides = Sides::new(&arguments.subject, &second, loaded.blueprint.duration);
    let told = sides.instants(false)?;
    let (text, exit) = match (told.parted, told.held) {
        (Some(interval), held) => (report(interval, held, sides.events(interval)?), Exit::Diverged),
        (None, Some(held)) => (format!("different: no event differs, but {}\n", held_in_words(held)), Exit::Diverged),
        (None, None) => {
            let (events, digest) =
                told.last[0].as_ref().map_or((0, "none"), |instant| (instant.events, &*instant.digest));
            let instants = told.equal;
            (format!("same: {events} events, compared at {instants} instants, digest {digest}\n"), Exit::Success)
        }
    };
    terminal::print(&text)?;
    Ok(exit)
}

fn tampered(subject: &Subjected, tamper: Option<&(String, String)>) -> Subjected {
    let mut second = subject.clone();
    second.changes.overrides.extend(tamper.cloned());
    second
}

fn held_in_words([after_ns, until_ns]: [u64; 2]) -> String {
    format!("what they hold does, first between {after_ns} ns and {until_ns} ns")
}

fn report(interval: Interval, held: Option<[u64; 2]>, parting: Option<Parting>) -> String {
    let Interval { after_ns, until_ns, .. } = interval;
    let Some(Parting { equal, differing: [first, second] }) = parting else {
        return format!(
            "different between {after_ns} ns and {until_ns} ns, but no event differed when both were run again:\n\
             the runs do not repeat even in themselves\n"
        );
    };
    let told = |event: Option<Told>| event.map_or_else(|| "(no more events)".to_owned(), |event| in_words(&event));
    let before = equal.map_or_else(|| "(no event is the same)".to_owned(), |event| in_words(&event));
    let held = held.map_or_else(String::new, |held| format!("  before it, {}\n", held_in_words(held)));
    format!(
        "different: the first event that differs lies between {after_ns} ns and {until_ns} ns\n  \
         last equal  {before}\n  first side  {}\n  second side {}\n{held}",
        told(first),
        told(second),
    )
}

fn in_words(event: &Told) -> String {
    let Told { number, time_ns, digest, text, .. } = event;
    if digest.is_empty() {
        return text.clone();
    }
    format!("event {number} at {time_ns} ns: {text} (digest {digest})")
}
