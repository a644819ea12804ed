//! OTLP as messages of the official protobuf definitions, for whoever sends them: the same records as in the files, one by one.
//!
//! Times can be moved, and ids be changed alike everywhere, so that a run can be told as if it were now, and again.

use super::json;
use super::metrics::{Last, Process, data, processes};
use super::{logs, traces};
use crate::error::Result;
use crate::semconv::SemanticConventions;
use crate::series::{self, Series};
use crate::source::Source;
use knockon_telemetry::{Batch, RunReader};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1 as metrics;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};

/// The columns of `observed/spans` that [`Told::span`] reads, in this order.
pub const SPAN_COLUMNS: &[&str] = &traces::COLUMNS;
/// The columns of `observed/logs` that [`Told::line`] reads, in this order.
pub const LINE_COLUMNS: &[&str] = &logs::COLUMNS;

/// How what is told differs from what is in the tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// So much later, in nanoseconds.
    pub later_ns: i64,
    /// What all ids are exclusive-ored with, half of a trace's each: 0 leaves them.
    pub ids: u64,
}

impl Change {
    fn time(self, unix_ns: i64) -> u64 {
        u64::try_from(unix_ns.saturating_add(self.later_ns)).unwrap_or(0)
    }

    fn trace(self, id: u128) -> Vec<u8> {
        (id ^ (u128::from(self.ids) << 64 | u128::from(self.ids))).to_be_bytes().to_vec()
    }

    fn span(self, id: u128) -> Vec<u8> {
        (id as u64 ^ self.ids).to_be_bytes().to_vec()
    }
}

/// A record and who reports it.
#[derive(Clone, PartialEq, Debug)]
pub struct Told<T> {
    service: String,
    instance: String,
    scope: String,
    record: T,
}

impl<T> Told<T> {
    /// The record.
    pub const fn record(&self) -> &T {
        &self.record
    }
}

impl Told<Span> {
    /// A row of `observed/spans`, whose columns are [`SPAN_COLUMNS`].
    #[must_use]
    pub fn span(batch: &Batch, row: usize, semconv: SemanticConventions, change: Change) -> Self {
        let told = traces::span(batch, row, semconv);
        let link = told.links.into_iter().flatten().map(|link| span::Link {
            trace_id: change.trace(link.trace_id.number()),
            span_id: change.span(link.span_id.number()),
            flags: link.flags,
            ..span::Link::default()
        });
        let record = Span {
            trace_id: change.trace(told.trace_id.number()),
            span_id: change.span(told.span_id.number()),
            parent_span_id: told.parent_span_id.map(|id| change.span(id.number())).unwrap_or_default(),
            flags: told.flags,
            name: told.name.to_owned(),
            kind: told.kind.into(),
            start_time_unix_nano: change.time(told.start_time_unix_nano.0),
            end_time_unix_nano: change.time(told.end_time_unix_nano.0),
            attributes: attributes(&told.attributes),
            links: link.collect(),
            status: Some(Status { message: String::new(), code: told.status.code.into() }),
            ..Span::default()
        };
        let text = |column| batch.text(column, row).unwrap_or_default().to_owned();
        let (service, instance) = (text(3), text(4));
        Self { service, instance, scope: String::new(), record }
    }

    /// A message of records in their order, those of one process after the other.
    #[must_use]
    pub fn spans(told: Vec<Self>) -> Vec<ResourceSpans> {
        let mut resources: Vec<ResourceSpans> = Vec::new();
        let mut of: Vec<(String, String)> = Vec::new();
        for Self { service, instance, record, .. } in told {
            let place = of.iter().position(|(s, i)| *s == service && *i == instance).unwrap_or_else(|| {
                let resource = Some(resource(&service, &instance));
                let scope_spans =
                    vec![ScopeSpans { scope: Some(InstrumentationScope::default()), ..Default::default() }];
                resources.push(ResourceSpans { resource, scope_spans, ..Default::default() });
                of.push((service, instance));
                of.len() - 1
            });
            resources[place].scope_spans[0].spans.push(record);
        }
        resources
    }
}

impl Told<LogRecord> {
    /// A row of `observed/logs`, whose columns are [`LINE_COLUMNS`].
    #[must_use]
    pub fn line(batch: &Batch, row: usize, semconv: SemanticConventions, change: Change) -> Self {
        let told = logs::record(batch, row, semconv);
        let record = LogRecord {
            time_unix_nano: change.time(told.time_unix_nano.0),
            observed_time_unix_nano: change.time(told.observed_time_unix_nano.0),
            severity_number: i32::try_from(told.severity_number).unwrap_or_default(),
            severity_text: told.severity_text.to_owned(),
            body: Some(value(&told.body)),
            attributes: attributes(&told.attributes),
            flags: told.flags,
            trace_id: told.trace_id.map(|id| change.trace(id.number())).unwrap_or_default(),
            span_id: told.span_id.map(|id| change.span(id.number())).unwrap_or_default(),
            ..LogRecord::default()
        };
        let text = |column| batch.text(column, row).unwrap_or_default().to_owned();
        Self { service: text(3), instance: text(4), scope: text(5), record }
    }

    /// A message of records in their order, those of one process and logger after the other.
    #[must_use]
    pub fn lines(told: Vec<Self>) -> Vec<ResourceLogs> {
        let mut resources: Vec<ResourceLogs> = Vec::new();
        let mut of: Vec<(String, String)> = Vec::new();
        for Self { service, instance, scope, record } in told {
            let place = of.iter().position(|(s, i)| *s == service && *i == instance).unwrap_or_else(|| {
                resources.push(ResourceLogs { resource: Some(resource(&service, &instance)), ..Default::default() });
                of.push((service, instance));
                of.len() - 1
            });
            let scopes = &mut resources[place].scope_logs;
            let is_same = |known: &ScopeLogs| known.scope.as_ref().is_some_and(|known| known.name == scope);
            let place = scopes.iter().position(is_same).unwrap_or_else(|| {
                let scope = Some(InstrumentationScope { name: scope, ..Default::default() });
                scopes.push(ScopeLogs { scope, ..Default::default() });
                scopes.len() - 1
            });
            scopes[place].log_records.push(record);
        }
        resources
    }
}

