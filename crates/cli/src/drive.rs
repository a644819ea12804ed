//! Lets a world run in pieces, between which signals are noticed and progress is shown. How a run is cut changes nothing in it.

use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use knockon_kernel::{Duration, Time};
use knockon_lab::Measurement;
use knockon_lab::truth::{Settled, Tally, Truth};
use knockon_model::{Sink, Stop, Tee, World};
use std::time::Instant;

/// Wall time that a piece should take: short enough that Ctrl-C feels immediate.
const PIECE_MS: std::ops::Range<u128> = 10..60;
/// Simulated time of the first piece, before anything is known about the world's speed.
const FIRST_PIECE_NS: u64 = 10_000_000;

/// How a run ended, if not at its time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    /// At a limit of the world.
    Limit(Stop),
    /// By a signal.
    Signal(Exit),
    /// By its sink, which can take no more records.
    SinkFailed,
}

/// Drives a world to its end.
#[derive(Debug)]
pub(crate) struct Drive<'a> {
    measurement: &'a mut Measurement,
    interrupt: &'a Interrupt,
    progress: &'a mut Progress,
    end: Time,
    reached_ns: u64,
    piece_ns: u64,
}

impl<'a> Drive<'a> {
    /// From its beginning to `end`, read where `measurement` wants to.
    pub(crate) fn new(
        measurement: &'a mut Measurement,
        interrupt: &'a Interrupt,
        progress: &'a mut Progress,
        end: Time,
    ) -> Self {
        Self { measurement, interrupt, progress, end, reached_ns: 0, piece_ns: FIRST_PIECE_NS }
    }

    /// All of the way, unless its sink `has_failed`.
    pub(crate) fn through<S: Sink>(
        &mut self,
        world: &mut World,
        sink: &mut S,
        has_failed: impl Fn(&S) -> bool,
    ) -> Result<(), Ended> {
        self.run_until(world, self.end, sink, has_failed)
    }

    /// All of the way, beside the worlds that it is compared with; `tell` gets what comes of that.
    pub(crate) fn beside<S: Sink, const O: bool>(
        &mut self,
        world: &mut World,
        sink: &mut Tee<S, Tally<O>>,
        has_failed: impl Fn(&S) -> bool,
        truth: &mut Truth<O>,
        mut tell: impl FnMut(&Settled) -> Result<(), Ended>,
    ) -> Result<(), Ended> {
        truth.begin(world, &mut sink.1);
        loop {
            let stretch = truth.next();
            let passed = truth
                .run(&stretch, world, |world, until| self.run_until(world, until, sink, |sink| has_failed(&sink.0)))?;
            let settled = truth.settle(&stretch, &passed, world, &mut sink.1);
            tell(&settled)?;
            if stretch.until == self.end {
                return Ok(());
            }
        }
    }

    fn run_until<S: Sink>(
        &mut self,
        world: &mut World,
        until: Time,
        sink: &mut S,
        has_failed: impl Fn(&S) -> bool,
    ) -> Result<(), Ended> {
        let until_ns = until.as_nanos();
        loop {
            if let Some(signal) = self.interrupt.pending() {
                return Err(Ended::Signal(signal));
            }
            let began = Instant::now();
            let from_ns = self.reached_ns;
            self.reached_ns = until_ns.min(self.reached_ns.saturating_add(self.piece_ns));
            self.measurement.run_until(world, Time::from_nanos(self.reached_ns), sink).map_err(Ended::Limit)?;
            let took_ms = began.elapsed().as_millis();
            if took_ms > PIECE_MS.end {
                self.piece_ns = (self.piece_ns / 2).max(1);
            } else if took_ms < PIECE_MS.start && self.reached_ns - from_ns == self.piece_ns {
                self.piece_ns = self.piece_ns.saturating_mul(2);
            }
            if self.reached_ns == self.end.as_nanos() {
                return Ok(());
            }
            if has_failed(sink) {
                return Err(Ended::SinkFailed);
            }
            self.progress.show(self.reached_ns, self.end.as_nanos());
            if self.reached_ns == until_ns {
                return Ok(());
            }
        }
    }
}

/// The instant at which a run of this length ends.
pub(crate) fn end_of(duration: Duration) -> Time {
    Time::ZERO + duration
}
