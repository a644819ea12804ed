//! Whether a run did what a real system did on the same work.
//!
//! A family of measurements has a file: what a row of it is, and the observables that are computed from rows. The functions do
//! not know where rows come from: those of a simulated run ([`Seen`]) and those of the real thing go through the same ones, and a
//! test holds that the real rows give the values that were published with them. [`judge`] compares with a measured file.
//! Not here: the measured files' format ([`knockon_scenario::original`]), and tables for people (the summary).

mod cache;
mod certificate;
mod heap;
mod judge;
mod limit;
mod lock;
#[cfg(test)]
pub(crate) mod made_up;
mod numbers;
mod page;
mod pool;
mod retry;
mod seen;
mod slots;
mod tolerance;

pub use judge::{About, Beside, Comparison, judge};
pub use page::page;
pub use seen::Seen;

/// Observables by name; `None` where a run has no such value (no failure, never recovered).
pub type Observables = std::collections::BTreeMap<String, Option<f64>>;

#[cfg(test)]
mod tests;
