//! What callers did about a link with a traffic policy.

use super::Station;
use serde::{Deserialize, Serialize};

/// What callers did about a link with a traffic policy, summed over them:
/// `sent = succeeded + failed + cancelled + lost + under_way`, always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatistics {
    /// Name of the link: `caller -> callee`.
    pub name: String,
    /// Attempts sent.
    pub sent: u64,
    /// Attempts that were answered with a status below 500.
    pub succeeded: u64,
    /// Attempts that ended otherwise.
    pub failed: u64,
    /// Attempts that their caller left because an earlier one was answered.
    pub cancelled: u64,
    /// Attempts whose caller died.
    pub lost: u64,
    /// Attempts not ended yet, and how long the others took.
    pub under_way: Station,
    /// Callers that wait for a permit of the bulkhead.
    pub waiting: Station,
    /// Retries that the budget allowed.
    pub retries: u64,
    /// Retries that it did not.
    pub retries_refused: u64,
    /// Attempts that the circuit breaker did not let through.
    pub not_permitted: u64,
    /// Times that a circuit breaker opened.
    pub opened: u64,
    /// Attempts for which the bulkhead had no permit.
    pub bulkhead_full: u64,
    /// Attempts that callers gave up by themselves.
    pub throttled: u64,
    /// Ejections of a process.
    pub ejections: u64,
}

impl LinkStatistics {
    /// Attempts not ended yet.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.under_way.present()
    }

    /// The sum with another caller's; the name is this one's.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            name: self.name,
            sent: self.sent + other.sent,
            succeeded: self.succeeded + other.succeeded,
            failed: self.failed + other.failed,
            cancelled: self.cancelled + other.cancelled,
            lost: self.lost + other.lost,
            under_way: self.under_way.plus(&other.under_way),
            waiting: self.waiting.plus(&other.waiting),
            retries: self.retries + other.retries,
            retries_refused: self.retries_refused + other.retries_refused,
            not_permitted: self.not_permitted + other.not_permitted,
            opened: self.opened + other.opened,
            bulkhead_full: self.bulkhead_full + other.bulkhead_full,
            throttled: self.throttled + other.throttled,
            ejections: self.ejections + other.ejections,
        }
    }
}
