//! What an instrumented process counts for its metrics: cumulative since its start, as real exporters do.
//!
//! Metering never feeds back: nothing that decides an outcome reads it, and it is no part of the digest. What costs more than an
//! addition is only counted while somebody observes.

use crate::heap::{Collection, Heap};
use crate::metrics::{Timing, Window};
use crate::record::{CollectionCause, CollectionKind};
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one pool's users did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PoolMeter {
    /// Waits of those who got a connection.
    pub(crate) acquired: Timing,
    /// From getting a connection to giving it back.
    pub(crate) used: Timing,
    /// Opening of connections in the background.
    pub(crate) created: Timing,
    /// Callers that gave up.
    pub(crate) timeouts: u64,
    /// When the connection that is being opened was begun: there is one at a time.
    opening: Time,
}

/// What the tasks of one executor did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExecutorMeter {
    /// From handing over to the start, of all that started.
    pub(crate) idle: Timing,
    /// From the start to the end.
    pub(crate) run: Timing,
}

/// A JVM's collections of one kind, as its management beans report them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Collections {
    pub(crate) major: bool,
    pub(crate) cause: CollectionCause,
    pub(crate) pauses: Timing,
}

/// A JVM's old space and counters when its last collection ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AfterCollection {
    pub(crate) old_used: u64,
    pub(crate) allocated: u64,
    pub(crate) promoted: u64,
}

/// Execution times of a Redis server's commands, without their wait for its thread, and what its slow log holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CommandTimes {
    /// `slowlog-log-slower-than`; the longest notes nothing.
    longer_than: Duration,
    /// Nanoseconds for each command, by its endpoint.
    pub(crate) executed_ns: Vec<u64>,
    /// Commands noted so far; it keeps the last [`SLOW_LOG`] of them.
    noted: u64,
    /// How long the last of them took.
    pub(crate) last_noted_ns: u64,
}

/// `slowlog-max-len` as it comes.
const SLOW_LOG: u64 = 128;

impl CommandTimes {
    pub(crate) fn new(commands: usize, longer_than: Option<Duration>) -> Self {
        let longer_than = longer_than.unwrap_or(Duration::MAX);
        Self { longer_than, executed_ns: vec![0; commands], noted: 0, last_noted_ns: 0 }
    }

    /// A command has kept the thread for so long.
    pub(crate) fn executed(&mut self, command: usize, ns: u64) {
        self.executed_ns[command] += ns;
        if ns >= self.longer_than.as_nanos() {
            self.noted += 1;
            self.last_noted_ns = ns;
        }
    }

    /// `SLOWLOG LEN`.
    pub(crate) fn slow_log_length(&self) -> u64 {
        self.noted.min(SLOW_LOG)
    }

    /// The number of the latest entry; they are numbered from 0, which is also what the exporter says where there is none.
    pub(crate) fn slow_log_last(&self) -> u64 {
        self.noted.saturating_sub(1)
    }
}

/// The counters of one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meter {
    /// When the life that it counts began.
    pub(crate) since: Time,
    /// What the processor had been used for by then, in nanoseconds × thousandths of a core.
    pub(crate) busy_before: u128,
    /// For each endpoint, timings by status, in order of first appearance.
    pub(crate) requests: Vec<Vec<(u16, Timing)>>,
    pub(crate) pools: Vec<PoolMeter>,
    pub(crate) executors: Vec<ExecutorMeter>,
    /// Statements by their first word, in order of first appearance.
    pub(crate) queries: Vec<(String, Timing)>,
    pub(crate) collections: Vec<Collections>,
    /// Pauses of a JVM's collections over the last five minutes, in nanoseconds.
    pub(crate) recent_pauses: Window,
    pub(crate) after_collection: AfterCollection,
    /// What the old space held after the last collection that cleaned it.
    pub(crate) live_data: u64,
    /// Kills of this container for its memory; counted by the platform, so restarts do not reset it.
    pub(crate) oom_kills: u32,
    /// Requests that the kernel dropped at a full accept queue; counted by the kernel.
    pub(crate) listen_drops: u64,
    /// A worker's tasks by endpoint; counted by an exporter beside it, so restarts do not reset them.
    #[serde(with = "crate::pairs")]
    pub(crate) tasks: BTreeMap<u32, TaskMeter>,
    /// Worker processes that were killed, and what workers have answered by status; counted by an exporter beside them too.
    pub(crate) workers_killed: u64,
    #[serde(with = "crate::pairs")]
    pub(crate) worker_answers: BTreeMap<u16, u64>,
    /// Of a Redis server that has slow commands.
    pub(crate) commands: Option<Box<CommandTimes>>,
}