/// The series of a run.
#[derive(Clone, Debug)]
pub struct SeriesList(Vec<Series>);

impl SeriesList {
    /// Reads them.
    ///
    /// # Errors
    /// If the run cannot be read.
    pub fn read(run: &RunReader) -> Result<Self> {
        series::read(&mut Source::of(run, &mut |_, _| {})).map(Self)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// Points of metrics, one scrape after the other.
pub struct Points<'a> {
    processes: Vec<Process<'a>>,
    last: Vec<Last>,
}

impl<'a> Points<'a> {
    /// Begins at an instant, since when counters have counted.
    #[must_use]
    pub fn begin(series: &'a SeriesList, start_unix_ns: i64) -> Self {
        Self { processes: processes(&series.0), last: vec![Last::none(start_unix_ns); series.0.len()] }
    }

    /// What a series was at an instant.
    pub fn take(&mut self, series: usize, unix_ns: i64, value: f64) {
        if let Some(last) = self.last.get_mut(series) {
            last.take(unix_ns, value);
        }
    }

    /// The points of what was taken at an instant, and how many they are.
    #[must_use]
    pub fn message(&self, unix_ns: i64, change: Change) -> (Vec<metrics::ResourceMetrics>, usize) {
        let (told, points) = data(&self.processes, unix_ns, &self.last);
        (told.resources.into_iter().map(|of| resource_metrics(&of, change)).collect(), points)
    }
}

fn resource_metrics(of: &json::ResourceMetrics<'_>, change: Change) -> metrics::ResourceMetrics {
    let scopes = of.scopes.iter().map(|scope| metrics::ScopeMetrics {
        scope: Some(InstrumentationScope::default()),
        metrics: scope.metrics.iter().map(|of| metric(of, change)).collect(),
        ..Default::default()
    });
    let resource = Resource { attributes: attributes(&of.resource.attributes), ..Default::default() };
    metrics::ResourceMetrics { resource: Some(resource), scope_metrics: scopes.collect(), ..Default::default() }
}

fn metric(of: &json::Metric<'_>, change: Change) -> metrics::Metric {
    let time = |time: json::Text| change.time(time.0);
    let count = |count: json::Text| count.0.unsigned_abs();
    let numbers = |points: &[json::NumberPoint<'_>]| {
        let of = |point: &json::NumberPoint<'_>| metrics::NumberDataPoint {
            attributes: attributes(point.attributes),
            start_time_unix_nano: point.start_time_unix_nano.map(time).unwrap_or_default(),
            time_unix_nano: time(point.time_unix_nano),
            value: Some(metrics::number_data_point::Value::AsDouble(point.as_double.0)),
            ..Default::default()
        };
        points.iter().map(of).collect()
    };
    let data = match &of.data {
        json::Data::Gauge(gauge) => {
            metrics::metric::Data::Gauge(metrics::Gauge { data_points: numbers(&gauge.data_points) })
        }
        json::Data::Sum(sum) => metrics::metric::Data::Sum(metrics::Sum {
            data_points: numbers(&sum.data_points),
            aggregation_temporality: sum.aggregation_temporality.into(),
            is_monotonic: sum.is_monotonic,
        }),
        json::Data::Histogram(histogram) => {
            let of = |point: &json::HistogramPoint<'_>| metrics::HistogramDataPoint {
                attributes: attributes(point.attributes),
                start_time_unix_nano: time(point.start_time_unix_nano),
                time_unix_nano: time(point.time_unix_nano),
                count: count(point.count),
                sum: Some(point.sum.0),
                bucket_counts: point.bucket_counts.iter().map(|&of| count(of)).collect(),
                explicit_bounds: point.explicit_bounds.iter().map(|bound| bound.0).collect(),
                ..Default::default()
            };
            metrics::metric::Data::Histogram(metrics::Histogram {
                data_points: histogram.data_points.iter().map(of).collect(),
                aggregation_temporality: histogram.aggregation_temporality.into(),
            })
        }
        json::Data::Summary(summary) => {
            let of = |point: &json::SummaryPoint<'_>| metrics::SummaryDataPoint {
                attributes: attributes(point.attributes),
                start_time_unix_nano: time(point.start_time_unix_nano),
                time_unix_nano: time(point.time_unix_nano),
                count: count(point.count),
                sum: point.sum.0,
                ..Default::default()
            };
            metrics::metric::Data::Summary(metrics::Summary {
                data_points: summary.data_points.iter().map(of).collect(),
            })
        }
    };
    metrics::Metric { name: of.name.to_owned(), unit: of.unit.to_owned(), data: Some(data), ..Default::default() }
}

fn resource(service: &str, instance: &str) -> Resource {
    let told = super::resource::resource(service, instance);
    Resource { attributes: attributes(&told.attributes), ..Default::default() }
}

fn attributes(of: &[json::Attribute<'_>]) -> Vec<KeyValue> {
    let of =
        of.iter().map(|one| KeyValue { key: one.key.to_owned(), value: Some(value(&one.value)), ..Default::default() });
    of.collect()
}

fn value(of: &json::Value<'_>) -> AnyValue {
    let value = match of {
        json::Value::String(text) => Value::StringValue(text.clone().into_owned()),
        json::Value::Int(number) => Value::IntValue(number.0),
    };
    AnyValue { value: Some(value) }
}
