//! Whether a run showed what its scenario expects, with what was measured.

mod chain;

pub use chain::{occurrences, times};

use crate::milestones::{Milestones, State};
use knockon_model::statistics::Statistics;
use knockon_scenario::{Expectation, Measured, Milestone};

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

/// Judges every expectation of a scenario.
#[must_use]
pub fn judge(expectations: &[Expectation], statistics: &Statistics, milestones: &Milestones) -> Vec<Judgement> {
    expectations.iter().map(|expectation| judge_one(expectation, statistics, milestones)).collect()
}

fn judge_one(expectation: &Expectation, statistics: &Statistics, milestones: &Milestones) -> Judgement {
    let (measured, held) = match expectation {
        Expectation::Bound { statistic, relation, value } => match statistic.read(statistics) {
            Some(measured) => (Measured(measured, statistic.unit()).to_string(), relation.holds(measured, *value)),
            None => ("nothing of that name".to_owned(), false),
        },
        Expectation::Chain { service, milestones: chain, times: expected } => {
            let states: Vec<_> = chain.iter().copied().map(state).collect();
            let found = times(milestones, service, &states);
            (in_times(u64::from(found)), found >= *expected)
        }
        Expectation::Never { service, milestone } => {
            let state = state(*milestone);
            // Milestones that were only counted have lost their service: any of them speaks against "never".
            let not_kept = milestones.not_kept.get(&state).copied().unwrap_or(0);
            let found = occurrences(milestones, service, state) as u64 + not_kept;
            (in_times(found), found == 0)
        }
    };
    Judgement { expected: expectation.to_string(), measured, held }
}

fn in_times(count: u64) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// What the scenario language calls a milestone.
const fn state(milestone: Milestone) -> State {
    match milestone {
        Milestone::GcShare => State::GcShareOver30Percent,
        Milestone::PoolFull => State::PoolFull,
        Milestone::AcquireTimeout => State::AcquireTimeout,
        Milestone::ServerError => State::ServerError,
        Milestone::Refused => State::Refused,
        Milestone::OutOfMemory => State::OutOfMemoryError,
        Milestone::OomKilled => State::OomKilled,
        Milestone::Exited => State::Exited,
        Milestone::Restarted => State::Restarted,
    }
}
