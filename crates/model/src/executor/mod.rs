//! Executors: threads of a process that run tasks which its requests hand over, and the queue in which tasks wait for them.
//!
//! Threads are *running* a task, or *idle* until one comes or they have been so for long enough to die. By
//! `java.util.concurrent.ThreadPoolExecutor`: below the core size whatever is handed over gets a thread of its own, even where others are
//! idle; else it goes to the queue, from which the thread that has been idle longest takes it; where the queue is full, below the maximum a
//! new thread runs it, past all that wait; else it is refused. A queue without places is a `SynchronousQueue`: it hands over to the thread that
//! has been idle for the shortest time, or not at all. A thread that has done with a task dies if there are more than the maximum, else takes
//! the oldest task of the queue; above the core size (or all of them, with `allowCoreThreadTimeOut`) it dies after `keep_alive` of waiting.
//! By `concurrent.futures.ThreadPoolExecutor`: an idle thread is always preferred to a new one, the queue has no end, nothing is refused and
//! no thread dies.
//!
//! Deliberately not here: what threads need of memory and the tasks in the queue of the heap, what starting one costs, `prestartAllCoreThreads`,
//! tasks that are taken out of the queue before their turn (one that is cancelled keeps its place), `shutdown` (a process that stops waits
//! for its requests, not for tasks), queues in another order, and common pools (`ForkJoinPool`, parallel streams).
//!
//! Source: JDK 17, `ThreadPoolExecutor.java` (`execute`, `getTask`, `setCorePoolSize`, `setMaximumPoolSize`); CPython 3.12,
//! `concurrent/futures/thread.py` (`submit`, `_adjust_thread_count`, `_worker`).

use crate::blueprint::{self, ExecutorKind, RejectionPolicy};
use crate::id::FrameRef;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What becomes of a task that is handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handed<T> {
    /// A thread runs this task from now on: the one handed over, or one that waited before it.
    Started(T),
    /// It waits.
    Queued,
    /// There is neither a thread nor a place for it.
    Refused,
}

/// A thread that waits for a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Idle {
    /// When it dies; `None` waits for ever.
    until: Option<Time>,
}

/// The executor of one process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Executor<T = FrameRef> {
    kind: ExecutorKind,
    core: u32,
    maximum: u32,
    /// Places of the queue; `None` is without end.
    places: Option<u32>,
    keep_alive: Duration,
    core_timeout: bool,
    rejection: RejectionPolicy,
    running: Vec<T>,
    /// In the order in which they began to wait, and how many of them do so for `keep_alive` only.
    idle: VecDeque<Idle>,
    timed: u32,
    queue: VecDeque<T>,
    /// Tasks that have ended on its threads.
    completed: u64,
}

impl<T: Copy + PartialEq> Executor<T> {
    /// Without any thread, as it is created.
    pub(crate) fn new(config: &blueprint::Executor) -> Self {
        Self {
            kind: config.kind,
            core: config.threads,
            maximum: config.maximum,
            places: config.queue,
            keep_alive: config.keep_alive,
            core_timeout: config.core_timeout,
            rejection: config.rejection,
            running: Vec::new(),
            idle: VecDeque::new(),
            timed: 0,
            queue: VecDeque::new(),
            completed: 0,
        }
    }

    /// A task is handed over.
    pub(crate) fn hand_over(&mut self, task: T) -> Handed<T> {
        match self.kind {
            ExecutorKind::ThreadPoolExecutor => self.execute(task),
            ExecutorKind::ConcurrentFutures => self.submit(task),
        }
    }

    fn execute(&mut self, task: T) -> Handed<T> {
        if self.threads() < self.core() {
            return self.start(task);
        }
        // Whoever waits takes what comes, so the queue is empty then.
        let hands_over = self.places == Some(0);
        if self.take_idle(!hands_over) {
            return self.start(task);
        }
        let room = self.places.is_none_or(|places| (self.queue.len() as u64) < u64::from(places));
        // Without any thread the one that is begun for the queue takes this task out of it.
        if room && self.threads() > 0 {
            self.queue.push_back(task);
            return Handed::Queued;
        }
        if self.threads() < self.maximum { self.start(task) } else { Handed::Refused }
    }

    fn submit(&mut self, task: T) -> Handed<T> {
        self.queue.push_back(task);
        if !self.take_idle(true) && self.threads() >= self.maximum {
            return Handed::Queued;
        }
        let oldest = self.queue.pop_front().expect("a task was queued just now");
        self.start(oldest)
    }

    /// Whether a thread waits, which does so no more: the one that has for the longest time, or for the shortest.
    fn take_idle(&mut self, longest: bool) -> bool {
        let idle = if longest { self.idle.pop_front() } else { self.idle.pop_back() };
        self.timed -= u32::from(idle.is_some_and(|idle| idle.until.is_some()));
        idle.is_some()
    }

    fn wait(&mut self, until: Option<Time>) {
        self.timed += u32::from(until.is_some());
        self.idle.push_back(Idle { until });
    }

