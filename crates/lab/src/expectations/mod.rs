//! Whether a run showed what its scenario expects, with what was measured.

mod chain;
mod verdict;

pub use chain::{occurrences, times};
pub use verdict::{Judgement, Numbers, Verdict};

use crate::Measurement;
use crate::fidelity::{self, Seen};
use crate::milestones::{Milestones, State};
use knockon_model::statistics::Statistics;
use knockon_scenario::{Expectation, Measured, Milestone, Reading, Statistic, Window};

/// Judges every expectation of a scenario by the aggregates at the end of its run, and what was read and seen on the way. An expectation
/// to reproduce something has a judgement for each observable, and needs `seen`.
#[must_use]
pub fn judge(
    expectations: &[Expectation],
    measurement: &Measurement,
    statistics: &Statistics,
    milestones: &Milestones,
    seen: Option<&Seen>,
) -> Vec<Judgement> {
    let judge = |expectation: &Expectation| match (expectation, seen) {
        (Expectation::Reproduces { service, original, misses }, Some(seen)) => {
            fidelity::judge(original, service, misses, seen).into_iter().map(Judgement::of_comparison).collect()
        }
        _ => vec![judge_one(expectation, measurement, statistics, milestones)],
    };
    expectations.iter().flat_map(judge).collect()
}

fn judge_one(
    expectation: &Expectation,
    measurement: &Measurement,
    statistics: &Statistics,
    milestones: &Milestones,
) -> Judgement {
    let judgement = |subject: &str, measured: String, verdict| {
        let subject = subject.to_owned();
        Judgement { expected: expectation.to_string(), subject, measured, verdict, numbers: None, comparison: None }
    };
    let read = |statistic: &Statistic, window: &Window| match *window {
        Window::WHOLE => statistic.reading(statistics),
        window => measurement.within(statistic, window),
    };
    let in_words =
        |statistic: &Statistic, reading: &Reading| Measured(statistic.value(reading), statistic.unit()).to_string();
    match expectation {
        Expectation::Bound { statistic, relation, value, window } => match read(statistic, window) {
            None => judgement(statistic.path(), verdict::NOT_REACHED.to_owned(), Verdict::NotMeasured),
            Some(reading) => {
                let held = relation.holds(statistic.value(&reading), *value);
                judgement(statistic.path(), in_words(statistic, &reading), Verdict::from(held))
            }
        },
        Expectation::Exact { statistic, value, window } => match read(statistic, window) {
            None => judgement(statistic.path(), verdict::NOT_REACHED.to_owned(), Verdict::NotMeasured),
            Some(reading) => {
                let held = reading.equals(*value);
                judgement(statistic.path(), in_words(statistic, &reading), Verdict::from(held))
            }
        },
        Expectation::Value { statistic, value, precision, slack } => {
            let expected = verdict::Expected { value: *value, precision: *precision, slack: *slack };
            verdict::of_estimate(expectation, statistic, expected, measurement.estimate(statistic))
        }
        Expectation::Chain { service, milestones: chain, times: expected } => {
            let states: Vec<_> = chain.iter().copied().map(state).collect();
            let found = times(milestones, service, &states);
            let measured = in_times(u64::from(found));
            let once = if found < *expected && *expected > 1 { " (each counts once in a process' life)" } else { "" };
            judgement(service, measured + once, Verdict::from(found >= *expected))
        }
        // Nobody looked.
        Expectation::Reproduces { service, .. } => judgement(service, "nothing".to_owned(), Verdict::NotMeasured),
        Expectation::Never { service, milestone } => {
            let state = state(*milestone);
            // Milestones that were only counted have lost their service: any of them speaks against "never".
            let not_kept = milestones.not_kept.get(&state).copied().unwrap_or(0);
            let found = occurrences(milestones, service, state) as u64 + not_kept;
            judgement(service, in_times(found), Verdict::from(found == 0))
        }
    }
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
        Milestone::Shed => State::Shed,
        Milestone::Limited => State::Limited,
        Milestone::BreakerOpened => State::BreakerOpened,
        Milestone::BreakerHalfOpen => State::BreakerHalfOpen,
        Milestone::BreakerClosed => State::BreakerClosed,
        Milestone::Ejected => State::Ejected,
        Milestone::BulkheadFull => State::BulkheadFull,
        Milestone::Throttled => State::Throttled,
        Milestone::RetryRefused => State::RetryRefused,
        Milestone::MemoryAlarm => State::MemoryAlarm,
        Milestone::Redelivered => State::Redelivered,
        Milestone::DeadLettered => State::DeadLettered,
        Milestone::MessageDropped => State::MessageDropped,
        Milestone::QueueFull => State::QueueFull,
        Milestone::TaskFailed => State::TaskFailed,
        Milestone::ProbeFailed => State::ProbeFailed,
        Milestone::ProbeKilled => State::ProbeKilled,
        Milestone::NotReady => State::NotReady,
        Milestone::TaskRejected => State::TaskRejected,
        Milestone::WorkerKilled => State::WorkerKilled,
    }
}