/// What became of a worker's tasks of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskMeter {
    pub(crate) received: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) retried: u64,
    /// How long those took that succeeded.
    pub(crate) runtime: Option<Timing>,
}

impl Meter {
    /// Counters of a process with so many endpoints, pools and executors, all at zero.
    pub(crate) fn new(now: Time, endpoints: usize, pools: usize, executors: usize) -> Self {
        let nothing = Timing::new(now);
        let executor = ExecutorMeter { idle: nothing.clone(), run: nothing.clone() };
        let pool =
            PoolMeter { acquired: nothing.clone(), used: nothing.clone(), created: nothing, timeouts: 0, opening: now };
        Self {
            since: now,
            busy_before: 0,
            requests: vec![Vec::new(); endpoints],
            pools: vec![pool; pools],
            executors: vec![executor; executors],
            queries: Vec::new(),
            collections: Vec::new(),
            recent_pauses: Window::of_sum(now),
            after_collection: AfterCollection::default(),
            live_data: 0,
            oom_kills: 0,
            listen_drops: 0,
            tasks: BTreeMap::new(),
            workers_killed: 0,
            worker_answers: BTreeMap::new(),
            commands: None,
        }
    }

    /// The process started again: counters live in its memory. `busy_before`: what its processor was used for until now.
    pub(crate) fn restart(&mut self, now: Time, busy_before: u128) {
        let fresh = Self::new(now, self.requests.len(), self.pools.len(), self.executors.len());
        let anew = |times: Box<CommandTimes>| {
            let longer_than = Some(times.longer_than);
            Box::new(CommandTimes::new(times.executed_ns.len(), longer_than))
        };
        let commands = self.commands.take().map(anew);
        *self = Self {
            busy_before,
            oom_kills: self.oom_kills,
            listen_drops: self.listen_drops,
            tasks: std::mem::take(&mut self.tasks),
            workers_killed: self.workers_killed,
            worker_answers: std::mem::take(&mut self.worker_answers),
            commands,
            ..fresh
        };
    }

    /// A request of an endpoint was answered.
    pub(crate) fn answered(&mut self, now: Time, endpoint: usize, status: u16, ns: u64) {
        let by_status = &mut self.requests[endpoint];
        let at = by_status.iter().position(|&(known, _)| known == status).unwrap_or_else(|| {
            by_status.push((status, Timing::new(now)));
            by_status.len() - 1
        });
        by_status[at].1.record(now, ns);
    }

    /// A worker process has answered a request.
    pub(crate) fn served_by_worker(&mut self, status: u16) {
        *self.worker_answers.entry(status).or_default() += 1;
    }

    /// What became of tasks of an endpoint.
    pub(crate) fn task(&mut self, endpoint: u32) -> &mut TaskMeter {
        self.tasks.entry(endpoint).or_default()
    }

    /// A statement whose first word is `operation` was answered.
    pub(crate) fn queried(&mut self, now: Time, operation: &str, ns: u64) {
        let at = self.queries.iter().position(|(known, _)| known == operation).unwrap_or_else(|| {
            self.queries.push((operation.to_owned(), Timing::new(now)));
            self.queries.len() - 1
        });
        self.queries[at].1.record(now, ns);
    }

    /// A thread has taken up a task that was handed over so long ago.
    pub(crate) fn task_started(&mut self, now: Time, executor: usize, waited_ns: u64) {
        self.executors[executor].idle.record(now, waited_ns);
    }

    /// A task has ended that ran for so long.
    pub(crate) fn task_ended(&mut self, now: Time, executor: usize, ns: u64) {
        self.executors[executor].run.record(now, ns);
    }

