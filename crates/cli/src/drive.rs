//! Lets a world run in pieces, between which signals are noticed and progress is shown. How a run is cut changes nothing in it.

use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use knockon_kernel::{Duration, Time};
use knockon_lab::Measurement;
use knockon_model::{Sink, Stop, World};
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

/// Runs `world` until `until`, unless its sink `has_failed`, and reads it where `measurement` wants to.
pub(crate) fn drive<S: Sink>(
    world: &mut World,
    until: Time,
    sink: &mut S,
    has_failed: impl Fn(&S) -> bool,
    measurement: &mut Measurement,
    interrupt: &Interrupt,
    progress: &mut Progress,
) -> Result<(), Ended> {
    let end_ns = until.as_nanos();
    let mut reached_ns: u64 = 0;
    let mut piece_ns = FIRST_PIECE_NS;
    loop {
        if let Some(signal) = interrupt.pending() {
            return Err(Ended::Signal(signal));
        }
        let began = Instant::now();
        reached_ns = end_ns.min(reached_ns.saturating_add(piece_ns));
        measurement.run_until(world, Time::from_nanos(reached_ns), sink).map_err(Ended::Limit)?;
        if reached_ns == end_ns {
            return Ok(());
        }
        if has_failed(sink) {
            return Err(Ended::SinkFailed);
        }
        progress.show(reached_ns, end_ns);
        let took_ms = began.elapsed().as_millis();
        if took_ms < PIECE_MS.start {
            piece_ns = piece_ns.saturating_mul(2);
        } else if took_ms > PIECE_MS.end {
            piece_ns = (piece_ns / 2).max(1);
        }
    }
}

/// The instant at which a run of this length ends.
pub(crate) fn end_of(duration: Duration) -> Time {
    Time::ZERO + duration
}
