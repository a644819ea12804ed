//! Executors as described.

use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// Threads of each process of a service to which its programs hand tasks over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executor {
    /// Name within its service.
    pub name: String,
    /// Whose rules it follows.
    pub kind: ExecutorKind,
    /// `corePoolSize`, or Python's `max_workers`.
    pub threads: u32,
    /// `maximumPoolSize`, at least 1; Python's has one size only.
    pub maximum: u32,
    /// Places of its queue: 0 is a `SynchronousQueue`, `None` a queue without end.
    pub queue: Option<u32>,
    /// `keepAliveTime`: threads above the core size die after so long without a task.
    pub keep_alive: Duration,
    /// `allowCoreThreadTimeOut`: those of the core too.
    pub core_timeout: bool,
    /// What happens to a task for which there is neither a thread nor a place.
    pub rejection: RejectionPolicy,
}

impl Executor {
    /// Whether it has one size: whoever sets its maximum sets its core too (`Executors.newFixedThreadPool`, and always Python's).
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.threads == self.maximum
    }

    /// Threads that can come to be while a load grows without end.
    #[must_use]
    pub fn most_threads(&self) -> u32 {
        // One whose queue has no end never finds it full; without any core thread one works for the queue.
        if self.queue.is_none() { self.threads.max(1).min(self.maximum) } else { self.maximum }
    }
}

/// Whose rules an executor follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecutorKind {
    /// `java.util.concurrent.ThreadPoolExecutor`.
    ThreadPoolExecutor,
    /// `concurrent.futures.ThreadPoolExecutor`.
    ConcurrentFutures,
}

/// `RejectedExecutionHandler`s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RejectionPolicy {
    /// `AbortPolicy`: whoever hands it over fails.
    Abort,
    /// `CallerRunsPolicy`: whoever hands it over does it.
    CallerRuns,
    /// `DiscardPolicy`: nobody ever does it, and nobody is told.
    Discard,
    /// `DiscardOldestPolicy`: that happens to the task that waits longest, and this one takes its place.
    DiscardOldest,
}

impl RejectionPolicy {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Abort, Self::CallerRuns, Self::Discard, Self::DiscardOldest];

    /// Its number, which stands for it where a patch sets it.
    #[must_use]
    pub const fn number(self) -> u64 {
        self as u64
    }

    /// The one with a number; the last for those that there are not.
    #[must_use]
    pub fn of_number(number: u64) -> Self {
        let last = Self::ALL.len() - 1;
        Self::ALL[usize::try_from(number).map_or(last, |number| number.min(last))]
    }

    /// Its name, as scenarios write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Abort => "Abort",
            Self::CallerRuns => "CallerRuns",
            Self::Discard => "Discard",
            Self::DiscardOldest => "DiscardOldest",
        }
    }
}