    /// A connection was handed out after so long.
    pub(crate) fn acquired(&mut self, now: Time, pool: usize, waited_ns: u64) {
        self.pools[pool].acquired.record(now, waited_ns);
    }

    /// A connection was given back after so long.
    pub(crate) fn used(&mut self, now: Time, pool: usize, ns: u64) {
        self.pools[pool].used.record(now, ns);
    }

    /// A caller gave up waiting for a connection.
    pub(crate) fn acquire_timed_out(&mut self, pool: usize) {
        self.pools[pool].timeouts += 1;
    }

    /// A connection begins to be opened.
    pub(crate) fn opening(&mut self, now: Time, pool: usize) {
        self.pools[pool].opening = now;
    }

    /// It is open.
    pub(crate) fn opened(&mut self, now: Time, pool: usize) {
        let pool = &mut self.pools[pool];
        pool.created.record(now, (now - pool.opening).as_nanos());
    }

    /// A collection's pause is over.
    ///
    /// HotSpot's beans (JDK 17) tell of young and full collections, not of G1's remark; CPython's are read off its heap.
    pub(crate) fn collected(&mut self, now: Time, collection: &Collection, heap: &Heap) {
        let major = match collection.kind {
            CollectionKind::Young | CollectionKind::ConcurrentStart | CollectionKind::Mixed => false,
            CollectionKind::Full => true,
            CollectionKind::ConcurrentMark | CollectionKind::Remark | CollectionKind::Generation(_) => return,
        };
        let cause = collection.cause;
        let same = |known: &Collections| known.major == major && known.cause == cause;
        let at = self.collections.iter().position(same).unwrap_or_else(|| {
            self.collections.push(Collections { major, cause, pauses: Timing::new(now) });
            self.collections.len() - 1
        });
        let pause_ns = collection.pause.as_nanos();
        self.collections[at].pauses.record(now, pause_ns);
        self.recent_pauses.add(now, pause_ns);
        let old_used = heap.old_used();
        self.after_collection = AfterCollection { old_used, allocated: heap.allocated(), promoted: heap.promoted() };
        if major || collection.kind == CollectionKind::Mixed {
            self.live_data = old_used;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_slow_log_is_the_last_entries_of_a_list(commands in proptest::collection::vec((0..3_usize, 0..25_u64, 0..400_u32), 0..600)) {
            const MILLISECOND: u64 = 1_000_000;
            let mut meter = Meter::new(Time::ZERO, 3, 0, 0);
            meter.commands = Some(Box::new(CommandTimes::new(3, Some(Duration::from_millis(10)))));
            let mut naive: Vec<(usize, u64)> = Vec::new();
            for (command, milliseconds, restarts) in commands {
                if restarts == 0 {
                    meter.restart(Time::ZERO, 0);
                    naive.clear();
                }
                let ns = milliseconds * MILLISECOND;
                naive.push((command, ns));
                let times = meter.commands.as_mut().expect("a restart takes nothing away");
                times.executed(command, ns);
                let slow: Vec<(usize, u64)> =
                    naive.iter().filter(|(_, ns)| *ns >= 10 * MILLISECOND).map(|(_, ns)| *ns).enumerate().collect();
                let kept = &slow[slow.len().saturating_sub(128)..];
                prop_assert_eq!(times.slow_log_length(), kept.len() as u64);
                let (number, last_ns) = kept.last().copied().unwrap_or((0, 0));
                prop_assert_eq!((times.slow_log_last(), times.last_noted_ns), (number as u64, last_ns));
                for command in 0..3 {
                    let of_it = naive.iter().filter(|(known, _)| *known == command);
                    prop_assert_eq!(times.executed_ns[command], of_it.map(|(_, ns)| ns).sum::<u64>());
                }
            }
        }
    }

    #[test]
    fn without_a_threshold_nothing_is_noted() {
        let mut times = CommandTimes::new(1, None);
        times.executed(0, 3_600_000_000_000);
        assert_eq!((times.slow_log_length(), times.executed_ns[0]), (0, 3_600_000_000_000));
    }
}
