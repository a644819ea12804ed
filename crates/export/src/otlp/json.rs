//! The messages of OTLP, with their fields in the order and the form in which the collector writes them.

use crate::hex::{SpanId, TraceId};
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use std::borrow::Cow;

/// A whole number that JSON gets as a string, since 64 bits do not fit into its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Text(pub(super) i64);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(itoa::Buffer::new().format(self.0))
    }
}

/// The value of an attribute, or a body.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) enum Value<'a> {
    #[serde(rename = "stringValue")]
    String(Cow<'a, str>),
    #[serde(rename = "intValue")]
    Int(Text),
}

impl<'a> Value<'a> {
    pub(super) const fn text(text: &'a str) -> Self {
        Self::String(Cow::Borrowed(text))
    }
}

/// An attribute.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Attribute<'a> {
    pub(super) key: &'a str,
    pub(super) value: Value<'a>,
}

impl<'a> Attribute<'a> {
    pub(super) fn text(key: &'a str, value: &'a str) -> Self {
        Self { key, value: Value::text(value) }
    }

    pub(super) fn number(key: &'a str, value: i64) -> Self {
        Self { key, value: Value::Int(Text(value)) }
    }
}

/// Whoever reports: always there, even empty.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(super) struct Resource<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) attributes: Vec<Attribute<'a>>,
}

/// The library or logger that reports: always there, even empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub(super) struct Scope<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) name: &'a str,
}

#[derive(Serialize)]
pub(super) struct TracesData<'a> {
    #[serde(rename = "resourceSpans")]
    pub(super) resources: Vec<ResourceSpans<'a>>,
}

#[derive(Serialize)]
pub(super) struct ResourceSpans<'a> {
    pub(super) resource: Resource<'a>,
    #[serde(rename = "scopeSpans")]
    pub(super) scopes: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct ScopeSpans<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) spans: Vec<Span<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span<'a> {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent_span_id: Option<SpanId>,
    pub(super) flags: u32,
    pub(super) name: &'a str,
    pub(super) kind: u8,
    pub(super) start_time_unix_nano: Text,
    pub(super) end_time_unix_nano: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) links: Option<[Link; 1]>,
    pub(super) status: Status,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) flags: u32,
}

/// Always there, even empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Status {
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) code: u8,
}

#[derive(Serialize)]
pub(super) struct LogsData<'a> {
    #[serde(rename = "resourceLogs")]
    pub(super) resources: Vec<ResourceLogs<'a>>,
}

#[derive(Serialize)]
pub(super) struct ResourceLogs<'a> {
    pub(super) resource: Resource<'a>,
    #[serde(rename = "scopeLogs")]
    pub(super) scopes: Vec<ScopeLogs<'a>>,
}

#[derive(Serialize)]
pub(super) struct ScopeLogs<'a> {
    pub(super) scope: Scope<'a>,
    #[serde(rename = "logRecords")]
    pub(super) records: Vec<LogRecord<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogRecord<'a> {
    pub(super) time_unix_nano: Text,
    pub(super) observed_time_unix_nano: Text,
    pub(super) severity_number: i64,
    pub(super) severity_text: &'a str,
    pub(super) body: Value<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "is_nothing")]
    pub(super) flags: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<TraceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) span_id: Option<SpanId>,
}

#[derive(Serialize)]
pub(super) struct MetricsData<'a> {
    #[serde(rename = "resourceMetrics")]
    pub(super) resources: Vec<ResourceMetrics<'a>>,
}

#[derive(Serialize)]
pub(super) struct ResourceMetrics<'a> {
    pub(super) resource: &'a Resource<'a>,
    #[serde(rename = "scopeMetrics")]
    pub(super) scopes: [ScopeMetrics<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct ScopeMetrics<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) metrics: Vec<Metric<'a>>,
}

/// A metric, whose data are under the name of their kind.
pub(super) struct Metric<'a> {
    pub(super) name: &'a str,
    pub(super) unit: &'a str,
    pub(super) data: Data<'a>,
}

impl Serialize for Metric<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Metric", 3)?;
        fields.serialize_field("name", self.name)?;
        match self.unit {
            "" => fields.skip_field("unit")?,
            unit => fields.serialize_field("unit", unit)?,
        }
        match &self.data {
            Data::Gauge(points) => fields.serialize_field("gauge", points)?,
            Data::Sum(points) => fields.serialize_field("sum", points)?,
            Data::Histogram(points) => fields.serialize_field("histogram", points)?,
            Data::Summary(points) => fields.serialize_field("summary", points)?,
        }
        fields.end()
    }
}

/// Points of a metric, by its kind.
pub(super) enum Data<'a> {
    Gauge(Gauge<'a>),
    Sum(Sum<'a>),
    Histogram(Histogram<'a>),
    Summary(Summary<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Gauge<'a> {
    pub(super) data_points: Vec<NumberPoint<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sum<'a> {
    pub(super) data_points: Vec<NumberPoint<'a>>,
    pub(super) aggregation_temporality: u8,
    pub(super) is_monotonic: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Histogram<'a> {
    pub(super) data_points: Vec<HistogramPoint<'a>>,
    pub(super) aggregation_temporality: u8,
}

/// Counts since the start of a point's time.
pub(super) const CUMULATIVE: u8 = 2;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NumberPoint<'a> {
    #[serde(skip_serializing_if = "no_attributes")]
    pub(super) attributes: &'a [Attribute<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_time_unix_nano: Option<Text>,
    pub(super) time_unix_nano: Text,
    pub(super) as_double: Real,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistogramPoint<'a> {
    #[serde(skip_serializing_if = "no_attributes")]
    pub(super) attributes: &'a [Attribute<'a>],
    pub(super) start_time_unix_nano: Text,
    pub(super) time_unix_nano: Text,
    #[serde(skip_serializing_if = "is_none_counted")]
    pub(super) count: Text,
    pub(super) sum: Real,
    pub(super) bucket_counts: Vec<Text>,
    pub(super) explicit_bounds: Vec<Real>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary<'a> {
    pub(super) data_points: Vec<SummaryPoint<'a>>,
}

/// Without quantiles.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SummaryPoint<'a> {
    #[serde(skip_serializing_if = "no_attributes")]
    pub(super) attributes: &'a [Attribute<'a>],
    pub(super) start_time_unix_nano: Text,
    pub(super) time_unix_nano: Text,
    #[serde(skip_serializing_if = "is_none_counted")]
    pub(super) count: Text,
    #[serde(skip_serializing_if = "is_no_sum")]
    pub(super) sum: Real,
}

/// A real number, whole ones without a fraction; where it is none or without end, the word of JSON Protobuf.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Real(pub(super) f64);

impl Serialize for Real {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Whole numbers up to here are exact.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self.0 {
            value if value.is_nan() => serializer.serialize_str("NaN"),
            f64::INFINITY => serializer.serialize_str("Infinity"),
            f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            value if value.fract() == 0.0 && value.abs() < EXACT => serializer.serialize_i64(value as i64),
            value => serializer.serialize_f64(value),
        }
    }
}

fn is_zero(code: &u8) -> bool {
    *code == 0
}

fn is_nothing(flags: &u32) -> bool {
    *flags == 0
}

fn is_none_counted(count: &Text) -> bool {
    count.0 == 0
}

fn is_no_sum(sum: &Real) -> bool {
    sum.0 == 0.0
}

fn no_attributes(attributes: &&[Attribute<'_>]) -> bool {
    attributes.is_empty()
}
