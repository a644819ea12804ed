//! Distributions.

use super::leaf;
use crate::draft::Draft;
use crate::table::{Choice, Field, Record, must, variant};

/// A distribution; mostly a plain duration.
pub(super) fn law(d: &mut Draft<'_>) -> Option<String> {
    if d.choices.chance(128) { Some(d.choice(&LAW)) } else { leaf::short(d) }
}

/// Something that takes its time, however often it comes.
pub(super) fn gap(d: &mut Draft<'_>) -> Option<String> {
    let mean = d.quoted(&["10ms", "1ms", "3ms", "40ms", "1s"])?;
    Some(match d.choices.below(4) {
        0 => format!("Exponential(mean: {mean})"),
        1 => format!("Gamma(mean: {mean}, shape: 0.25)"),
        2 => format!("Uniform(low: \"0s\", high: {mean})"),
        _ => mean,
    })
}

pub(super) static LAW: Choice = Choice {
    what: "distribution",
    variants: &[
        variant("Exponential", &[must("mean", leaf::brief)]),
        variant("LogNormal", &[must("median", leaf::brief), must("p99", leaf::longer)]),
        variant("Normal", &[must("mean", leaf::brief), must("deviation", leaf::short)]),
        variant("Uniform", &[must("low", leaf::short), must("high", leaf::longer)]),
        variant("Gamma", &[must("mean", leaf::brief), must("shape", leaf::shape)]),
        variant("Pareto", &[must("minimum", leaf::brief), must("shape", leaf::heavy_shape)]),
        variant("Weibull", &[must("scale", leaf::brief), must("shape", leaf::shape)]),
        variant("Empirical", &[must("values", values)]),
        variant("Mixture", MIXTURE),
    ],
};

const MIXTURE: &[Field] = &[must("parts", |d| {
    let count = 1 + d.choices.below(3);
    Some(d.list(count, |d| d.record(&PART)))
})];

pub(super) static PART: Record =
    Record { what: "part of a mixture", fields: &[must("weight", leaf::weight), must("law", leaf::short)] };

fn values(d: &mut Draft<'_>) -> Option<String> {
    let count = 1 + d.choices.below(4);
    Some(d.list(count, |d| leaf::short(d).unwrap_or_default()))
}
