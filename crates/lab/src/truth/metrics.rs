//! All metrics of a system, and how their values are read.

use super::edge::Edge;
use super::metric::Worse::{Higher, Neither};
use super::metric::{
    BROKER, CLIENTS, DEADLOCKS, DISK, ENDPOINT, EXECUTOR, EXPIRY, KEYS, LEVELS, LINK, Metric, POOL, PREFORK, QUEUE,
    REPLICA, SERVICE, SOURCE, Worse, series_name,
};
use knockon_model::blueprint::{Arrivals, Blueprint, Postgres, Runtime, Step};
use knockon_model::id::{EndpointId, ProcessId};
use knockon_model::record::{Part, ProcessInfo, SeriesKind};
use knockon_model::{LevelKind, LevelPart, World};
use knockon_scenario::{Reading, Statistic, Unit};

/// All metrics of a system, in the order of their values.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    metrics: Vec<Metric>,
    statistics: Vec<Statistic>,
    /// Of quantiles of the durations of which the statistic before is one too: which they are.
    quantiles: Vec<Option<u64>>,
    /// Positions among the levels of a world.
    levels: Vec<usize>,
    /// The first client side of a source among the processes.
    first_client: usize,
    /// Mean latencies of services.
    latencies: Vec<usize>,
    /// Endpoints that each source asks for, with the index of their first metric.
    endpoints: Vec<Vec<(EndpointId, usize)>>,
    /// Whether there are all that tables tell, though they decide nothing: quantiles, and the parts of requests' times.
    in_full: bool,
    /// Index of the first observed series, and whether each of them is a counter.
    series: usize,
    counters: Vec<bool>,
}

impl Metrics {
    /// Those of a world; where it is `observed`, with its observed series, quantiles and the parts of requests' times.
    #[must_use]
    pub fn of(world: &World, observed: bool) -> Self {
        let (blueprint, catalogue) = (world.blueprint(), world.catalogue());
        let clients = catalogue.processes.iter().position(|process| process.service.is_none());
        let first_client = clients.unwrap_or(catalogue.processes.len());
        let mut all = Self { first_client, in_full: observed, ..Self::default() };
        for source in &blueprint.sources {
            all.add(blueprint, &source.name, None, SOURCE);
        }
        for service in &blueprint.services {
            let first = all.metrics.len();
            all.add(blueprint, &service.name, None, SERVICE);
            all.latencies.extend((first..all.metrics.len()).filter(|&n| all.metrics[n].name == "latency.mean"));
            if service.prefork.is_some() {
                all.add(blueprint, &service.name, None, PREFORK);
            }
            if service.storage.is_some() {
                all.add(blueprint, &service.name, None, DISK);
            }
            if matches!(&service.runtime, Runtime::Redis(redis) if redis.maxclients.is_some()) {
                all.add(blueprint, &service.name, None, CLIENTS);
            }
            if matches!(&service.runtime, Runtime::Redis(redis) if redis.expiry.is_some()) {
                all.add(blueprint, &service.name, None, EXPIRY);
            }
            if matches!(service.runtime, Runtime::Postgres(Postgres { replica: Some(_), .. })) {
                all.add(blueprint, &service.name, None, REPLICA);
            }
            let mut steps = service.endpoints.iter().flat_map(|endpoint| &endpoint.program);
            if steps.any(|step| matches!(step, Step::LockTable { .. })) {
                all.add(blueprint, &service.name, None, DEADLOCKS);
            }
            for pool in &service.pools {
                all.add(blueprint, &service.name, Some(&pool.name), POOL);
            }
            for executor in &service.executors {
                all.add(blueprint, &service.name, Some(&executor.name), EXECUTOR);
            }
            if let Runtime::Broker(broker) = &service.runtime {
                all.add(blueprint, &service.name, None, BROKER);
                for queue in &broker.queues {
                    all.add(blueprint, &service.name, Some(&queue.name), QUEUE);
                }
            }
        }
        for keys in &blueprint.keyspaces {
            all.add(blueprint, &blueprint[keys.cache].name, Some(&blueprint.keyspace_name(keys)), KEYS);
        }
        for policy in &blueprint.traffic {
            let name = blueprint.link_name(policy.link);
            for &(statistic, worse) in LINK {
                let caller = name.split(" -> ").next().unwrap_or(&name).to_owned();
                all.add_statistic(
                    blueprint,
                    &format!("{name}.{statistic}"),
                    caller,
                    Some(name.clone()),
                    statistic,
                    worse,
                );
            }
        }
        all.add_levels(world);
        all.add_endpoints(blueprint);
        all.series = all.metrics.len();
        for series in catalogue.series.iter().filter(|_| observed) {
            all.counters.push(series.kind != SeriesKind::Gauge);
            all.metrics.push(Metric {
                component: series.service.clone(),
                part: Some(series.instance.clone()),
                name: series_name(&series.name, series.attributes.iter().map(|(key, value)| (&**key, &**value))),
                unit: "",
                worse: Neither,
                counts: false,
                is_level: series.kind == SeriesKind::Gauge,
                exogenous: false,
                decides: false,
            });
        }
        all
    }

