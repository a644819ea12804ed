//! Lines that a process writes of itself: of its collections, its starts, its pool, its sessions.
//!
//! No request names such a line, and how many came before it is no name either: one line more, and all later ones of a healthy process would
//! be other lines. So they are paired by time: of each kind and process those of both worlds in their order, one with one, as long as they are no further
//! apart than a window. What has no partner then is in the fact only. It is there because of the fault if there are more such lines of its kind in its
//! window than lines of the placebo that have no partner leave room for, by the rule for every other number ([`Noise`]). Deliberately not here:
//! lines about requests, which have an address (`marks`).

use super::contrast::ALPHA;
use super::noise::Noise;
use knockon_kernel::{Duration, Time};
use knockon_model::id::ProcessId;
use knockon_model::record::{CollectionKind, LogEvent, LogRecord};
use std::collections::{BTreeMap, VecDeque};

/// Of what kind a line is.
pub(super) type Kind = u8;

/// The kind of a line, and whether its process writes it of itself.
pub(super) fn kind(event: &LogEvent) -> (Kind, bool) {
    match event {
        LogEvent::Started { .. } => (0, true),
        LogEvent::Starting => (1, true),
        LogEvent::Stopping => (2, true),
        LogEvent::PoolStarting { .. } => (3, true),
        LogEvent::PoolStarted { .. } => (4, true),
        LogEvent::PoolConnectFailed { .. } => (5, true),
        LogEvent::PoolConnectionBroken { .. } => (6, true),
        LogEvent::PoolLeakSuspected { .. } => (7, true),
        LogEvent::ConnectionRejected { .. } => (8, true),
        LogEvent::ClientLost { .. } => (9, true),
        LogEvent::LockWait { acquired: false, .. } => (10, true),
        LogEvent::LockWait { acquired: true, .. } => (11, true),
        LogEvent::Terminated { .. } => (12, true),
        LogEvent::RateLimited { delayed: false, .. } => (13, true),
        LogEvent::RateLimited { delayed: true, .. } => (14, true),
        LogEvent::OutOfMemory { .. } => (15, false),
        LogEvent::PoolTimeout { .. } => (16, false),
        LogEvent::RequestFailed { .. } => (17, false),
        LogEvent::LoadFailed { .. } => (18, false),
        LogEvent::SlowQuery { .. } => (19, false),
        LogEvent::Application { .. } => (20, false),
        LogEvent::TableWait { acquired: false, .. } => (28, true),
        LogEvent::TableWait { acquired: true, .. } => (29, true),
        LogEvent::DeadlockEdge { .. } => (30, true),
        LogEvent::DeadlockHint => (31, true),
        LogEvent::DiskFullHint => (32, true),
        LogEvent::LogFull { .. } => (33, true),
        LogEvent::Checkpoint { .. } => (34, true),
        LogEvent::Collection { kind, .. } => match kind {
            CollectionKind::Young => (21, true),
            CollectionKind::ConcurrentStart => (22, true),
            CollectionKind::ConcurrentMark => (23, true),
            CollectionKind::Remark => (24, true),
            CollectionKind::Mixed => (25, true),
            CollectionKind::Full => (26, true),
            CollectionKind::Generation(_) => (27, true),
        },
        LogEvent::TaskReceived { .. } => (28, false),
        LogEvent::TaskEnded { .. } => (29, false),
        LogEvent::MemoryAlarm { on: true } => (30, true),
        LogEvent::MemoryAlarm { on: false } => (31, true),
        LogEvent::ConsumerTimedOut { .. } => (32, true),
        LogEvent::WorkerTimeout { .. } => (35, true),
        LogEvent::WorkerLastRequest { .. } => (36, true),
        LogEvent::WorkerExiting { .. } => (37, true),
        LogEvent::WorkerFailed { .. } => (38, true),
        LogEvent::WorkerBooting { .. } => (39, true),
        LogEvent::TaskRejected { .. } => (40, false),
    }
}

/// Lines of one kind of one process.
#[derive(Clone, Debug, Default)]
struct Queue {
    /// Without a partner so far: of the fact, and of the world without the fault to be paired with those.
    fact: (VecDeque<LogRecord>, VecDeque<Time>),
    /// The same of the placebo.
    placebo: (VecDeque<Time>, VecDeque<Time>),
    /// Of the fact, without a partner for good.
    alone: VecDeque<LogRecord>,
    /// Of the placebo, likewise.
    alone_by_chance: VecDeque<Time>,
    /// How many of a window that were, by chance.
    noise: Noise,
}

