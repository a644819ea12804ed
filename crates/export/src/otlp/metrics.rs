//! `metrics.jsonl`: a line a scrape, with a point of each series that it found.
//!
//! Series are as Prometheus' text has them: the buckets, the count and the sum of a histogram are series of their own, and a timer without
//! buckets is a summary without quantiles. OTLP has one point of all of them, whose buckets do not contain each other; names are
//! kept, but for the suffixes of a histogram, as the collector's Prometheus receiver keeps them.

use super::json::{
    Attribute, CUMULATIVE, Data, Gauge, Histogram, HistogramPoint, Metric, MetricsData, NumberPoint, Real, Resource,
    ResourceMetrics, Scope, ScopeMetrics, Sum, Summary, SummaryPoint, Text,
};
use super::resource::{find_or_add, resource};
use crate::error::Result;
use crate::series::{self, Series};
use crate::source::Source;
use crate::target::Target;

/// What a point of OTLP is made of, by numbers of series.
pub(super) enum Point {
    Number(usize),
    /// Buckets by their upper bound, in ascending order; the last has none.
    Histogram {
        buckets: Vec<(f64, usize)>,
        count: usize,
        sum: usize,
    },
}

/// A metric of a process.
pub(super) struct Family<'a> {
    name: &'a str,
    unit: &'a str,
    kind: Kind,
    points: Vec<(Vec<Attribute<'a>>, Point)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Sum,
    Histogram,
}

/// What a process has.
pub(super) type Process<'a> = ((&'a str, &'a str), (Resource<'a>, Vec<(&'a str, Family<'a>)>));

/// The last sample of a series, and since when it has counted.
#[derive(Clone, Copy)]
pub(super) struct Last {
    time: i64,
    value: f64,
    since: i64,
}

impl Last {
    /// Nothing was sampled yet.
    pub(super) const fn none(since: i64) -> Self {
        Self { time: i64::MIN, value: f64::NEG_INFINITY, since }
    }

    /// The next sample.
    pub(super) fn take(&mut self, time: i64, value: f64) {
        // What counts and has less than before has begun anew since then.
        let since = if value < self.value { self.time } else { self.since };
        *self = Self { time, value, since };
    }
}

pub(super) fn write(source: &mut Source<'_>, target: &Target) -> Result<()> {
    let mut file = target.file("metrics.jsonl")?;
    let series = series::read(source)?;
    let processes = processes(&series);
    let start = source.start_unix_ns();
    let mut last = vec![Last::none(start); series.len()];
    let mut scrape = None;
    let mut tell = |time: i64, last: &[Last]| {
        let (data, points) = data(&processes, time, last);
        if points > 0 { file.json_line(&data, points) } else { Ok(()) }
    };
    source.each("observed/metrics", &["series_id", "time", "value"], |batch| {
        for row in 0..batch.rows() {
            let (Some(id), Some(time), Some(value)) =
                (batch.integer(0, row), batch.integer(1, row), batch.real(2, row))
            else {
                continue;
            };
            if let Some(before) = scrape.filter(|&before| before != time) {
                tell(before, &last)?;
            }
            scrape = Some(time);
            if let Some(last) = usize::try_from(id).ok().and_then(|id| last.get_mut(id)) {
                last.take(time, value);
            }
        }
        Ok(())
    })?;
    scrape.map_or(Ok(()), |time| tell(time, &last))?;
    file.finish()
}

/// Series by process and metric, in the order in which each first comes.
pub(super) fn processes(series: &[Series]) -> Vec<Process<'_>> {
    let mut processes: Vec<Process<'_>> = Vec::new();
    for (id, one) in series.iter().enumerate() {
        let key = (one.service.as_str(), one.instance.as_str());
        let (_, families) = find_or_add(&mut processes, key, || (resource(key.0, key.1), Vec::new()));
        let suffix = match one.kind.as_str() {
            "histogram_bucket" => "_bucket",
            "histogram_count" => "_count",
            "histogram_sum" => "_sum",
            _ => "",
        };
        let kind = match one.kind.as_str() {
            "counter" => Kind::Sum,
            _ if !suffix.is_empty() => Kind::Histogram,
            _ => Kind::Gauge,
        };
        let name = one.name.strip_suffix(suffix).unwrap_or(&one.name);
        let new = || Family { name, unit: &one.unit, kind, points: Vec::new() };
        let family = find_or_add(families, name, new);
        let labels = one.labels.iter().filter(|(key, _)| suffix != "_bucket" || key != "le");
        let attributes: Vec<_> = labels.map(|(key, value)| Attribute::text(key, value)).collect();
        if kind != Kind::Histogram {
            family.points.push((attributes, Point::Number(id)));
            continue;
        }
        let none = || Point::Histogram { buckets: Vec::new(), count: usize::MAX, sum: usize::MAX };
        let Point::Histogram { buckets, count, sum } = find_or_add(&mut family.points, attributes, none) else {
            continue;
        };
        match suffix {
            "_bucket" => {
                let bound = one.labels.iter().find(|(key, _)| key == "le").and_then(|(_, le)| le.parse().ok());
                buckets.push((bound.unwrap_or(f64::INFINITY), id));
                buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            }
            "_count" => *count = id,
            _ => {
                *sum = id;
                // Buckets and counts have none; what is summed has the metric's.
                family.unit = &one.unit;
            }
        }
    }
    processes
}