    fn add(&mut self, blueprint: &Blueprint, component: &str, part: Option<&str>, rows: &[(&str, Worse)]) {
        for &(statistic, worse) in rows {
            if is_quantile(statistic) && !self.in_full {
                continue;
            }
            let path = match part {
                None => format!("{component}.{statistic}"),
                Some(part) => format!("{component}/{part}.{statistic}"),
            };
            self.add_statistic(blueprint, &path, component.to_owned(), part.map(str::to_owned), statistic, worse);
        }
    }

    fn add_statistic(
        &mut self,
        blueprint: &Blueprint,
        path: &str,
        component: String,
        part: Option<String>,
        name: &str,
        worse: Worse,
    ) {
        let statistic = Statistic::resolve(blueprint, path).expect("the tables name statistics that there are");
        self.metrics.push(Metric {
            name: name.to_owned(),
            unit: unit(statistic.unit()),
            worse,
            counts: statistic.unit() == Unit::Count,
            is_level: false,
            exogenous: name == "sent" && part.is_none() && is_open(blueprint, &component),
            decides: !is_quantile(name)
                && !matches!(name, "queue.present.mean" | "computed" | "collections" | "acquired" | "loads"),
            component,
            part,
        });
        let quantile = statistic.quantile().filter(|(_, of)| {
            let before = self.statistics.last().and_then(Statistic::quantile);
            before.is_some_and(|(_, known)| known == *of)
        });
        self.quantiles.push(quantile.map(|(permille, _)| permille));
        self.statistics.push(statistic);
    }

    fn add_levels(&mut self, world: &World) {
        let processes = &world.catalogue().processes;
        for (position, level) in world.levels().iter().enumerate() {
            let Some(&(kind, worse)) = LEVELS.iter().find(|(kind, _)| *kind == level.kind) else { continue };
            let process = &processes[level.process.index()];
            let part = part_of(world.blueprint(), process, level.part);
            self.levels.push(position);
            self.metrics.push(Metric {
                component: process.name.clone(),
                part: Some(
                    part.map_or_else(|| process.instance.clone(), |part| format!("{}/{part}", process.instance)),
                ),
                name: kind.name().to_owned(),
                unit: kind.unit(),
                worse,
                counts: false,
                is_level: true,
                exogenous: false,
                decides: !matches!(
                    kind,
                    LevelKind::ResidentBytes
                        | LevelKind::LiveAfterFullBytes
                        | LevelKind::PoolConnections
                        | LevelKind::Connections
                        | LevelKind::Inbox
                ),
            });
        }
    }

    /// The endpoints that sources ask for.
    fn add_endpoints(&mut self, blueprint: &Blueprint) {
        for source in &blueprint.sources {
            let mut of_source: Vec<(EndpointId, usize)> = Vec::new();
            for asked in &source.mix {
                if of_source.iter().any(|&(known, _)| known == asked.endpoint) {
                    continue;
                }
                of_source.push((asked.endpoint, self.metrics.len()));
                let endpoint = &blueprint[source.target].endpoints[asked.endpoint.index()].name;
                let metric = |name: &str, unit, worse, counts| Metric {
                    component: source.name.clone(),
                    part: Some(endpoint.clone()),
                    name: name.to_owned(),
                    unit,
                    worse,
                    counts,
                    is_level: false,
                    exogenous: false,
                    decides: matches!(name, "failed" | "latency.mean"),
                };
                let told = ENDPOINT.iter().filter(|(name, ..)| self.in_full || !is_quantile(name));
                self.metrics.extend(told.map(|&(name, unit, worse, counts)| metric(name, unit, worse, counts)));
                if self.in_full {
                    self.metrics.extend(Part::ALL.map(|part| metric(&mean_of(part), "s", Higher, false)));
                }
            }
            self.endpoints.push(of_source);
        }
    }

    /// How many of them decide whether their component is affected.
    pub(super) fn deciding(&self) -> usize {
        self.metrics.iter().filter(|metric| metric.decides).count()
    }