/// Lines that processes write of themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    queues: BTreeMap<(ProcessId, Kind), Queue>,
    /// The windows that have been judged, and the number of the next one.
    judged: u64,
    next: Option<u64>,
}

impl Lines {
    /// Takes in lines of a world.
    pub(super) fn take(&mut self, [fact, without, placebo]: [&[LogRecord]; 3]) {
        for line in fact {
            self.with(line, |queue| queue.fact.0.push_back(*line));
        }
        for line in without {
            self.with(line, |queue| {
                queue.fact.1.push_back(line.time);
                queue.placebo.1.push_back(line.time);
            });
        }
        for line in placebo {
            self.with(line, |queue| queue.placebo.0.push_back(line.time));
        }
    }

    fn with(&mut self, line: &LogRecord, take: impl FnOnce(&mut Queue)) {
        let (kind, own) = kind(&line.event);
        if own {
            // Until now there was none of it, in any window.
            let silent = self.judged;
            take(self.queues.entry((line.process, kind)).or_insert_with(|| {
                let mut queue = Queue::default();
                queue.noise.add_silence(silent);
                queue
            }));
        }
    }

    /// Lines of the fact that are there because of the fault: of windows that were over a window before `now`, if what is compared began at `from`.
    pub(super) fn judge(&mut self, from: Time, window: Duration, now: Time) -> Vec<LogRecord> {
        let length = window.as_nanos().max(1);
        let mut found = Vec::new();
        for queue in self.queues.values_mut() {
            let Queue { fact, placebo, alone, alone_by_chance, .. } = queue;
            pair(fact, |line| line.time, window, now, alone);
            pair(placebo, |&time| time, window, now, alone_by_chance);
        }
        let mut next = self.next.unwrap_or(from.as_nanos() / length);
        while next.saturating_add(2).saturating_mul(length) <= now.as_nanos() && now != Time::MAX {
            self.judge_window(next, length, &mut found);
            next += 1;
        }
        self.next = Some(next);
        found
    }

    /// The same of all that is left when worlds are compared no longer.
    pub(super) fn rest(mut self, from: Time, window: Duration) -> Vec<LogRecord> {
        let mut found = self.judge(from, window, Time::MAX);
        let length = window.as_nanos().max(1);
        let number = |time: Time| time.as_nanos() / length;
        let left = self.queues.values().flat_map(|queue| {
            let lines = queue.alone.iter().map(|line| line.time);
            lines.chain(queue.alone_by_chance.iter().copied())
        });
        let last = left.map(number).max();
        for window in self.next.unwrap_or(0)..=last.unwrap_or(0) {
            self.judge_window(window, length, &mut found);
        }
        found
    }

    fn judge_window(&mut self, window: u64, length: u64, found: &mut Vec<LogRecord>) {
        self.judged += 1;
        let is_over = |time: Time| time.as_nanos() / length <= window;
        for Queue { alone, alone_by_chance, noise, .. } in self.queues.values_mut() {
            let by_chance = alone_by_chance.iter().take_while(|&&time| is_over(time)).count();
            alone_by_chance.drain(..by_chance);
            noise.add(by_chance as f64);
            let lines = alone.iter().take_while(|line| is_over(line.time)).count();
            let lines = alone.drain(..lines);
            if lines.len() > 0 && lines.len() as f64 > noise.band(ALPHA) {
                found.extend(lines);
            }
        }
    }
}

