//! Retry budgets: whether a failed attempt may be followed by another, by what all calls of a process over a link did together.
//!
//! Per-call limits multiply over the tiers of a system; a budget bounds what retries add to the load of one link, whatever the calls
//! want. One file a kind, each named for the system that works so.

mod concurrency;
mod rate;
mod tokens;

pub use concurrency::Concurrency;
pub use rate::Rate;
pub use tokens::Tokens;

use crate::blueprint::RetryBudget;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// A budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Budget {
    /// gRPC's.
    Tokens(Tokens),
    /// Finagle's.
    Rate(Rate),
    /// Envoy's.
    Concurrency(Concurrency),
}

impl Budget {
    /// A full one.
    #[must_use]
    pub fn new(config: RetryBudget, now: Time) -> Self {
        match config {
            RetryBudget::Grpc { maximum_tokens, ratio_permille } => {
                Self::Tokens(Tokens::new(maximum_tokens, ratio_permille))
            }
            RetryBudget::Finagle { ratio_permille, minimum_per_second, ttl } => {
                Self::Rate(Rate::new(now, ratio_permille, minimum_per_second, ttl))
            }
            RetryBudget::Envoy { permille, minimum } => Self::Concurrency(Concurrency::new(permille, minimum)),
        }
    }

    /// A call begins: its first attempt, not a retry.
    pub fn call(&mut self, now: Time) {
        if let Self::Rate(rate) = self {
            rate.deposit(now);
        }
    }

    /// An attempt succeeded, or failed in a way that the policy retries.
    pub fn ended(&mut self, success: bool) {
        if let Self::Tokens(tokens) = self {
            tokens.ended(success);
        }
    }

    /// Whether a retry may follow; if so it is paid for. `under_way` counts the attempts sent or waiting to be.
    pub fn try_retry(&mut self, now: Time, under_way: u32) -> bool {
        match self {
            Self::Tokens(tokens) => tokens.allow(),
            Self::Rate(rate) => rate.try_withdraw(now),
            Self::Concurrency(concurrency) => concurrency.try_begin(under_way),
        }
    }

    /// A retry that was granted is over, or will not be sent.
    pub fn retry_over(&mut self) {
        if let Self::Concurrency(concurrency) = self {
            concurrency.end();
        }
    }
}
