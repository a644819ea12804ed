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
    let Some(interval) = told.parted else {
        let (events, digest) =
            told.last[0].as_ref().map_or(("0", "none"), |instant| (&*instant.events, &*instant.digest));
        let instants = told.equal;
        terminal::print(&format!("same: {events} events, compared at {instants} instants, digest {digest}\n"))?;
        return Ok(Exit::Success);
    };
    terminal::print(&report(interval, sides.events(interval)?))?;
    Ok(Exit::Diverged)
}

fn tampered(subject: &Subjected, tamper: Option<&(String, String)>) -> Subjected {
    let mut second = subject.clone();
    second.changes.overrides.extend(tamper.cloned());
    second
}

fn report(interval: Interval, parting: Option<Parting>) -> String {
    let Interval { after_ns, until_ns, .. } = interval;
    let Some(Parting { equal, differing: [first, second] }) = parting else {
        return format!(
            "different between {after_ns} ns and {until_ns} ns, but no event differed when both were run again:\n\
             the runs do not repeat even in themselves\n"
        );
    };
    let told = |event: Option<Told>| event.map_or_else(|| "(no more events)".to_owned(), |event| in_words(&event));
    let before = equal.map_or_else(|| "(no event is the same)".to_owned(), |event| in_words(&event));
    format!(
        "different: the first event that differs lies between {after_ns} ns and {until_ns} ns\n  \
         last equal  {before}\n  first side  {}\n  second side {}\n",
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