/// Pairs what is sorted by time on both sides, as far as it cannot change any more.
fn pair<T>(
    (ours, theirs): &mut (VecDeque<T>, VecDeque<Time>),
    time: impl Fn(&T) -> Time,
    near: Duration,
    now: Time,
    alone: &mut VecDeque<T>,
) {
    let is_over = |at: Time| at.saturating_add(near) < now;
    loop {
        match (ours.front().map(&time), theirs.front().copied()) {
            (Some(our), Some(their)) if our.max(their) - our.min(their) <= near => {
                ours.pop_front();
                theirs.pop_front();
            }
            (Some(our), their) if their.map_or(is_over(our), |their| our < their) => alone.extend(ours.pop_front()),
            (our, Some(their)) if our.map_or(is_over(their), |our| their < our) => _ = theirs.pop_front(),
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use knockon_model::record::CollectionCause;

    const WINDOW: Duration = Duration::from_secs(10);

    /// Collections of a kind, at so many milliseconds.
    fn lines(kind: CollectionKind, times: impl IntoIterator<Item = u64>) -> Vec<LogRecord> {
        let line = |ms| LogRecord {
            time: Time::from_nanos(ms * 1_000_000),
            process: ProcessId(0),
            uid: 0,
            context: None,
            event: LogEvent::Collection {
                number: 0,
                kind,
                cause: CollectionCause::AllocationFailure,
                before: 0,
                after: 0,
                committed: 0,
                pause: Duration::ZERO,
            },
        };
        times.into_iter().map(line).collect()
    }

    /// When lines were found that are there because of the fault, in milliseconds: taken in block by block.
    fn found(fact: &[LogRecord], without: &[LogRecord], placebo: &[LogRecord]) -> Vec<u64> {
        let mut all = Lines::default();
        let mut found = Vec::new();
        for block in 0..60 {
            let (from, until) =
                (Time::from_nanos(block * 60_000_000_000), Time::from_nanos((block + 1) * 60_000_000_000));
            let of = |lines: &[LogRecord]| {
                lines.iter().filter(|line| from <= line.time && line.time < until).copied().collect::<Vec<_>>()
            };
            all.take([&of(fact), &of(without), &of(placebo)]);
            found.extend(all.judge(Time::ZERO, WINDOW, until));
        }
        found.extend(all.rest(Time::ZERO, WINDOW));
        found.iter().map(|line| line.time.as_nanos() / 1_000_000).collect()
    }

    #[test]
    fn what_is_at_the_same_time_in_both_worlds_is_the_same_line() {
        let all = lines(CollectionKind::Young, (0..3_000).map(|n| n * 1_100 + n % 7));
        assert!(found(&all, &all, &all).is_empty());
        // And so it is where phases have moved by less than a window, however many lines that is.
        let moved = lines(CollectionKind::Young, (0..3_000).map(|n| n * 1_100 + 7_700));
        assert!(found(&moved, &all, &all).is_empty());
    }

    #[test]
    fn lines_that_are_there_only_with_the_fault_are_found_and_healthy_ones_after_them_are_not() {
        let healthy = lines(CollectionKind::Full, (0..6).map(|n| n * 600_000));
        // A spiral in the middle, then a process that is as it was.
        let spiral: Vec<u64> = (0..80).map(|n| 1_000_000 + n * 2_000).collect();
        let mut fact = healthy.clone();
        fact.extend(lines(CollectionKind::Full, spiral.clone()));
        fact.sort_by_key(|line| line.time);
        let found = found(&fact, &healthy, &healthy);
        assert_eq!(found, spiral, "all of the spiral, and nothing else");
    }

    #[test]
    fn a_line_that_comes_and_goes_by_chance_is_not_one_of_the_fault() {
        let at = |shift: u64| lines(CollectionKind::Full, (0..30).map(|n| n * 100_000 + shift));
        assert!(found(&at(70_000), &at(0), &at(20_000)).is_empty(), "one in a window, as in the placebo");
        let many = lines(CollectionKind::Full, (0..40).map(|n| 1_541_000 + n * 100));
        assert_eq!(found(&many, &at(0), &at(20_000)).len(), 40, "forty in a window");
    }

    #[test]
    fn chance_alone_finds_one_line_in_a_hundred_at_most() {
        let mut draw = 7_u64;
        let mut jitter = |most: u64| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (draw >> 33) % most
        };
        let (mut of, mut by_chance) = (0, 0);
        // Often and hardly moved, seldom and moved far.
        for (every, most) in [(1_100, 1_100), (9_000, 30_000), (37_000, 60_000), (300_000, 600_000)] {
            for _ in 0..20 {
                let mut world = || {
                    let mut times: Vec<u64> = (0..3_000_000 / every).map(|n| n * every + jitter(most)).collect();
                    times.sort_unstable();
                    lines(CollectionKind::Young, times)
                };
                let (fact, without, placebo) = (world(), world(), world());
                of += fact.len();
                by_chance += found(&fact, &without, &placebo).len();
            }
        }
        assert!(by_chance * 100 <= of, "{by_chance} of {of}");
    }

    #[test]
    fn kinds_and_processes_are_apart() {
        let young = lines(CollectionKind::Young, [100_000, 200_000]);
        let full = lines(CollectionKind::Full, [100_000]);
        assert_eq!(found(&full, &young, &young), [100_000]);
        let mut elsewhere = lines(CollectionKind::Full, [100_000]);
        elsewhere[0].process = ProcessId(1);
        assert_eq!(found(&full, &elsewhere, &elsewhere), [100_000]);
    }
}
