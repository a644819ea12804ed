//! One of the two processes that are compared. It tells its standard output where it stands at fixed instants, or, asked
//! for an interval, every event in it.

use crate::arguments::VerifySide;
use crate::command::load;
use crate::drive::end_of;
use crate::exit::Exit;
use crate::failure::Failure;
use knockon_kernel::{Digest, Time};
use knockon_model::record::{
    ChangeRecord, ErrorType, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SpanRecord, StateRecord,
};
use knockon_model::{EventSummary, Sink, Stop, World};
use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::ops::Range;

pub(crate) fn execute(arguments: &VerifySide) -> Result<Exit, Failure> {
    let loaded = load::scenario(&arguments.subject)?;
    let end = end_of(loaded.blueprint.duration);
    let by_name = arguments.by_name.then(|| ByName::new(arguments.apart.iter().cloned().collect()));
    let mut side = Compared { world: World::new(loaded.blueprint), by_name };
    let mut out = BufWriter::new(io::stdout().lock());
    let told = match (arguments.events_after, arguments.events_until) {
        (Some(after_ns), Some(until_ns)) => {
            tell_events(&mut side, Time::from_nanos(after_ns)..Time::from_nanos(until_ns), end, &mut out)
        }
        _ => tell_instants(&mut side, arguments.step, end, &mut out),
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
fn tell_instants(side: &mut Compared, step_ns: u64, end: Time, out: &mut impl Write) -> io::Result<()> {
    let mut until_ns = 0;
    while until_ns < end.as_nanos() {
        until_ns = end.as_nanos().min(until_ns.saturating_add(step_ns.max(1)));
        let stop = side.run_until(Time::from_nanos(until_ns)).err();
        let (events, of_events, held, digest) = side.stands();
        writeln!(out, "{until_ns} {events} {of_events:032x} {held:032x} {digest:032x}")?;
        if let Some(stop) = stop {
            return writeln!(out, "{until_ns} {stop}");
        }
    }
    Ok(())
}

/// Tells every event of an interval, and the first one after it: what one side does too early the other may do later.
fn tell_events(side: &mut Compared, interval: Range<Time>, end: Time, out: &mut impl Write) -> io::Result<()> {
    if interval.start > Time::ZERO && side.run_until(interval.start).is_err() {
        return Ok(());
    }
    // The other world may last longer.
    let mut until = interval.end.min(end);
    loop {
        match side.step(until) {
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

/// A world, and what of it is compared: everything, or what has a name in the other one too.
struct Compared {
    world: World,
    by_name: Option<ByName>,
}

/// What has happened, by names.
struct ByName {
    apart: BTreeSet<String>,
    events: u64,
    digest: Digest,
}

impl Compared {
    fn run_until(&mut self, until: Time) -> Result<(), Stop> {
        if self.by_name.is_none() {
            return self.world.run_unwatched(until);
        }
        while self.step(until)?.is_some() {}
        Ok(())
    }

    /// Runs to the next event that is compared.
    fn step(&mut self, until: Time) -> Result<Option<EventSummary>, Stop> {
        match &mut self.by_name {
            None => self.world.step_unwatched(until),
            Some(by_name) => by_name.step(&mut self.world, until),
        }
    }

    /// Events, their digest, that of what is held after them, and that of the world.
    fn stands(&self) -> (u64, u128, u128, u128) {
        let (world, digest) = (&self.world, self.world.digest());
        match &self.by_name {
            None => (world.events(), world.digest_of_events(), digest, digest),
            Some(ByName { apart, events, digest: of_events }) => {
                (*events, of_events.value(), world.digest_of_holdings(apart), digest)
            }
        }
    }
}

impl ByName {
    fn new(apart: BTreeSet<String>) -> Self {
        Self { apart, events: 0, digest: Digest::new() }
    }

    /// An event of no component is a fault that acts, or has lost its addressee and does nothing.
    fn step(&mut self, world: &mut World, until: Time) -> Result<Option<EventSummary>, Stop> {
        loop {
            let mut ends = Ends(Digest::new());
            let Some(mut event) = world.step(until, &mut ends)? else { return Ok(None) };
            let Some(component) = event.component.as_ref().filter(|component| !self.apart.contains(*component)) else {
                continue;
            };
            let mut happened = ends.0;
            happened.absorb_text(component);
            happened.absorb_text(&event.text);
            let trace = event.trace.map_or(0, |trace| trace.0);
            happened.absorb(trace as u64, (trace >> 64) as u64);
            happened.absorb(event.time.as_nanos(), 0);
            event.digest = happened.value();
            self.digest.absorb(event.digest as u64, (event.digest >> 64) as u64);
            self.events += 1;
            return Ok(Some(event));
        }
    }
}

/// How spans and requests end that end with an event.
struct Ends(Digest);

impl Ends {
    fn end(&mut self, began: Time, ended: Time, status: u16, error: Option<ErrorType>) {
        self.0.absorb((ended - began).as_nanos(), u64::from(status) << 16 | error.map_or(0, |error| 1 + error as u64));
    }
}

impl Sink for Ends {
    const OBSERVES: bool = true;
    const LEDGER: bool = false;
    const REQUESTS: bool = true;
    const PARTS: bool = false;
    fn span(&mut self, record: SpanRecord) {
        self.end(record.start, record.end, record.http_status, record.error);
    }
    fn request(&mut self, record: RequestRecord) {
        self.end(record.sent, record.ended, record.status, record.error);
    }
    fn log(&mut self, _: LogRecord) {}
    fn sample(&mut self, _: SampleRecord) {}
    fn change(&mut self, _: ChangeRecord) {}
    fn ledger(&mut self, _: LedgerRecord) {}
    fn state(&mut self, _: StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}