    fn start(&mut self, task: T) -> Handed<T> {
        self.running.push(task);
        Handed::Started(task)
    }

    /// A thread has done with its task. The task that it takes next, if there is one.
    ///
    /// # Panics
    /// If no thread ran the task.
    pub(crate) fn ended(&mut self, now: Time, task: T) -> Option<T> {
        let all = self.threads();
        let at = self.running.iter().position(|&running| running == task).expect("a task that ends has a thread");
        self.running.swap_remove(at);
        self.completed += 1;
        if self.shrinks() && all > self.maximum && (all > 1 || self.queue.is_empty()) {
            return None;
        }
        if let Some(next) = self.queue.pop_front() {
            self.running.push(next);
            return Some(next);
        }
        let until = self.is_timed(all).then(|| now.saturating_add(self.keep_alive));
        if until != Some(now) {
            self.wait(until);
        }
        None
    }

    /// Threads that have been idle for long enough die.
    pub(crate) fn expire(&mut self, now: Time) {
        let (mut stay, mut all) = (0, self.threads());
        self.timed = 0;
        for idle in std::mem::take(&mut self.idle) {
            if idle.until.is_none_or(|until| until > now) {
                self.wait(idle.until);
            } else if self.is_timed(all) {
                all -= 1;
            } else {
                // One of the core again: it begins to wait anew, behind the others.
                stay += 1;
            }
        }
        (0..stay).for_each(|_| self.wait(None));
    }

    /// When a thread next dies for want of tasks, if none comes.
    pub(crate) fn next_expiry(&self) -> Option<Time> {
        // They wait equally long, so whoever began first is done first.
        if self.timed == 0 { None } else { self.idle.iter().find_map(|idle| idle.until) }
    }

    /// Takes the oldest task out of the queue, for which nobody has a thread any more.
    pub(crate) fn discard_oldest(&mut self) -> Option<T> {
        self.queue.pop_front()
    }

    /// Other sizes from now on. The tasks that new threads take out of the queue.
    pub(crate) fn resize(&mut self, now: Time, core: u32, maximum: u32) -> Vec<T> {
        let before = self.core();
        (self.core, self.maximum) = (core, maximum);
        if !self.shrinks() {
            // A pool of Python's grows when something is next handed over, and never shrinks.
            return Vec::new();
        }
        let core = self.core();
        if self.threads() > self.maximum || core != before && self.threads() > core {
            self.interrupt_idle(now);
        }
        let mut begun = Vec::new();
        for _ in before..core {
            if self.threads() >= core {
                break;
            }
            let Some(task) = self.queue.pop_front() else { break };
            self.running.push(task);
            begun.push(task);
        }
        begun
    }

    /// `interruptIdleWorkers`: whoever waits looks again whether it is still wanted, and begins to wait anew.
    fn interrupt_idle(&mut self, now: Time) {
        let mut all = self.threads();
        self.timed = 0;
        for _ in std::mem::take(&mut self.idle) {
            let timed = self.is_timed(all);
            if all > self.maximum || timed && self.keep_alive.is_zero() {
                all -= 1;
            } else {
                self.wait(timed.then(|| now.saturating_add(self.keep_alive)));
            }
        }
    }

    /// `setRejectedExecutionHandler`.
    pub(crate) fn set_rejection(&mut self, rejection: RejectionPolicy) {
        self.rejection = rejection;
    }

    /// What happens to tasks that are refused.
    pub(crate) fn rejection(&self) -> RejectionPolicy {
        self.rejection
    }

    /// Threads that there are.
    pub(crate) fn threads(&self) -> u32 {
        (self.running.len() + self.idle.len()) as u32
    }

    /// Tasks that run.
    pub(crate) fn running(&self) -> &[T] {
        &self.running
    }

    /// Tasks that wait, the oldest first.
    pub(crate) fn queued(&self) -> impl ExactSizeIterator<Item = T> + '_ {
        self.queue.iter().copied()
    }

    /// Places of the queue that are free; `None` where it has no end.
    pub(crate) fn places_left(&self) -> Option<u32> {
        self.places.map(|places| places.saturating_sub(self.queue.len() as u32))
    }

    /// Tasks that have ended.
    pub(crate) fn completed(&self) -> u64 {
        self.completed
    }

    /// The core size. Above the maximum Java refuses to set it; here the maximum is it then.
    pub(crate) fn core(&self) -> u32 {
        self.core.min(self.maximum)
    }

    pub(crate) fn maximum(&self) -> u32 {
        self.maximum
    }

    /// Whether threads can die.
    fn shrinks(&self) -> bool {
        self.kind == ExecutorKind::ThreadPoolExecutor
    }

    /// Whether a thread that begins to wait does so for `keep_alive` only, where there are so many.
    fn is_timed(&self, threads: u32) -> bool {
        self.shrinks() && (self.core_timeout || threads > self.core())
    }
}

#[cfg(test)]
mod tests;
