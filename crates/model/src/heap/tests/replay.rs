//! The measured programs, played on a heap: threads take requests in order, each request allocates, sleeps and is done.

use super::super::{Heap, Outcome, Share};
use crate::record::CollectionKind;
use knockon_kernel::{Duration, Time};

/// What a request does, and how many threads there are to do it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    pub(super) threads: usize,
    pub(super) sleep: Duration,
    /// A pause prolongs the sleep of those that sleep through it.
    pub(super) sleeps_freeze: bool,
    /// Bytes that live while the request sleeps.
    pub(super) allocated: u64,
    /// Bytes that are kept beyond it.
    pub(super) retained: u64,
}

/// One pause, with the instant when it ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    pub(super) ended: Time,
    pub(super) kind: CollectionKind,
    pub(super) length: Duration,
    pub(super) after: u64,
    pub(super) before: u64,
}

/// What a replay saw.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) pauses: Vec<Pause>,
    pub(super) done: Vec<Time>,
    pub(super) death: Option<Time>,
    pub(super) overhead_limit: bool,
}

impl Run {
    /// Share of `[from, to)` that the process stood still.
    pub(super) fn paused_share(&self, from: Time, to: Time) -> f64 {
        let within = |pause: &Pause| {
            let end = pause.ended.min(to);
            let start = Time::from_nanos(pause.ended.as_nanos() - pause.length.as_nanos()).max(from);
            end.saturating_sub(start).as_secs_f64()
        };
        self.pauses.iter().map(within).sum::<f64>() / to.saturating_sub(from).as_secs_f64()
    }

    /// Collections of a kind that ended in `[from, to)`.
    pub(super) fn of(&self, kind: CollectionKind, from: Time, to: Time) -> impl Iterator<Item = &Pause> {
        self.pauses.iter().filter(move |pause| pause.kind == kind && (from..to).contains(&pause.ended))
    }
}

struct Player<'a> {
    heap: &'a mut Heap,
    now: Time,
    mark_ends: Option<Time>,
    run: Run,
}

impl Player<'_> {
    /// Plays an outcome; false if it was the end.
    fn play(&mut self, outcome: Outcome) -> bool {
        for collection in &outcome.collections {
            self.now = self.now.saturating_add(collection.pause);
            self.run.pauses.push(Pause {
                ended: self.now,
                kind: collection.kind,
                length: collection.pause,
                after: collection.after,
                before: collection.before,
            });
        }
        if let Some(mark) = outcome.concurrent {
            self.mark_ends = Some(self.now.saturating_add(mark.duration));
        }
        if let Some(death) = outcome.out_of_memory {
            self.run.death = Some(self.now);
            self.run.overhead_limit = death.overhead_limit;
        }
        outcome.out_of_memory.is_none()
    }
}

/// Plays `arrivals` (in order) until the last request is done or memory is out. The program keeps `kept` bytes at first; what
/// it retains beyond `store` at the time it gives up again, the oldest first.
pub(super) fn replay(
    heap: &mut Heap,
    program: Program,
    arrivals: &[Time],
    mut kept: u64,
    store: impl Fn(Time) -> u64,
) -> Run {
    let mut player = Player { heap, now: Time::ZERO, mark_ends: None, run: Run::default() };
    // The threads that sleep, and those that are free.
    let mut sleeping: Vec<(Time, Share)> = Vec::new();
    let mut arrivals = arrivals.iter().copied().peekable();
    loop {
        let wakes = sleeping.iter().map(|(wakes, _)| *wakes).min();
        let starts = arrivals.peek().copied().filter(|_| sleeping.len() < program.threads);
        let Some(next) = [wakes, starts, player.mark_ends].into_iter().flatten().min() else { break };
        // What came due during a pause happens at its end.
        player.now = player.now.max(next);
        if player.mark_ends == Some(next) {
            player.mark_ends = None;
            let outcome = player.heap.mark_finished(player.now);
            player.play(outcome);
        } else if wakes == Some(next) {
            let index = sleeping.iter().position(|(wakes, _)| *wakes == next).expect("one wakes at its time");
            let (_, mut share) = sleeping.remove(index);
            player.heap.release(&mut share);
            player.run.done.push(player.now);
        } else {
            arrivals.next();
            let (start, mut share) = (player.now, Share::default());
            let outcome = player.heap.allocate(player.now, &mut share, program.allocated);
            if !player.play(outcome) {
                break;
            }
            let outcome = player.heap.retain(player.now, program.retained);
            if !player.play(outcome) {
                break;
            }
            if program.sleeps_freeze {
                let paused = player.now.saturating_sub(start);
                sleeping.iter_mut().for_each(|(wakes, _)| *wakes = wakes.saturating_add(paused));
            }
            kept += program.retained;
            let beyond = kept.saturating_sub(store(player.now));
            player.heap.discard(beyond);
            kept -= beyond;
            sleeping.push((player.now.saturating_add(program.sleep), share));
        }
    }
    player.run
}
