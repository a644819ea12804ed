//! One of the two processes that are compared. It tells its standard output where it stands at fixed instants, or, asked
//! for an interval, every event in it.

use crate::arguments::VerifySide;
use crate::command::load;
use crate::drive::end_of;
use crate::exit::Exit;
use crate::failure::Failure;
use knockon_kernel::Time;
use knockon_model::{EventSummary, Null, World};
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
        _ => tell_instants(&mut world, arguments.step, end, &mut out),
    };
    // The other side has ended when nobody reads any more; that is for the parent to report.
    match told.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::InputOutput, "cannot write to standard output").because(&error))
        }
        _ => Ok(Exit::Success),
    }
}

/// Tells where the world stands at all multiples of a step, and at its end.
fn tell_instants(world: &mut World, step_ns: u64, end: Time, out: &mut impl Write) -> io::Result<()> {
    let mut until_ns = 0;
    while until_ns < end.as_nanos() {
        until_ns = end.as_nanos().min(until_ns.saturating_add(step_ns.max(1)));
        let stop = world.run_until(Time::from_nanos(until_ns), &mut Null).err();
        let (events, of_events, digest) = (world.events(), world.digest_of_events(), world.digest());
        writeln!(out, "{until_ns} {events} {of_events:032x} {digest:032x}")?;
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
    // The other world may last longer.
    let mut until = interval.end.min(end);
    loop {
        match world.step(until, &mut Null) {
            Ok(Some(event)) => {
                let EventSummary { number, time, component, trace, text, digest } = &event;
                let component = component.as_deref().unwrap_or_default();
                let trace = trace.map_or_else(String::new, |trace| format!("{:032x}", trace.0));
                writeln!(out, "{number} {} {digest:032x}\t{component}\t{trace}\t{text}", time.as_nanos())?;
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