    /// Whether a metric is an observed gauge: that it is there at all is something to be compared.
    pub(super) fn is_gauge(&self, metric: usize) -> bool {
        self.series_of(metric).is_some_and(|series| !self.counters[series])
    }

    /// All of them.
    #[must_use]
    pub fn list(&self) -> &[Metric] {
        &self.metrics
    }

    /// The index of the first metric of an endpoint that a source asks for.
    pub(super) fn of_endpoint(&self, source: usize, endpoint: EndpointId) -> Option<usize> {
        self.endpoints[source].iter().find(|(known, _)| *known == endpoint).map(|&(_, first)| first)
    }

    /// Whether there are quantiles and the parts of requests' times.
    pub(super) fn are_in_full(&self) -> bool {
        self.in_full
    }

    /// Every endpoint's first metric.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = usize> + '_ {
        self.endpoints.iter().flatten().map(|&(_, first)| first)
    }

    /// The observed series, as metrics.
    pub(super) fn series(&self) -> impl Iterator<Item = usize> + Clone + use<> {
        self.series..self.metrics.len()
    }

    /// The mean latencies of services.
    pub(super) fn latencies(&self) -> impl Iterator<Item = usize> + '_ {
        self.latencies.iter().copied()
    }

    /// The source whose client side a process is.
    pub(super) fn source_of(&self, client: ProcessId) -> Option<usize> {
        client.index().checked_sub(self.first_client)
    }

    /// The observed series, if this metric is one.
    pub(super) fn series_of(&self, metric: usize) -> Option<usize> {
        metric.checked_sub(self.series)
    }

    /// Whether a series counts up.
    pub(super) fn is_counter(&self, series: usize) -> bool {
        self.counters[series]
    }

    /// Observed series that are compared.
    pub(super) fn series_count(&self) -> usize {
        self.counters.len()
    }

    /// Reads all statistics of components, durations of which there are several quantiles with the first of them.
    pub(super) fn read(&self, edge: &Edge) -> Vec<Option<Reading>> {
        let read = |(statistic, quantile): (&Statistic, &Option<u64>)| match quantile {
            Some(_) => None,
            None => statistic.reading(&edge.statistics),
        };
        self.statistics.iter().zip(&self.quantiles).map(read).collect()
    }

    /// The levels that are compared.
    pub(super) fn levels(&self, edge: &Edge) -> impl Iterator<Item = f64> {
        self.levels.iter().map(|&position| edge.levels[position] as f64)
    }

    /// What happened between two readings, in the order of the metrics; not a number where there was nothing to be measured.
    pub(super) fn between(&self, before: &[Option<Reading>], now: &[Option<Reading>]) -> Vec<f64> {
        let mut within = None;
        let mut values = Vec::with_capacity(self.metrics.len());
        for (n, statistic) in self.statistics.iter().enumerate() {
            within = match self.quantiles[n] {
                Some(permille) => within.and_then(|reading: Reading| reading.with_quantile(permille)),
                None => now[n].as_ref().zip(before[n].as_ref()).and_then(|(now, before)| now.since(before)),
            };
            within = within.filter(|reading| !reading.is_of_nothing());
            values.push(within.as_ref().map_or(f64::NAN, |reading| statistic.value(reading)));
        }
        values
    }
}

fn is_quantile(name: &str) -> bool {
    matches!(name, "latency.p95" | "latency.p99")
}

/// What of a process a level is about.
fn part_of(blueprint: &Blueprint, process: &ProcessInfo, part: LevelPart) -> Option<String> {
    match part {
        LevelPart::Itself => None,
        LevelPart::Pool(pool) => Some(blueprint[process.service?].pools[pool.index()].name.clone()),
        LevelPart::Cache(cache) => Some(blueprint[cache].name.clone()),
        LevelPart::Link(link) => Some(blueprint.link_name(link)),
        LevelPart::Queue(queue) => match &blueprint[process.service?].runtime {
            Runtime::Broker(broker) => Some(broker.queues[queue as usize].name.clone()),
            _ => None,
        },
    }
}

/// Whether a component is a source that sends whatever becomes of what it has sent.
fn is_open(blueprint: &Blueprint, component: &str) -> bool {
    let source = blueprint.sources.iter().find(|source| source.name == component);
    source.is_some_and(|source| !matches!(source.arrivals, Arrivals::Closed { .. }))
}

/// The name of the mean time in a part of the ledger.
fn mean_of(part: Part) -> String {
    format!("{}.mean", part.column().trim_end_matches("_ns"))
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "count",
        Unit::Share => "1",
        Unit::Seconds => "s",
        Unit::SquareSeconds => "s2",
        Unit::Number => "mean count",
        Unit::PerSecond => "1/s",
    }
}
