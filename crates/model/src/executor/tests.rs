use super::*;
use crate::blueprint;
use proptest::prelude::*;

/// A thread of the naive model: what it runs, else since which turn it waits, and until when.
#[derive(Clone, Copy, Debug)]
struct Thread {
    task: Option<u32>,
    turn: u64,
    until: Option<Time>,
}

/// Java's source, worker by worker, and Python's: every thread in a list that is searched from end to end.
struct Naive {
    config: blueprint::Executor,
    threads: Vec<Thread>,
    queue: Vec<u32>,
    turn: u64,
    completed: u64,
}

impl Naive {
    fn java(&self) -> bool {
        self.config.kind == ExecutorKind::ThreadPoolExecutor
    }

    fn core(&self) -> usize {
        self.config.threads.min(self.config.maximum) as usize
    }

    fn waiting(&self, last: bool) -> Option<usize> {
        let idle = (0..self.threads.len()).filter(|&n| self.threads[n].task.is_none());
        if last { idle.max_by_key(|&n| self.threads[n].turn) } else { idle.min_by_key(|&n| self.threads[n].turn) }
    }

    fn begin(&mut self, task: u32) {
        self.threads.push(Thread { task: Some(task), turn: 0, until: None });
    }

    /// `execute` or `submit`; false where it is refused.
    fn hand_over(&mut self, task: u32) -> bool {
        if !self.java() {
            self.queue.push(task);
            if let Some(idle) = self.waiting(false) {
                self.threads[idle].task = Some(self.queue.remove(0));
            } else if self.threads.len() < self.config.maximum as usize {
                let first = self.queue.remove(0);
                self.begin(first);
            }
            return true;
        }
        if self.threads.len() < self.core() {
            self.begin(task);
            return true;
        }
        let offered = match self.config.queue {
            Some(0) => {
                let taker = self.waiting(true);
                if let Some(taker) = taker {
                    self.threads[taker].task = Some(task);
                    return true;
                }
                false
            }
            places => {
                // Whoever waits takes what is put into the queue at once, so it is never full then.
                let room = places.is_none_or(|places| self.queue.len() < places as usize);
                if room {
                    self.queue.push(task);
                }
                room
            }
        };
        if offered {
            if let Some(taker) = self.waiting(false) {
                self.threads[taker].task = Some(self.queue.remove(0));
            } else if self.threads.is_empty() {
                let first = self.queue.remove(0);
                self.begin(first);
            }
            return true;
        }
        if self.threads.len() < self.config.maximum as usize {
            self.begin(task);
            return true;
        }
        false
    }

    /// `getTask` of a thread, as often as it loops at this instant; `timed_out` where its wait has just ended.
    fn get_task(&mut self, now: Time, thread: usize, mut timed_out: bool) {
        loop {
            let all = self.threads.len();
            let timed = self.java() && (self.config.core_timeout || all > self.core());
            let too_many = self.java() && all > self.config.maximum as usize;
            if (too_many || timed && timed_out) && (all > 1 || self.queue.is_empty()) {
                self.threads.remove(thread);
                return;
            }
            if !self.queue.is_empty() {
                self.threads[thread].task = Some(self.queue.remove(0));
                return;
            }
            if timed && self.config.keep_alive.is_zero() {
                timed_out = true;
                continue;
            }
            self.turn += 1;
            let until = timed.then(|| now + self.config.keep_alive);
            self.threads[thread] = Thread { task: None, turn: self.turn, until };
            return;
        }
    }

    fn ended(&mut self, now: Time, task: u32) -> Option<u32> {
        let thread = self.threads.iter().position(|thread| thread.task == Some(task)).unwrap();
        self.threads[thread].task = None;
        self.completed += 1;
        let before = self.queue.first().copied();
        let waiting = self.queue.len();
        self.get_task(now, thread, false);
        before.filter(|_| self.queue.len() < waiting)
    }

