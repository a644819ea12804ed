//! Distributions of durations. A plain duration is a constant.

use crate::decode::{At, Decode, Reader, choice, record};
use crate::leaf::{Factor, Period};
use crate::print::Print;
use crate::schema::Schema;
use crate::tree::{Kind, Node};
use knockon_kernel::{Duration, Sampler, SamplerError};

/// A distribution of durations.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Law {
    /// Always the same.
    Constant(Duration),
    /// Drawn.
    Drawn(Shape),
}

choice! {
    /// A distribution of durations. A plain duration such as "4ms" is a constant.
    Shape as "distribution" {
        /// Memoryless: exponential.
        Exponential(Exponential),
        /// A long tail, as most response times have it: log-normal by its median and 99th percentile.
        LogNormal(LogNormal),
        /// Normal, cut at zero.
        Normal(Normal),
        /// Equally likely anywhere between two bounds.
        Uniform(Uniform),
        /// Gamma: shape 1 is exponential, larger shapes are more regular.
        Gamma(Gamma),
        /// A power law: the heaviest tail.
        Pareto(Pareto),
        /// Weibull: shape 1 is exponential, below it the tail is heavier.
        Weibull(Weibull),
        /// One of a list of measured values, each equally likely.
        Empirical(Empirical),
        /// One of several distributions, by weight.
        Mixture(Mixture),
        /// What was recorded for this request: only for its steps.
        Recorded(RecordedText),
    }
}

record! {
    /// Memoryless.
    Exponential as "Exponential" {
        /// Its mean.
        mean: Period,
    }
}

record! {
    /// Log-normal.
    LogNormal as "LogNormal" {
        /// Half of all values are below.
        median: Period,
        /// One in a hundred is above; at least the median.
        p99: Period,
    }
}

record! {
    /// Normal, cut at zero.
    Normal as "Normal" {
        /// Its mean.
        mean: Period,
        /// Its standard deviation.
        deviation: Duration,
    }
}

record! {
    /// Uniform.
    Uniform as "Uniform" {
        /// Smallest value.
        low: Duration,
        /// Largest value, above the smallest.
        high: Period,
    }
}

record! {
    /// Gamma.
    Gamma as "Gamma" {
        /// Its mean.
        mean: Period,
        /// Its shape k: the squared coefficient of variation is 1/k.
        shape: Factor,
    }
}

record! {
    /// Pareto.
    Pareto as "Pareto" {
        /// Smallest value.
        minimum: Period,
        /// Exponent α of the tail, above 1 so that there is a mean.
        shape: Factor,
    }
}

record! {
    /// Weibull.
    Weibull as "Weibull" {
        /// Scale: 63 % of all values are below.
        scale: Period,
        /// Shape.
        shape: Factor,
    }
}

record! {
    /// Measured values.
    Empirical as "Empirical" {
        /// The values.
        values: Vec<At<Duration>>,
    }
}

record! {
    /// Recorded durations. The scale comes from the end of the column's name: _ns, _us, _ms or _s.
    RecordedText as "Recorded" {
        /// A column of the data of the request's source.
        column: Option<String>,
        /// Multiplies what was recorded.
        factor: Factor = [1],
        /// Instead, one column for each attempt of the call that the step answers; attempts beyond them take the last.
        columns: Vec<At<String>> = [[]],
    }
}

record! {
    /// Several distributions.
    Mixture as "Mixture" {
        /// Them.
        parts: Vec<At<Part>>,
    }
}

record! {
    /// A part of a mixture.
    Part as "part of a mixture" {
        /// How often, relative to the other weights.
        weight: Factor,
        /// The distribution.
        law: Box<Law>,
    }
}

impl Decode for Law {
    fn expects() -> String {
        "a duration or a distribution such as `LogNormal(median: \"2ms\", p99: \"12ms\")`".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        if matches!(node.kind, Kind::Text(_) | Kind::Number(_)) {
            return Duration::decode(node, reader).map(Self::Constant);
        }
        let shape = Shape::decode(node, reader)?;
        match shape.contradiction() {
            None => Some(Self::Drawn(shape)),
            Some(message) => {
                reader.report(node.span, message, None);
                None
            }
        }
    }

    fn filler() -> Self {
        Self::Constant(Duration::from_millis(1))
    }

    fn print(&self) -> Print {
        match self {
            Self::Constant(duration) => duration.print(),
            Self::Drawn(shape) => shape.print(),
        }
    }

    fn describe(schema: &mut Schema) {
        Shape::describe(schema);
    }
}

impl Shape {
    /// What is impossible about a distribution whose parts are each possible.
    fn contradiction(&self) -> Option<&'static str> {
        match self {
            Self::LogNormal(law) if law.p99.0 < law.median.0 => Some("the 99th percentile lies below the median"),
            Self::Uniform(law) if law.high.0 <= law.low.value => Some("the largest value must lie above the smallest"),
            Self::Pareto(law) if law.shape.0 <= 1.0 && !law.shape.broken => {
                Some("a Pareto distribution of shape 1 or less has no mean: its values grow without bound")
            }
            Self::Empirical(law) if law.values.is_empty() && !law.values.broken => {
                Some("an empirical distribution needs values")
            }
            Self::Mixture(law) if law.parts.is_empty() && !law.parts.broken => Some("a mixture needs parts"),
            Self::Mixture(law) if law.parts.iter().any(|part| part.law.recorded().is_some()) => {
                Some("a mixture is drawn: it cannot have recorded parts")
            }
            Self::Recorded(law) if law.column.is_some() != law.columns.is_empty() => {
                Some("give either the `column` or the `columns` of the attempts")
            }
            _ => None,
        }
    }
}

impl Law {
    /// What is recorded rather than drawn.
    pub(crate) fn recorded(&self) -> Option<&RecordedText> {
        match self {
            Self::Drawn(Shape::Recorded(text)) => Some(text),
            _ => None,
        }
    }

    /// The distribution in nanoseconds, ready to draw from.
    ///
    /// # Errors
    /// What is impossible about it, where the tables let it pass.
    pub(crate) fn sampler(&self) -> Result<Sampler, SamplerError> {
        let nanos = |duration: Duration| duration.as_nanos() as f64;
        match self {
            Self::Constant(duration) => Sampler::constant(nanos(*duration)),
            Self::Drawn(shape) => match shape {
                Shape::Exponential(law) => Sampler::exponential(nanos(law.mean.0)),
                Shape::LogNormal(law) => Sampler::log_normal_median_p99(nanos(law.median.0), nanos(law.p99.0)),
                Shape::Normal(law) => Sampler::normal(nanos(law.mean.0), nanos(law.deviation.value)),
                Shape::Uniform(law) => Sampler::uniform(nanos(law.low.value), nanos(law.high.0)),
                Shape::Gamma(law) => Sampler::gamma(law.shape.0, nanos(law.mean.0)),
                Shape::Pareto(law) => Sampler::pareto(nanos(law.minimum.0), law.shape.0),
                Shape::Weibull(law) => Sampler::weibull(nanos(law.scale.0), law.shape.0),
                Shape::Empirical(law) => {
                    Sampler::empirical(law.values.iter().map(|value| nanos(value.value)).collect())
                }
                Shape::Mixture(law) => law
                    .parts
                    .iter()
                    .map(|part| Ok((part.weight.0, part.law.value.sampler()?)))
                    .collect::<Result<_, _>>()
                    .and_then(Sampler::mixture),
                // Nothing is drawn; the compiler puts the mean of what was recorded in its place.
                Shape::Recorded(_) => Sampler::constant(0.0),
            },
        }
    }
}