/// The points of a scrape, and how many they are.
pub(super) fn data<'a>(processes: &'a [Process<'a>], time: i64, last: &[Last]) -> (MetricsData<'a>, usize) {
    let mut points = 0;
    let mut resources = Vec::with_capacity(processes.len());
    for (_, (resource, families)) in processes {
        let metrics = families.iter().filter_map(|(_, family)| metric(family, time, last));
        let metrics: Vec<_> = metrics.inspect(|(_, count)| points += count).map(|(metric, _)| metric).collect();
        if !metrics.is_empty() {
            resources.push(ResourceMetrics { resource, scopes: [ScopeMetrics { scope: Scope::default(), metrics }] });
        }
    }
    (MetricsData { resources }, points)
}

/// The points of a metric in a scrape, if there are any.
fn metric<'a>(family: &'a Family<'a>, time: i64, last: &[Last]) -> Option<(Metric<'a>, usize)> {
    let found = |id: usize| last.get(id).copied().filter(|last| last.time == time);
    let numbers = || {
        let points = family.points.iter().filter_map(|(attributes, point)| {
            let Point::Number(id) = point else { return None };
            found(*id).map(|last| (attributes.as_slice(), last))
        });
        points.map(|(attributes, Last { value, since, .. })| NumberPoint {
            attributes,
            start_time_unix_nano: (family.kind == Kind::Sum).then_some(Text(since)),
            time_unix_nano: Text(time),
            as_double: Real(value),
        })
    };
    let histograms = || {
        family.points.iter().filter_map(|(attributes, point)| {
            let Point::Histogram { buckets, count, sum } = point else { return None };
            Some((attributes.as_slice(), buckets, found(*count)?, found(*sum)?))
        })
    };
    let has_buckets = || {
        family.points.iter().any(|(_, point)| matches!(point, Point::Histogram { buckets, .. } if !buckets.is_empty()))
    };
    let (data, count) = match family.kind {
        Kind::Gauge => {
            let data_points: Vec<_> = numbers().collect();
            let count = data_points.len();
            (Data::Gauge(Gauge { data_points }), count)
        }
        Kind::Sum => {
            let data_points: Vec<_> = numbers().collect();
            let count = data_points.len();
            (Data::Sum(Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic: true }), count)
        }
        Kind::Histogram if has_buckets() => {
            let points = histograms().map(|(attributes, buckets, count, sum)| {
                // Buckets of the text contain all smaller ones.
                let mut below = 0.0;
                let counts = buckets.iter().filter_map(|&(_, id)| {
                    let upto = found(id)?.value;
                    let own = upto - std::mem::replace(&mut below, upto);
                    Some(Text(own as i64))
                });
                HistogramPoint {
                    attributes,
                    start_time_unix_nano: Text(count.since),
                    time_unix_nano: Text(time),
                    count: Text(count.value as i64),
                    sum: Real(sum.value),
                    bucket_counts: counts.collect(),
                    explicit_bounds: buckets.iter().map(|&(le, _)| le).filter(|le| le.is_finite()).map(Real).collect(),
                }
            });
            let data_points: Vec<_> = points.collect();
            let count = data_points.len();
            (Data::Histogram(Histogram { data_points, aggregation_temporality: CUMULATIVE }), count)
        }
        Kind::Histogram => {
            let points = histograms().map(|(attributes, _, count, sum)| SummaryPoint {
                attributes,
                start_time_unix_nano: Text(count.since),
                time_unix_nano: Text(time),
                count: Text(count.value as i64),
                sum: Real(sum.value),
            });
            let data_points: Vec<_> = points.collect();
            let count = data_points.len();
            (Data::Summary(Summary { data_points }), count)
        }
    };
    (count > 0).then_some((Metric { name: family.name, unit: family.unit, data }, count))
}
