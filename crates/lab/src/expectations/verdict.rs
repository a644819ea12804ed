//! One expectation and what came of it.

use crate::Estimate;
use crate::fidelity::Comparison;
use knockon_scenario::{Expectation, Measured, Statistic, Unit};
use std::fmt;

/// Why there is no reading at an edge.
pub(super) const NOT_REACHED: &str = "nothing: the run did not come so far";

/// What came of an expectation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// It held.
    Held,
    /// What was measured is something else.
    Differs,
    /// The band is wider than the precision that was asked for, or its batches are too alike to tell how wide it is.
    Imprecise,
    /// The run did not come so far, or nothing was counted.
    NotMeasured,
    /// An observable of a real system is missed, as the scenario says, which names the mechanism that is absent.
    Explained,
    /// An observable that the scenario declares as missed is a fair prediction.
    NoLongerMissed,
}

impl Verdict {
    pub(super) fn from(held: bool) -> Self {
        if held { Self::Held } else { Self::Differs }
    }

    /// What comes of an observable of a real system.
    pub(crate) fn of(comparison: &Comparison) -> Self {
        match (comparison.is_fair(), &comparison.mechanism, comparison.simulated) {
            (true, None, _) => Self::Held,
            (true, Some(_), _) if comparison.drawn => Self::Held,
            (true, Some(_), _) => Self::NoLongerMissed,
            (false, Some(_), _) => Self::Explained,
            (false, None, Some(_)) => Self::Differs,
            (false, None, None) => Self::NotMeasured,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Held => "held",
            Self::Differs => "differs",
            Self::Imprecise => "too imprecise: run longer",
            Self::NotMeasured => "not measured",
            Self::Explained => "missed, explained",
            Self::NoLongerMissed => "no longer a miss: remove it",
        })
    }
}

/// The numbers behind an estimated value, in the statistic's unit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Numbers {
    /// What was expected.
    pub expected: f64,
    /// What was measured.
    pub measured: f64,
    /// Half the width of the band of four standard errors.
    pub half_width: f64,
    /// What is allowed beside, because the source of the expected value says so.
    pub slack: f64,
    /// First serial correlation of the batches.
    pub correlation: f64,
    /// What the numbers are.
    pub unit: Unit,
}

/// One expectation and what came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// What was expected, in words.
    pub expected: String,
    /// Whose it is: the path of a statistic, or a service.
    pub subject: String,
    /// What was measured, in words.
    pub measured: String,
    /// What came of it.
    pub verdict: Verdict,
    /// For an estimated value.
    pub numbers: Option<Numbers>,
    /// For an observable of a real system.
    pub comparison: Option<Comparison>,
}

impl Judgement {
    /// Whether it held.
    #[must_use]
    pub fn held(&self) -> bool {
        self.verdict == Verdict::Held
    }

    /// Whether it did not hold, as its scenario says and explains.
    #[must_use]
    pub fn is_explained(&self) -> bool {
        self.verdict == Verdict::Explained
    }

    /// Whether the run is as its scenario says: it held, or is missed and explained.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.held() || self.is_explained()
    }

    /// An observable beside what it was on a real system.
    pub(crate) fn of_comparison(comparison: Comparison) -> Self {
        let [low, high] = comparison.fair;
        let verdict = Verdict::of(&comparison);
        Self {
            expected: format!("{} {} (fair {low} to {high})", comparison.observable, comparison.median),
            subject: comparison.set.clone(),
            measured: comparison.simulated.map_or_else(|| "nothing".to_owned(), |value| format!("{value:.4}")),
            verdict,
            numbers: None,
            comparison: Some(comparison),
        }
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut json = serde_json::json!({
            "expected": self.expected,
            "subject": self.subject,
            "measured": self.measured,
            "held": self.held(),
            "passes": self.passes(),
            "verdict": self.verdict.to_string(),
        });
        if let Some(comparison) = &self.comparison {
            json["comparison"] = serde_json::json!({
                "family": comparison.family,
                "set": comparison.set,
                "observable": comparison.observable,
                "median": comparison.median,
                "smallest": comparison.smallest,
                "largest": comparison.largest,
                "fair": comparison.fair,
                "simulated": comparison.simulated,
                "mechanism": comparison.mechanism,
            });
        }
        if let Some(numbers) = &self.numbers {
            json["numbers"] = serde_json::json!({
                "expected": numbers.expected,
                "measured": numbers.measured,
                "half_width": numbers.half_width,
                "slack": numbers.slack,
                "correlation": numbers.correlation,
            });
        }
        json
    }
}

/// What an estimate is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) value: f64,
    pub(super) precision: f64,
    pub(super) slack: f64,
}

/// A value holds if it lies in the band around what was measured, widened by the slack, and the band is as narrow as was asked for.
pub(super) fn of_estimate(
    expectation: &Expectation,
    statistic: &Statistic,
    expected: Expected,
    estimate: Option<Estimate>,
) -> Judgement {
    let (words, subject) = (expectation.to_string(), statistic.path().to_owned());
    let Some(estimate) = estimate else {
        let measured = "nothing: the run is too short for its warm-up, or nothing was counted".to_owned();
        return Judgement {
            expected: words,
            subject,
            measured,
            verdict: Verdict::NotMeasured,
            numbers: None,
            comparison: None,
        };
    };
    let numbers = Numbers {
        expected: expected.value,
        measured: estimate.value,
        half_width: estimate.half_width(),
        slack: expected.slack * expected.value,
        correlation: estimate.correlation,
        unit: statistic.unit(),
    };
    let verdict = if (numbers.measured - numbers.expected).abs() > numbers.half_width + numbers.slack {
        Verdict::Differs
    } else if numbers.half_width > expected.precision * expected.value || estimate.is_correlated() {
        Verdict::Imprecise
    } else {
        Verdict::Held
    };
    let shown = |number| Measured(number, numbers.unit);
    let measured = format!("{} ± {}", shown(numbers.measured), shown(numbers.half_width));
    Judgement { expected: words, subject, measured, verdict, numbers: Some(numbers), comparison: None }
}
