//! Envoy's retry budget: the retries that are waiting or under way are at most a share of all attempts under way or waiting, or
//! a minimum where that is more.
//!
//! A retry counts from the decision to send it, so through its back-off, until its attempt is over. Source: Envoy,
//! `CircuitBreakers.Thresholds.RetryBudget` (`budget_percent` 20, `min_retry_concurrency` 3).

use serde::{Deserialize, Serialize};

/// Retries of one caller to one callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    permille: u32,
    minimum: u32,
    active: u32,
}

impl Concurrency {
    /// None is under way.
    #[must_use]
    pub fn new(permille: u32, minimum: u32) -> Self {
        Self { permille, minimum, active: 0 }
    }

    /// Retries that are waiting or under way.
    #[must_use]
    pub fn active(&self) -> u32 {
        self.active
    }

    /// Begins a retry if there is room.
    pub fn try_begin(&mut self, under_way: u32) -> bool {
        let share = u64::from(under_way) * u64::from(self.permille) / 1_000;
        let room = u64::from(self.active) < share.max(u64::from(self.minimum));
        self.active += u32::from(room);
        room
    }

    /// A retry is over.
    ///
    /// # Panics
    /// If none is under way.
    pub fn end(&mut self) {
        self.active = self.active.checked_sub(1).expect("a retry that is over was begun");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_or_a_fifth_of_what_is_under_way() {
        for (under_way, expected) in [(0, 3), (15, 3), (19, 3), (20, 4), (100, 20)] {
            let mut budget = Concurrency::new(200, 3);
            let granted = (0..100).filter(|_| budget.try_begin(under_way)).count();
            assert_eq!(granted, expected, "{under_way} under way");
            budget.end();
            assert!(budget.try_begin(under_way) && !budget.try_begin(under_way));
            assert_eq!(budget.active() as usize, expected);
        }
    }
}
