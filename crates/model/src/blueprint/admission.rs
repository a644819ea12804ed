//! Admission as described: in which order a service takes up what is queued, what it drops from the queue, and what becomes of a
//! request that finds no place.

use super::{ConcurrencyLimit, RateLimit};
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// How a service admits requests. The default is a bounded queue, first in first out, that refuses what finds no place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Admission {
    /// The accept queue.
    pub queue: Queue,
    /// What becomes of a request that finds no place in it.
    pub overflow: Rejection,
    /// By endpoint, the class of its requests, whatever their caller's is: 0 is the most important. Shorter than the
    /// endpoints or `None`: the request's own class.
    pub classes: Vec<Option<u8>>,
    /// Limit of the rate of all endpoints that have none of their own.
    pub rate_limit: Option<RateLimit>,
    /// By endpoint, a limit of its own; shorter than the endpoints or `None`: the service's.
    pub endpoint_limits: Vec<Option<RateLimit>>,
    /// Limit of the requests in work at once.
    pub concurrency: Option<ConcurrencyLimit>,
}

impl Admission {
    /// Whether there is any limit before the workers.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.rate_limit.is_some() || self.endpoint_limits.iter().any(Option::is_some) || self.concurrency.is_some()
    }

    /// The limit of an endpoint's rate.
    #[must_use]
    pub fn rate_limit_of(&self, endpoint: usize) -> Option<&RateLimit> {
        self.endpoint_limits.get(endpoint).and_then(Option::as_ref).or(self.rate_limit.as_ref())
    }

    /// All limits of rates.
    pub fn rate_limits(&self) -> impl Iterator<Item = &RateLimit> {
        self.rate_limit.iter().chain(self.endpoint_limits.iter().flatten())
    }

    /// Statuses with which an endpoint's requests may be turned away.
    pub fn rejection_statuses(&self, endpoint: usize) -> impl Iterator<Item = u16> + '_ {
        let excess = self.concurrency.and_then(|limit| limit.excess);
        let dropped = if self.queue.is_plain() { None } else { Some(self.queue.dropped) };
        let told = [Some(self.overflow), dropped, excess].into_iter().flatten();
        let told = told.filter_map(|how| match how {
            Rejection::Status(status) => Some(status),
            _ => None,
        });
        told.chain(self.rate_limit_of(endpoint).map(|limit| limit.status))
    }
}

/// Discipline of an accept queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Which of a class comes first.
    pub order: Order,
    /// Whether more important classes always come first, and are given the place of less important ones when it is full.
    pub by_class: bool,
    /// Control of the delay.
    pub delay: Option<DelayControl>,
    /// What arrived longer ago is dropped when its turn comes. `None` is never.
    pub maximum_age: Option<Duration>,
    /// Whether work is dropped when its turn comes after the deadline that its caller propagated.
    pub drops_expired: bool,
    /// Whether work whose caller has left is dropped when its turn comes: the server looks whether the connection is closed.
    pub drops_abandoned: bool,
    /// Who has to go when it is full, within a class.
    pub victim: Victim,
    /// How those that are dropped from it are told: any but [`Rejection::Retransmit`].
    pub dropped: Rejection,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            order: Order::Fifo,
            by_class: false,
            delay: None,
            maximum_age: None,
            drops_expired: false,
            drops_abandoned: false,
            victim: Victim::Arrival,
            dropped: Rejection::Status(503),
        }
    }
}

impl Queue {
    /// Whether anything can leave it but by being served or given up by its caller, or in another order than it came.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let plain = Self { dropped: self.dropped, ..Self::default() };
        *self == plain
    }
}

/// Which of the queued comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// First in, first out.
    Fifo,
    /// Last in, first out.
    Lifo,
    /// First in, first out while at most `threshold` are queued, else last in, first out (adaptive LIFO: Maurer, "Fail at Scale",
    /// ACM Queue 13(8), 2015).
    AdaptiveLifo {
        /// Queued requests above which the last comes first.
        threshold: u32,
    },
}

/// Control of the delay in a queue: drops requests when they have stood too long, at the time when they are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DelayControl {
    /// CoDel (Nichols and Jacobson 2012, RFC 8289): once every sojourn within an interval was above the target, drops one, and
    /// further ones at distances interval/√n while that lasts.
    CoDel {
        /// Acceptable standing delay.
        target: Duration,
        /// Time in which a good queue is empty once.
        interval: Duration,
    },
    /// The variant for requests (Maurer 2015): a request that arrives while the queue has not been empty for `interval` is
    /// dropped after waiting `target`, any other after waiting `interval`.
    Standing {
        /// Longest wait in a standing queue.
        target: Duration,
        /// Time in which a good queue is empty once, and the longest wait in it.
        interval: Duration,
    },
}

/// Who goes when a queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Victim {
    /// The request that arrives.
    Arrival,
    /// The one that has waited longest.
    Oldest,
}

/// How a request that is not admitted learns of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// The connection is refused (RST; `tcp_abort_on_overflow`).
    #[default]
    Refuse,
    /// An answer with this status.
    Status(u16),
    /// Not at all: the attempt waits for its timer.
    Silent,
    /// Its SYN is dropped, and comes again.
    Retransmit(SynSchedule),
}

/// When Linux sends an unanswered SYN again (`tcp_syn_retries` 6, initial timeout 1 s).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SynSchedule {
    /// Before Linux 6.5: after 1, 3, 7, 15, 31, 63 s; given up after 127 s.
    Exponential,
    /// Since Linux 6.5 (`tcp_syn_linear_timeouts` 4): after 1, 2, 3, 4, 5, 7, 11, 19, 35, 67 s; given up after 131 s.
    Linear,
}

impl SynSchedule {
    /// Retransmissions before the connection attempt is given up.
    #[must_use]
    pub const fn retransmissions(self) -> u32 {
        match self {
            Self::Exponential => 6,
            Self::Linear => 10,
        }
    }

    /// From SYN number `sent` (1 is the first) to the next one, or to giving up after the last.
    #[must_use]
    pub const fn timeout(self, sent: u32) -> Duration {
        let doublings = match self {
            Self::Exponential => sent - 1,
            Self::Linear => (sent - 1).saturating_sub(4),
        };
        Duration::from_secs(1 << doublings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syn_comes_again_when_linux_sends_it_again() {
        let instants = |schedule: SynSchedule| -> Vec<u64> {
            let mut at = 0;
            let sent = 1..=schedule.retransmissions() + 1;
            sent.map(|sent| {
                at += schedule.timeout(sent).as_nanos() / 1_000_000_000;
                at
            })
            .collect()
        };
        assert_eq!(instants(SynSchedule::Exponential), [1, 3, 7, 15, 31, 63, 127]);
        assert_eq!(instants(SynSchedule::Linear), [1, 2, 3, 4, 5, 7, 11, 19, 35, 67, 131]);
    }

    #[test]
    fn a_queue_that_is_told_nothing_is_plain() {
        assert!(Queue::default().is_plain());
        assert!(Queue { dropped: Rejection::Silent, ..Queue::default() }.is_plain());
        assert!(!Queue { drops_abandoned: true, ..Queue::default() }.is_plain());
    }
}
