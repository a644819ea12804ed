//! Metric families: series under the name, type and unit that Prometheus knows them by.
//!
//! A family is a counter (samples `_total`), a gauge, a histogram (`_bucket`, `_count`, `_sum`), a summary (a timer without buckets: `_count`,
//! `_sum`), or of unknown type. The last is what OpenMetrics leaves for counters whose exporter does not call them `_total`, since a queried name must
//! stay what it is, and for families that claim each other's names: a name then stays as it is and only the type goes.

use super::names;
use super::text::{Text, bound, escaped};
use crate::series::Series;
use std::collections::{BTreeMap, BTreeSet};

/// Whose labels lines have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Labels {
    /// The exporter's own and `job` and `instance`, as a Prometheus has them that scraped each process: service and process.
    Scraped,
    /// The exporter's own.
    Own,
}

/// What a family is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Type {
    Counter,
    Gauge,
    Histogram,
    Summary,
    /// A counter that is not called `_total`.
    Uncounted,
    Unknown,
}

/// All families of a run, by name.
#[derive(Clone, Debug, Default)]
pub struct Families {
    /// In the order of their names.
    pub all: Vec<Family>,
    /// What is not as the exporters have it, and why.
    pub changed: Vec<String>,
}

/// A family: its metrics, each with the labels that set it apart from the others.
#[derive(Clone, Debug)]
pub struct Family {
    /// Its name, as OpenMetrics has it.
    name: String,
    kind: Type,
    unit: Option<&'static str>,
    help: String,
    /// In the order of services, processes, and labels.
    pub metrics: Vec<Metric>,
}

/// The lines of one set of labels, in their order: buckets by bound, count, sum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Metric {
    /// Service that it describes.
    pub service: String,
    /// Process that it describes.
    pub instance: String,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A line: a series.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The number of the series.
    pub series: usize,
    /// Name and labels in OpenMetrics, up to the value.
    open: String,
    /// The same in the older format, where it differs.
    plain: Option<String>,
    labels: Vec<(String, String)>,
}

impl Line {
    /// Name and labels.
    #[must_use]
    pub fn head(&self, text: Text) -> &str {
        match text {
            Text::Plain => self.plain.as_deref().unwrap_or(&self.open),
            Text::OpenMetrics => &self.open,
        }
    }
}

impl Line {
    /// Its labels as OpenMetrics has them, and its name as `__name__`: what Prometheus knows it by.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Family {
    /// Its name, as OpenMetrics has it: of a counter without `_total`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lines that tell what it is.
    #[must_use]
    pub fn header(&self, text: Text) -> String {
        let word = match (self.kind, text) {
            (Type::Counter, _) | (Type::Uncounted, Text::Plain) => "counter",
            (Type::Gauge, _) => "gauge",
            (Type::Histogram, _) => "histogram",
            (Type::Summary, _) => "summary",
            (Type::Unknown, Text::Plain) => "untyped",
            (Type::Uncounted | Type::Unknown, Text::OpenMetrics) => "unknown",
        };
        let Self { name, help, .. } = self;
        match text {
            Text::OpenMetrics => {
                let unit = self.unit.map_or_else(String::new, |unit| format!("# UNIT {name} {unit}\n"));
                format!("# TYPE {name} {word}\n{unit}# HELP {name} {help}\n")
            }
            Text::Plain => {
                let total = if self.kind == Type::Counter { "_total" } else { "" };
                format!("# HELP {name}{total} {help}\n# TYPE {name}{total} {word}\n")
            }
        }
    }
}

/// A series with what it is called and what it belongs to.
struct Placed<'a> {
    id: usize,
    series: &'a Series,
    /// The legal form of its name.
    sample: String,
    family: String,
    kind: Type,
}

impl Placed<'_> {
    /// Takes its family's type away: then only its own name is its family's.
    fn demote(&mut self) {
        self.family.clone_from(&self.sample);
        self.kind = Type::Unknown;
    }
}