    fn expire(&mut self, now: Time) {
        // One after the other, in the order in which they began to wait.
        let mut due: Vec<u64> = self
            .threads
            .iter()
            .filter(|t| t.task.is_none() && t.until.is_some_and(|until| until <= now))
            .map(|t| t.turn)
            .collect();
        due.sort_unstable();
        for turn in due {
            let thread = self.threads.iter().position(|t| t.task.is_none() && t.turn == turn).unwrap();
            self.get_task(now, thread, true);
        }
    }

    fn interrupt_idle(&mut self, now: Time) {
        let mut idle: Vec<u64> = self.threads.iter().filter(|t| t.task.is_none()).map(|t| t.turn).collect();
        idle.sort_unstable();
        for turn in idle {
            let Some(thread) = self.threads.iter().position(|t| t.task.is_none() && t.turn == turn) else { continue };
            self.get_task(now, thread, false);
        }
    }

    fn resize(&mut self, now: Time, core: u32, maximum: u32) -> Vec<u32> {
        let before = self.core();
        (self.config.threads, self.config.maximum) = (core, maximum);
        let mut begun = Vec::new();
        if !self.java() {
            return begun;
        }
        if self.threads.len() > maximum as usize || self.core() != before && self.threads.len() > self.core() {
            self.interrupt_idle(now);
        }
        let more = self.core().saturating_sub(before).min(self.queue.len());
        for _ in 0..more {
            if self.threads.len() >= self.core() {
                break;
            }
            let first = self.queue.remove(0);
            self.begin(first);
            begun.push(first);
        }
        begun
    }
}

fn config(
    kind: ExecutorKind,
    sizes: (u32, u32),
    queue: Option<u32>,
    keep_alive: u64,
    core_timeout: bool,
) -> blueprint::Executor {
    blueprint::Executor {
        name: "tasks".into(),
        kind,
        threads: sizes.0,
        maximum: sizes.1.max(1),
        queue,
        keep_alive: Duration::from_secs(keep_alive),
        core_timeout: core_timeout && keep_alive > 0,
        rejection: RejectionPolicy::Abort,
    }
}

fn java(sizes: (u32, u32), queue: Option<u32>) -> Executor<u32> {
    Executor::new(&config(ExecutorKind::ThreadPoolExecutor, sizes, queue, 60, false))
}

fn at(second: u64) -> Time {
    Time::from_nanos(second * 1_000_000_000)
}

#[test]
fn below_the_core_size_a_task_gets_a_new_thread_even_where_others_are_idle() {
    let mut executor = java((2, 2), None);
    assert_eq!(executor.hand_over(1), Handed::Started(1));
    assert_eq!(executor.ended(at(1), 1), None);
    assert_eq!(executor.hand_over(2), Handed::Started(2));
    assert_eq!(executor.threads(), 2);
    assert_eq!(executor.hand_over(3), Handed::Started(3));
    assert_eq!((executor.threads(), executor.hand_over(4)), (2, Handed::Queued));
}

#[test]
fn a_full_queue_makes_new_threads_that_overtake_it_up_to_the_maximum() {
    let mut executor = java((1, 2), Some(1));
    assert_eq!(
        [1, 2, 3, 4].map(|task| executor.hand_over(task)),
        [Handed::Started(1), Handed::Queued, Handed::Started(3), Handed::Refused,]
    );
    assert_eq!(executor.ended(at(1), 3), Some(2), "its thread takes the oldest one");
    assert_eq!((executor.ended(at(2), 1), executor.next_expiry()), (None, Some(at(62))));
    executor.expire(at(62));
    assert_eq!((executor.threads(), executor.running()), (1, &[2][..]));
    assert_eq!((executor.ended(at(70), 2), executor.next_expiry()), (None, None), "one of the core stays");
}

#[test]
fn a_queue_without_end_never_lets_an_executor_grow_beyond_its_core() {
    let mut executor = java((1, 50), None);
    (0..100).for_each(|task| assert_ne!(executor.hand_over(task), Handed::Refused));
    assert_eq!((executor.threads(), executor.queued().len()), (1, 99));
    let mut without_core = java((0, 50), None);
    (0..100).for_each(|task| assert_ne!(without_core.hand_over(task), Handed::Refused));
    assert_eq!((without_core.threads(), without_core.queued().len()), (1, 99));
}

