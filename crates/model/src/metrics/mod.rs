//! Metric series: listed once when a world is built, read from the machines' real counters and gauges on the scrape grid.
//!
//! One file an exporter, each with the series that it lists and how each is read. Which a process has follows from its runtime
//! alone, and names and labels are those of the real exporter:
//!
//! * JVM: Micrometer as Spring Boot 3 sets it up ([`micrometer`], [`jvm`], [`hikari`], [`executor`], [`caffeine`]);
//! * CPython: the application's own `http_requests_total`, `http_request_duration_seconds`, `db_query_duration_seconds` of the
//!   Python client, its process and collector ([`client`], [`process`]), SQLAlchemy's pools as OpenTelemetry's
//!   instrumentation reports them; gunicorn's own, where its workers are processes ([`gunicorn`]);
//! * Node: prom-client ([`client`], [`event_loop`]); native processes: OpenTelemetry's HTTP metrics and the Go client's process ([`client`],
//!   [`process`]);
//! * RabbitMQ: its own plugin; a Redis that Celery uses, and Celery's workers: exporters beside them ([`broker`], [`celery`]);
//! * PostgreSQL and Redis: their exporters, which run beside them and outlive them ([`postgres`], [`redis`]), and node_exporter for a disk
//!   ([`disk`]);
//! * limits before the workers: NGINX Plus', Resilience4j's, `concurrency-limits`' names, and the kernel's counters ([`limits`]);
//! * what guards calls to others: Resilience4j, Hystrix and Envoy, where links have them ([`upstream`]);
//! * every container: cAdvisor, and under Kubernetes kube-state-metrics ([`container`], [`kubernetes`]).
//!
//! Labels that are not known beforehand (a status) are listed for every value that the program can answer with; as with the real
//! clients a series has no sample before it first counts. A process that is down, boots, or has stood still for a
//! scrape's whole timeout answers no scrape: its own series have no sample then.
//!
//! Sampling reads only. Deliberately not here: what no machine knows (metaspace, threads, sizes of messages,
//! exception labels), and metrics of sources, which nobody scrapes.

mod broker;
mod caffeine;
mod celery;
mod client;
mod container;
mod disk;
mod event_loop;
mod executor;
mod gunicorn;
mod hikari;
mod jvm;
mod kubernetes;
mod limits;
mod listing;
mod micrometer;
mod postgres;
mod process;
mod redis;
mod scrape;
mod timing;
mod upstream;
mod window;

pub(crate) use scrape::Surroundings;
pub(crate) use timing::Timing;
pub(crate) use window::Window;

use crate::blueprint::{Blueprint, Runtime};
use crate::id::{SeriesId, ServiceId};
use crate::process::Process;
use crate::record::{Catalogue, SampleRecord};
use crate::sink::Sink;
use crate::upstream::Upstream;
use listing::Listing;
use scrape::Target;
use serde::{Deserialize, Serialize};
use timing::Part;

/// When a series has a sample.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Scope {
    /// At every grid time.
    Always,
    /// While the container exists.
    Container,
    /// While the process answers a scrape.
    Process,
}

/// How a series is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Reading {
    /// Whether the process answers its scrape.
    Answers,
    /// Whether the exporter beside a database answers: always.
    Exporter,
    /// Requests of an endpoint answered with a status; of all endpoints or statuses where `None`.
    Requests {
        endpoint: Option<u16>,
        status: Option<u16>,
        part: Part,
    },
    /// Statements of a client by first word, an index into [`Metrics::words`].
    Queries {
        word: u16,
        part: Part,
    },
    Client(client::Reading),
    Container(container::Reading),
    Kubernetes(kubernetes::Reading),
    Process(process::Reading),
    Hikari(u16, hikari::Reading),
    Executor(u16, executor::Reading),
    Caffeine(u16, caffeine::Reading),
    Jvm(jvm::Reading),
    Postgres(postgres::Reading),
    Redis(redis::Reading),
    Broker(broker::Reading),
    Celery(celery::Reading),
    /// Of the account of a link, by its number.
    Upstream(u32, upstream::Reading),
    Limits(limits::Reading),
    Disk(disk::Reading),
    EventLoop(event_loop::Reading),
    Gunicorn(gunicorn::Reading),
}

/// A series and how it is read.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Entry {
    process: u32,
    scope: Scope,
    reading: Reading,
}

/// The series of a world.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Metrics {
    /// By [`SeriesId`].
    entries: Vec<Entry>,
    /// Label values that readings compare with.
    words: Vec<String>,
    /// By process, what the last scrape saw of its processor.
    usage: Vec<scrape::Usage>,
}