impl Families {
    /// The families of series, which are numbered in their order.
    pub(crate) fn of(series: &[Series], labels: Labels) -> Self {
        let mut placed: Vec<_> = series.iter().enumerate().map(|(id, series)| place(id, series)).collect();
        tell_summaries(&mut placed);
        let (renamed, uncounted) = (renamed(&placed), uncounted(&placed));
        let changed = [renamed, uncounted, settle(&mut placed)].into_iter().flatten().collect();
        let mut families: BTreeMap<&str, Vec<&Placed<'_>>> = BTreeMap::new();
        for one in &placed {
            families.entry(&one.family).or_default().push(one);
        }
        let all = families.into_iter().map(|(name, members)| family(name, &members, labels)).collect();
        Self { all, changed }
    }
}

fn place(id: usize, series: &Series) -> Placed<'_> {
    let sample = names::metric(&series.name).into_owned();
    let without = |suffix| sample.strip_suffix(suffix).filter(|rest| !rest.is_empty()).map(str::to_owned);
    let (family, kind) = match series.kind.as_str() {
        "gauge" => (Some(sample.clone()), Type::Gauge),
        "counter" => match without("_total") {
            Some(family) => (Some(family), Type::Counter),
            None => (Some(sample.clone()), Type::Uncounted),
        },
        "histogram_bucket" => (without("_bucket"), Type::Histogram),
        "histogram_count" => (without("_count"), Type::Histogram),
        "histogram_sum" => (without("_sum"), Type::Histogram),
        _ => (None, Type::Unknown),
    };
    let kind = if family.is_some() { kind } else { Type::Unknown };
    let family = family.unwrap_or_else(|| sample.clone());
    Placed { id, series, sample, family, kind }
}

/// What sets a metric apart within its family.
fn metric_of<'a>(one: &Placed<'a>) -> (&'a str, &'a str, Vec<(&'a str, &'a str)>) {
    let bounds = one.kind == Type::Histogram && one.series.kind == "histogram_bucket";
    let labels = one.series.labels.iter().filter(|(key, _)| !bounds || key != "le");
    let mut labels: Vec<_> = labels.map(|(key, value)| (key.as_str(), value.as_str())).collect();
    labels.sort_unstable();
    (&one.series.service, &one.series.instance, labels)
}

