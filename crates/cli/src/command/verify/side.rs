//! One of the two processes that `sim verify` compares. It tells its standard output where it stands at fixed instants, or, asked
//! for an interval, every event in it.

use super::INSTANTS;
use crate::arguments::VerifySide;
use crate::command::load;
use crate::drive::end_of;
use crate::exit::Exit;
use crate::failure::Failure;
use knockon_kernel::Time;
use knockon_model::{Null, World};
use std::io::{self, BufWriter, Write};
use std::ops::Range;

pub(crate) fn execute(arguments: &VerifySide) -> Result<Exit, Failure> {
    let loaded = load::scenario(&arguments.subject)?;
    let end = end_of(loaded.blueprint.duration);
    let mut world = World::new(loaded.blueprint);
    let mut out = BufWriter::new(io::stdout().lock());
    let told = match (arguments.events_after, arguments.events_until) {
        (Some(after_ns), Some(until_ns)) => {
            tell_events(&mut world, Time::from_nanos(after_ns)..Time::from_nanos(until_ns), end, &mut out)
        }
        _ => tell_instants(&mut world, end, &mut out),
    };
    // The other side has ended when nobody reads any more; that is for the parent to report.
    match told.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::InputOutput, "cannot write to standard output").because(&error))
        }
        _ => Ok(Exit::Success),
    }
}

fn tell_instants(world: &mut World, end: Time, out: &mut impl Write) -> io::Result<()> {
    let end_ns = end.as_nanos();
    for instant in 1..=INSTANTS {
        let until_ns = (u128::from(end_ns) * u128::from(instant) / u128::from(INSTANTS)) as u64;
        let stop = world.run_until(Time::from_nanos(until_ns), &mut Null).err();
        writeln!(out, "{until_ns} {} {:032x}", world.events(), world.digest())?;
        if let Some(stop) = stop {
            return writeln!(out, "{until_ns} {stop}");
        }
    }
    Ok(())
}

/// Tells every event of an interval, and the first one after it: what one side does too early the other may do later.
fn tell_events(world: &mut World, interval: Range<Time>, end: Time, out: &mut impl Write) -> io::Result<()> {
    if interval.start > Time::ZERO && world.run_until(interval.start, &mut Null).is_err() {
        return Ok(());
    }
    let mut until = interval.end;
    loop {
        match world.step(until, &mut Null) {
            Ok(Some(event)) => {
                writeln!(out, "{} {} {:032x}\t{}", event.number, event.time.as_nanos(), event.digest, event.text)?;
                if event.time > interval.end {
                    return Ok(());
                }
            }
            Ok(None) if until < end => until = end,
            Ok(None) => return Ok(()),
            Err(stop) => return writeln!(out, "{stop}"),
        }
    }
}