impl Metrics {
    /// Lists every series of every process in the catalogue, in the order of names, then of processes.
    pub(crate) fn new(
        blueprint: &Blueprint,
        processes: &[Process],
        upstreams: &[Upstream],
        catalogue: &mut Catalogue,
    ) -> Self {
        let mut listing = Listing::default();
        for (index, process) in processes.iter().enumerate().filter(|(_, process)| !process.is_client()) {
            let service = &blueprint[ServiceId(process.service)];
            listing.describe(index as u32, &service.name, &catalogue.processes[index].instance);
            container::list(&mut listing, service);
            kubernetes::list(&mut listing, service);
            limits::list(&mut listing, service);
            match &service.runtime {
                Runtime::Jvm(heap) => {
                    micrometer::list(&mut listing, service);
                    jvm::list(&mut listing, heap);
                    hikari::list(&mut listing, service);
                    executor::list(&mut listing, service);
                    caffeine::list(&mut listing, blueprint, ServiceId(process.service));
                }
                Runtime::CPython(_) | Runtime::Node | Runtime::Native => {
                    client::list(&mut listing, blueprint, service);
                    process::list(&mut listing);
                    event_loop::list(&mut listing, service);
                }
                Runtime::Postgres(_) => {
                    postgres::list(&mut listing, service);
                    if service.storage.is_some() {
                        disk::list(&mut listing, service);
                    }
                }
                Runtime::Redis(_) => redis::list(&mut listing, service),
                Runtime::Broker(broker) => broker::list(&mut listing, broker),
            }
            celery::list(&mut listing, service);
            gunicorn::list(&mut listing, service);
            upstream::list(&mut listing, blueprint, service, index as u32, upstreams);
        }
        let (entries, words) = listing.finish(catalogue);
        Self { entries, words, usage: vec![scrape::Usage::default(); processes.len()] }
    }

    /// Samples every series at a grid time. Changes nothing but what the next processor usage is measured from.
    pub(crate) fn sample<S: Sink>(&mut self, around: &Surroundings<'_>, sink: &mut S) {
        let targets = scrape::targets(around, &mut self.usage);
        for (series, entry) in self.entries.iter().enumerate() {
            let target = &targets[entry.process as usize];
            let sampled = match entry.scope {
                Scope::Always => true,
                Scope::Container => target.exists,
                Scope::Process => target.answers,
            };
            let value = if sampled { entry.reading.value(target, &self.words) } else { None };
            if let Some(value) = value {
                sink.sample(SampleRecord { series: SeriesId(series as u32), time: around.now, value });
            }
        }
    }
}

impl Reading {
    fn value(self, target: &Target<'_>, words: &[String]) -> Option<f64> {
        match self {
            Self::Answers => Some(flag(target.answers)),
            Self::Exporter => Some(1.0),
            Self::Requests { endpoint, status, part } => {
                let requests = &target.process.meter.requests;
                let endpoints = match endpoint {
                    Some(endpoint) => &requests[usize::from(endpoint)..=usize::from(endpoint)],
                    None => &requests[..],
                };
                let answered = endpoints.iter().flatten();
                let of_status = answered.filter(|(known, _)| status.is_none_or(|status| status == *known));
                Timing::read(of_status.map(|(_, timing)| timing), part, target.now)
            }
            Self::Queries { word, part } => {
                let queries = target.process.meter.queries.iter();
                let of_word = queries.filter(|(known, _)| *known == words[usize::from(word)]);
                Timing::read(of_word.map(|(_, timing)| timing), part, target.now)
            }
            Self::Client(reading) => reading.value(target),
            Self::Container(reading) => Some(reading.value(target)),
            Self::Kubernetes(reading) => reading.value(target),
            Self::Process(reading) => Some(reading.value(target)),
            Self::Hikari(pool, reading) => reading.value(target, usize::from(pool)),
            Self::Executor(executor, reading) => reading.value(target, usize::from(executor)),
            Self::Caffeine(cache, reading) => reading.value(target, usize::from(cache)),
            Self::Jvm(reading) => reading.value(target),
            Self::Postgres(reading) => Some(reading.value(target)),
            Self::Redis(reading) => reading.value(target, words),
            Self::Broker(reading) => reading.value(target),
            Self::Celery(reading) => reading.value(target),
            Self::Upstream(upstream, reading) => reading.value(target, upstream),
            Self::Limits(reading) => reading.value(target),
            Self::Disk(reading) => reading.value(target),
            Self::EventLoop(reading) => reading.value(target),
            Self::Gunicorn(reading) => reading.value(target),
        }
    }
}

/// A condition as a sample.
fn flag(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}

#[cfg(test)]
mod tests;