/// Timers without buckets are summaries.
fn tell_summaries(placed: &mut [Placed<'_>]) {
    let bucketed: BTreeSet<_> = placed
        .iter()
        .filter(|one| one.kind == Type::Histogram && one.series.kind == "histogram_bucket")
        .map(|one| (one.family.clone(), metric_of(one)))
        .collect();
    for one in placed.iter_mut().filter(|one| one.kind == Type::Histogram) {
        if !bucketed.contains(&(one.family.clone(), metric_of(one))) {
            one.kind = Type::Summary;
        }
    }
}

fn renamed(placed: &[Placed<'_>]) -> Option<String> {
    let metrics = placed.iter().map(|one| (one.series.name.as_str(), one.sample.as_str()));
    let labels = placed.iter().flat_map(|one| &one.series.labels).map(|(key, _)| key.as_str());
    let labels: Vec<_> = labels.map(|key| (key, names::label(key))).collect();
    let labels = labels.iter().map(|(key, legal)| (*key, legal.as_ref()));
    let told = metrics.chain(labels).filter(|(was, is)| was != is).map(|(was, is)| format!("{was} is {is}"));
    listed("names that Prometheus does not take, by its scheme `values`", told.collect())
}

fn uncounted(placed: &[Placed<'_>]) -> Option<String> {
    let names = placed.iter().filter(|one| one.kind == Type::Uncounted).map(|one| one.sample.clone());
    listed("of unknown type in OpenMetrics, whose counters all end in _total", names.collect())
}

/// Takes the types of families away that claim each other's names, until none do.
fn settle(placed: &mut [Placed<'_>]) -> Option<String> {
    let mut demoted = BTreeSet::new();
    loop {
        let families: BTreeSet<_> = placed.iter().map(|one| (one.family.as_str(), one.kind)).collect();
        let mut claims: BTreeMap<String, BTreeSet<(&str, Type)>> = BTreeMap::new();
        for &(family, kind) in &families {
            for suffix in claimed(kind) {
                claims.entry(format!("{family}{suffix}")).or_default().insert((family, kind));
            }
        }
        let clashing: BTreeSet<(String, Type)> = claims
            .into_values()
            .filter(|claimants| claimants.len() > 1)
            .flatten()
            .filter(|&(_, kind)| kind != Type::Unknown)
            .map(|(family, kind)| (family.to_owned(), kind))
            .collect();
        if clashing.is_empty() {
            break;
        }
        for one in placed.iter_mut().filter(|one| clashing.contains(&(one.family.clone(), one.kind))) {
            demoted.insert(one.family.clone());
            one.demote();
        }
    }
    listed("of unknown type, since families claim each other's names", demoted)
}

/// What may follow the name of a family in names that no other family may have.
const fn claimed(kind: Type) -> &'static [&'static str] {
    match kind {
        Type::Counter => &["", "_total", "_created"],
        Type::Histogram => &["", "_bucket", "_count", "_sum", "_created"],
        Type::Summary => &["", "_count", "_sum", "_created"],
        Type::Gauge | Type::Uncounted | Type::Unknown => &[""],
    }
}

fn listed(what: &str, names: BTreeSet<String>) -> Option<String> {
    (!names.is_empty()).then(|| format!("{what}: {}", names.into_iter().collect::<Vec<_>>().join(", ")))
}

fn family(name: &str, members: &[&Placed<'_>], labels: Labels) -> Family {
    let kind = members[0].kind;
    // Buckets and counts have no unit of their own: the sum has the family's.
    let summed = members.iter().find(|one| one.series.kind == "histogram_sum");
    let ucum = &summed.unwrap_or(&members[0]).series.unit;
    let mut metrics: BTreeMap<_, Vec<&Placed<'_>>> = BTreeMap::new();
    for one in members {
        metrics.entry(metric_of(one)).or_default().push(one);
    }
    let metrics = metrics.into_iter().map(|((service, instance, _), mut lines)| {
        lines.sort_by(|a, b| order(a).0.cmp(&order(b).0).then(order(a).1.total_cmp(&order(b).1)));
        Metric {
            service: service.to_owned(),
            instance: instance.to_owned(),
            lines: lines.into_iter().map(|one| line(one, labels)).collect(),
        }
    });
    let help = match ucum.as_str() {
        "1" | "" => "A number without a unit.".to_owned(),
        unit => format!("Measured in {}.", escaped(unit)),
    };
    Family { name: name.to_owned(), kind, unit: names::unit(name, ucum), help, metrics: metrics.collect() }
}

/// Buckets by bound, then the count, then the sum.
fn order(one: &Placed<'_>) -> (u8, f64) {
    match one.series.kind.as_str() {
        "histogram_bucket" => (0, le(one.series).unwrap_or(f64::INFINITY)),
        "histogram_count" => (1, 0.0),
        _ => (2, 0.0),
    }
}

fn le(series: &Series) -> Option<f64> {
    series.labels.iter().find(|(key, _)| key == "le").and_then(|(_, le)| le.parse().ok())
}

fn line(one: &Placed<'_>, labels: Labels) -> Line {
    let target = [("job", one.series.service.as_str()), ("instance", one.series.instance.as_str())];
    let target = if labels == Labels::Scraped { &target[..] } else { &[] };
    let is_bucket = one.series.kind == "histogram_bucket";
    let pairs = |canonical: bool| {
        let mut pairs: Vec<(String, String)> =
            target.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        for (key, value) in &one.series.labels {
            // As Prometheus does with labels of a scrape that the target has too, unless they are to be honoured.
            let mut name = names::label(key).into_owned();
            while target.iter().any(|(taken, _)| *taken == name)
                || name != *key && one.series.labels.iter().any(|(taken, _)| *taken == name)
            {
                name.insert_str(0, "exported_");
            }
            let value = match le(one.series).filter(|_| canonical && is_bucket && key == "le") {
                Some(le) => bound(le),
                None => value.clone(),
            };
            pairs.push((name, value));
        }
        pairs
    };
    let head = |pairs: &[(String, String)]| {
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        if pairs.is_empty() { format!("{} ", one.sample) } else { format!("{}{{{}}} ", one.sample, pairs.join(",")) }
    };
    let mut labels = pairs(true);
    let (open, plain) = (head(&labels), head(&pairs(false)));
    labels.push(("__name__".to_owned(), one.sample.clone()));
    Line { series: one.id, plain: (plain != open).then_some(plain), open, labels }
}
