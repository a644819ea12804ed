//! gRPC's retry throttling: a failure takes a token away, a success gives a part of one back, and retries are sent only while
//! more than half of the tokens are there.
//!
//! In thousandths of a token, as gRPC counts them. Source: gRPC proposal A6, "Client-side retries", section "Throttling retry
//! attempts and hedged RPCs". Left out: pushback by the server.

use serde::{Deserialize, Serialize};

/// Tokens of one caller for one callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    maximum_milli: u64,
    ratio_milli: u64,
    milli: u64,
}

impl Tokens {
    /// All tokens are there.
    #[must_use]
    pub fn new(maximum: u32, ratio_permille: u32) -> Self {
        let maximum_milli = u64::from(maximum) * 1_000;
        Self { maximum_milli, ratio_milli: ratio_permille.into(), milli: maximum_milli }
    }

    /// An attempt has ended.
    pub fn ended(&mut self, success: bool) {
        self.milli = if success {
            (self.milli + self.ratio_milli).min(self.maximum_milli)
        } else {
            self.milli.saturating_sub(1_000)
        };
    }

    /// Whether retries are sent.
    #[must_use]
    pub fn allow(&self) -> bool {
        self.milli > self.maximum_milli / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_of_the_tokens_are_not_enough() {
        let mut tokens = Tokens::new(10, 100);
        let allowed: Vec<bool> = (0..6)
            .map(|_| {
                tokens.ended(false);
                tokens.allow()
            })
            .collect();
        assert_eq!(allowed, [true, true, true, true, false, false]);
        // From 4 tokens it takes more than a whole one to have more than 5.
        let needed = (1..).find(|_| {
            tokens.ended(true);
            tokens.allow()
        });
        assert_eq!(needed, Some(11));
    }

    proptest! {
        #[test]
        fn tokens_stay_between_none_and_all(maximum in 1..50u32, ratio in 0..1_000u32, ends in proptest::collection::vec(any::<bool>(), 0..300)) {
            let mut tokens = Tokens::new(maximum, ratio);
            let mut naive = f64::from(maximum);
            for success in ends {
                tokens.ended(success);
                let next = if success { naive + f64::from(ratio) / 1e3 } else { naive - 1.0 };
                naive = if next < 0.0 { 0.0 } else if next > f64::from(maximum) { f64::from(maximum) } else { next };
                prop_assert!((tokens.milli as f64 / 1e3 - naive).abs() < 1e-6);
            }
        }
    }
}