#[test]
fn pythons_pool_reuses_an_idle_thread_and_never_shrinks() {
    let mut executor = Executor::new(&config(ExecutorKind::ConcurrentFutures, (4, 4), None, 60, false));
    assert_eq!(executor.hand_over(1), Handed::Started(1));
    assert_eq!(executor.ended(at(1), 1), None);
    assert_eq!((executor.hand_over(2), executor.threads()), (Handed::Started(2), 1));
    assert_eq!((executor.hand_over(3), executor.threads()), (Handed::Started(3), 2));
    assert_eq!((executor.ended(at(2), 2), executor.ended(at(2), 3), executor.next_expiry()), (None, None, None));
    executor.expire(at(1_000_000));
    assert!(executor.resize(at(1_000_000), 1, 1).is_empty());
    assert_eq!(executor.threads(), 2);
}

proptest! {
    /// Whatever is handed over, ends, waits and is set: the machine has the threads, tasks and queue that Java's or Python's source has.
    #[test]
    fn an_executor_does_what_its_source_does(
        python in any::<bool>(),
        sizes in (0..4_u32, 1..6_u32),
        queue in prop_oneof![Just(None), (0..4_u32).prop_map(Some)],
        (keep_alive, core_timeout) in (0..4_u64, any::<bool>()),
        steps in prop::collection::vec((0..12_u8, any::<u32>(), 0..3_u64), 1..200),
    ) {
        let kind = if python { ExecutorKind::ConcurrentFutures } else { ExecutorKind::ThreadPoolExecutor };
        let (sizes, queue) = if python { ((sizes.1, sizes.1), None) } else { (sizes, queue) };
        let config = config(kind, sizes, queue, keep_alive, core_timeout);
        let mut naive = Naive { config: config.clone(), threads: Vec::new(), queue: Vec::new(), turn: 0, completed: 0 };
        let mut executor = Executor::new(&config);
        let (mut now, mut next) = (Time::ZERO, 0);
        for (kind, n, seconds) in steps {
            now += Duration::from_secs(seconds);
            naive.expire(now);
            executor.expire(now);
            match kind {
                0..=5 => {
                    next += 1;
                    let waiting = naive.queue.clone();
                    let taken = naive.hand_over(next);
                    let runs = |task: u32| naive.threads.iter().any(|thread| thread.task == Some(task));
                    let expected = match taken {
                        false => Handed::Refused,
                        true if runs(next) => Handed::Started(next),
                        true => waiting.first().filter(|&&first| runs(first)).map_or(Handed::Queued, |&first| Handed::Started(first)),
                    };
                    prop_assert_eq!(executor.hand_over(next), expected);
                }
                6..=9 => {
                    let running: Vec<u32> = naive.threads.iter().filter_map(|thread| thread.task).collect();
                    if !running.is_empty() {
                        let task = running[n as usize % running.len()];
                        prop_assert_eq!(executor.ended(now, task), naive.ended(now, task));
                    }
                }
                10 => {
                    let (core, maximum) = (n % 5, 1 + n / 5 % 5);
                    prop_assert_eq!(executor.resize(now, core, maximum), naive.resize(now, core, maximum));
                }
                _ => {
                    let oldest = (!naive.queue.is_empty()).then(|| naive.queue.remove(0));
                    prop_assert_eq!(executor.discard_oldest(), oldest);
                }
            }
            let mut running: Vec<u32> = naive.threads.iter().filter_map(|thread| thread.task).collect();
            let mut known = executor.running().to_vec();
            running.sort_unstable();
            known.sort_unstable();
            prop_assert_eq!(known, running);
            prop_assert_eq!(executor.queued().collect::<Vec<_>>(), naive.queue.clone());
            prop_assert_eq!((executor.threads(), executor.completed()), (naive.threads.len() as u32, naive.completed));
            let next_expiry = naive.threads.iter().filter(|thread| thread.task.is_none()).filter_map(|thread| thread.until).min();
            prop_assert_eq!(executor.next_expiry(), next_expiry);
        }
    }
}
