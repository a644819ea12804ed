//! Whether a run showed what its scenario expects, with what was measured.

mod chain;
mod statistic;

pub use chain::{occurrences, times};
pub use statistic::measure;

/// One expectation and what came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// What was expected, in words.
    pub expected: String,
    /// What was measured, in words.
    pub measured: String,
    /// Whether it held.
    pub held: bool,
}

impl Judgement {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "expected": self.expected, "measured": self.measured, "held": self.held })
    }
}
