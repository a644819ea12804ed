//! Patch paths: `component[/part].field`, from a name to a field of the text.
//!
//! Every field of the tables can be set from the start of a run (`with:`, `--set`). Those that a running world can change
//! have a target as well, and are listed in [`LATER`]; what of a fault's or deploy's settings has none is refused.

mod component;
mod step;

use crate::decode::{At, Choice, Field, Record, Slot};
use crate::language::{
    ArrivalsText, BalanceText, BreakerText, BudgetText, ConcurrencyText, LinkText, PoolText, PreforkText,
    RateLimitText, RuntimeText, StepText, SystemText, TransportText, VacationText,
};
use crate::suggest;
use std::fmt::Write as _;
use step::{each_step, nth_step};

/// A path that leads somewhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Address {
    pub(crate) component: Component,
    pub(crate) part: Part,
    pub(crate) field: String,
    /// Which of several steps that have the field, from 0.
    pub(crate) step: Option<usize>,
}

/// Whose field it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Component {
    Service(String),
    Database(String),
    Cache(String),
    Broker(String),
    Load(String),
    Link(String),
}

/// Which part of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Part {
    Itself,
    Heap,
    Memory,
    WarmUp,
    Vacation,
    Prefork,
    Queue,
    RateLimit,
    Concurrency,
    Pool(String),
    Executor(String),
    Endpoint(String),
    Query(String),
    /// The disk of a database that has one.
    Disk,
    /// How a cache of which that is said deletes expired keys.
    Expiry,
    Keys(String),
    Command(String),
    LocalCache(String),
    LocalKeys(String, String),
    Consumer(String),
    /// What kind of broker it is.
    Transport,
    MessageQueue(String),
    Backoff,
    /// What a link's callers guard themselves with, by its field.
    Guard(String),
    /// A probe, by its field.
    Probe(String),
}

/// Why a path leads nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lost {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

fn lost<T>(message: String, hint: Option<String>) -> Result<T, Lost> {
    Err(Lost { message, hint })
}

/// Names of a service's parts that are not names of its own things.
pub(crate) const FIXED_PARTS: [&str; 11] = [
    "heap",
    "memory",
    "warm_up",
    "vacation",
    "prefork",
    "queue",
    "rate_limit",
    "concurrency",
    "liveness",
    "readiness",
    "startup",
];

/// Fields that can change while a world runs: form, value, meaning.
pub(crate) const LATER: &[(&str, &str, &str)] = &[
    ("SERVICE.workers", "count or Unlimited", "requests worked on at once; of a database too"),
    ("SERVICE.places", "count or Unlimited", "places of the accept queue; of a cache too"),
    ("SERVICE/queue.maximum_age", "duration or None", "age at which queued requests are dropped at their turn"),
    ("SERVICE/rate_limit.rate", "rate", "rate of its limiter"),
    ("SERVICE/rate_limit.burst", "count", "burst of its limiter"),
    ("SERVICE/concurrency.minimum", "count", "lowest concurrency limit"),
    ("SERVICE/concurrency.limit", "count", "a fixed concurrency limit"),
    ("SERVICE/concurrency.maximum", "count", "highest concurrency limit"),
    ("SERVICE.cores", "cores", "processor capacity where it has a bound; of a database too"),
    (
        "SERVICE.quota",
        "cores or Unlimited",
        "processor limit of a container whose cores have a bound; of a database too",
    ),
    ("SERVICE/prefork.timeout", "duration or None", "how long gunicorn lets a worker serve a request"),
    ("SERVICE/prefork.max_requests", "count", "requests after which workers exit that are forked from then on"),
    ("SERVICE/vacation.length", "distribution", "length of vacations that begin from then on"),
    ("SERVICE/vacation.every", "distribution", "time between periodic vacations that are planned from then on"),
    ("SERVICE/PROBE.timeout", "duration", "timeout of a probe of its health: liveness, readiness, startup"),
    ("SERVICE/PROBE.period", "duration", "period of a probe, from its next question on"),
    ("SERVICE/PROBE.failures", "count", "failures in a row that count"),
    ("SERVICE/memory.limit", "size or None", "the container's limit; of databases and caches too"),
    ("SERVICE/heap.maximum", "size", "-Xmx, from the next start of a process on"),
    ("SERVICE/heap.base", "size", "live bytes of the idle application, from the next start on"),
    ("SERVICE/heap.pause_scale", "number", "scales every pause of collections"),
    ("SERVICE/POOL.maximum", "count", "connections of a pool"),
    ("SERVICE/POOL.acquire_timeout", "duration", "how long a caller waits for a connection"),
    (
        "SERVICE/EXECUTOR.threads",
        "count",
        "threads that an executor of its own accord has; of one with a single size, its maximum too",
    ),
    ("SERVICE/EXECUTOR.maximum", "count", "threads that it has when its queue is full; of one with a single size, all"),
    ("SERVICE/EXECUTOR.queue", "count or Unlimited", "places of its queue, from the next start of a process on"),
    ("SERVICE/EXECUTOR.rejection", "handler", "what happens to its tasks that are rejected, on a JVM"),
    ("SERVICE/ENDPOINT.allocate", "size", "bytes that live as long as a request"),
    ("SERVICE/ENDPOINT.churn", "size", "bytes that a request allocates and drops at once"),
    ("SERVICE/ENDPOINT.retain", "size", "bytes of each request that stay: a leak"),
    ("SERVICE/ENDPOINT.demand[n]", "distribution", "demand of the n-th Compute step"),
    ("SERVICE/ENDPOINT.time[n]", "distribution", "length of the n-th Sleep step"),
    ("SERVICE/ENDPOINT.block[n]", "distribution", "how long the n-th Block step keeps the event loop"),
    ("SERVICE/ENDPOINT.bytes[n]", "size", "bytes of the n-th Allocate, Retain or Publish step"),
    (
        "SERVICE/ENDPOINT.timeout[n]",
        "duration",
        "timeout of the n-th step that has one: Call, Query, CacheAside, ReadThrough, Command, Parallel, Run, Publish",
    ),
    (
        "SERVICE/ENDPOINT.load_timeout[n]",
        "duration",
        "how long callers of the n-th CacheAside or ReadThrough wait for a load",
    ),
    ("SERVICE/ENDPOINT.retries[n]", "count", "retries of the n-th Call or Publish step"),
    ("SERVICE/ENDPOINT.leaks[n]", "share", "how often the n-th Transaction, if it has `leaks`, forgets its connection"),
    ("DATABASE.max_connections", "count", "connections that the server takes"),
    ("DATABASE.lock_timeout", "duration or None", "how long a statement waits for a row"),
    ("DATABASE.statement_timeout", "duration or None", "how long a statement may take"),
    ("DATABASE.slow_query", "duration", "from when on a statement is logged"),
    ("DATABASE.replay", "size", "bytes that a replica, of which it is said, replays in a second"),
    ("DATABASE/disk.capacity", "size", "size of its volume"),
    ("DATABASE/disk.growth", "size", "bytes a minute by which data grows that no query writes"),
    ("DATABASE/disk.log_growth", "size", "bytes a minute by which the server's log grows"),
    ("DATABASE/disk.log_rotation", "size or None", "size at which the log is cut off"),
    ("DATABASE/QUERY.demand", "distribution", "time that a query keeps a worker busy"),
    ("CACHE.maxmemory", "size or None", "memory for entries"),
    (
        "CACHE/expiry.hz",
        "count",
        "how often the cron of a Redis, of which it is said how it expires keys, runs in a second",
    ),
    ("CACHE/expiry.effort", "count", "`active-expire-effort` of such a one"),
    ("CACHE/expiry.delete", "duration", "time to delete an expired key of such a one"),
    ("CACHE.maxclients", "count", "connections that a Redis, of which it is said, takes"),
    ("CACHE.maxkeys", "count or None", "keys at most"),
    ("CACHE/COMMAND.demand", "distribution", "time that a command keeps the thread busy"),
    ("CACHE/KEYS.ttl", "duration or None", "time to live of what is stored from then on"),
    ("SERVICE/CACHE.maximum_entries", "count or None", "entries of a cache within each process"),
    ("SERVICE/CACHE.maximum_bytes", "size or None", "bytes of a cache within each process"),
    ("SERVICE/CACHE/KEYS.ttl", "duration or None", "time to live of what such a cache stores from then on"),
    ("BROKER/transport.memory", "size", "memory that RabbitMQ finds, of which its watermark is a part"),
    ("BROKER/transport.high_watermark", "share", "part of that above which RabbitMQ blocks publishers"),
    ("BROKER/transport.maxmemory", "size or None", "memory for messages in Redis"),
    (
        "BROKER/transport.consumer_timeout",
        "duration or None",
        "how long RabbitMQ leaves a message with a consumer, from its delivery on",
    ),
    ("BROKER/transport.visibility_timeout", "duration", "how long the Redis transport does"),
    ("BROKER/QUEUE.max_length", "count or None", "messages that wait in a queue at most"),
    ("BROKER/QUEUE.delivery_limit", "count or None", "how often a message may come back"),
    ("BROKER/QUEUE.ttl", "duration or None", "how long a message waits at most"),
    ("SERVICE/CONSUMER.prefetch", "count", "unacknowledged messages of a process at most; 0 is no limit"),
    ("SOURCE.timeout", "duration", "timeout of the clients' attempts"),
    (
        "SOURCE.patience",
        "distribution",
        "how long clients wait for the end of their requests, where they have a patience",
    ),
    ("SOURCE.retries", "count", "retries of the clients"),
    ("CALLER->CALLEE.latency", "distribution", "one-way latency of a link"),
    ("CALLER->CALLEE/bulkhead.maximum", "count", "attempts of a process that may be under way over a link"),
    ("CALLER->CALLEE/throttle.k", "number", "how many times what the callee accepts is still sent"),
];

/// The section of the schema about paths.
pub(crate) fn describe() -> String {
    let mut out = String::from(
        "## paths\n\nA path is `component[/part].field`: the component's name, then, after a slash, the name of its heap, memory, warm_up, vacation, prefork, queue, rate_limit,\n\
         concurrency, liveness, readiness, startup, pool, executor, endpoint, consumer, query, command, key space, transport or message queue, then the field after the last dot. `web-api/pool.maximum`, `web-api/POST /api/checkout.retain`,\n\
         `web-api->postgres.latency`, `clients.timeout`. Where several steps have the field, `[n]` says which, from 1. In `with:` and\n\
         `--set` every field of every table can be set, from the start: also `clients.rate`, which is that of its arrivals. `--set` takes\n\
         those of a campaign too: `campaign.rate`, `campaign/slow-query.weight`. While a world runs\n\
         (`Deploy`, `Set`) these can (an ENDPOINT may be a consumer); more load while it runs is a `Surge`:\n\n",
    );
    for (form, value, meaning) in LATER {
        let _ = writeln!(out, "    {form:<32} {meaning}. Takes: {value}.");
    }
    out
}

/// A link's name in one form: "caller -> callee".
pub(crate) fn link_name(text: &str) -> Option<(String, String)> {
    let (from, to) = text.split_once("->")?;
    Some((from.trim().to_owned(), to.trim().to_owned()))
}

impl Address {
    /// Finds what a path names in a system.
    pub(crate) fn resolve(system: &mut SystemText, path: &str) -> Result<Self, Lost> {
        let Some((front, field)) = path.rsplit_once('.') else {
            return lost(
                format!("{path:?} is not a path"),
                Some("paths are `component[/part].field`, for example `web-api/pool.maximum`".into()),
            );
        };
        let (name, part) = match front.split_once('/') {
            Some((name, part)) => (name.trim(), Some(part.trim())),
            None => (front.trim(), None),
        };
        let component = Component::resolve(system, name)?;
        let part = Part::resolve(system, &component, name, part)?;
        let (field, index) = split_index(field)?;
        let mut address = Self { component, part, field: field.to_owned(), step: None };
        address.find_field(system, path, index)?;
        Ok(address)
    }

    /// Checks that the field exists, and which step's it is.
    fn find_field(&mut self, system: &mut SystemText, path: &str, index: Option<usize>) -> Result<(), Lost> {
        let (record, fields) = self.record(system);
        if record.is_some_and(|record| record.slot(&self.field).is_some()) {
            return match index {
                Some(_) => lost(format!("`{}` is no list", self.field), Some("leave the index away".into())),
                None => Ok(()),
            };
        }
        let steps = self.steps(system).map_or(0, |steps| {
            let mut found = 0;
            each_step(steps, &mut |step| found += usize::from(step.slot(&self.field).is_some()));
            found
        });
        match (steps, index) {
            (0, _) => {
                let mut names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                if let Some(steps) = self.steps(system) {
                    each_step(steps, &mut |step| names.extend(step.fields().iter().map(|field| field.name)));
                }
                names.sort_unstable();
                names.dedup();
                lost(
                    format!("{path:?} names no field: there is no `{}`", self.field),
                    suggest::hint(&self.field, names),
                )
            }
            (1, None) => {
                self.step = Some(0);
                Ok(())
            }
            (n, None) => lost(
                format!("{path:?} is ambiguous: {n} steps have a `{}`", self.field),
                Some(format!("say which, from 1: `{path}[1]`")),
            ),
            (n, Some(index)) if (1..=n).contains(&index) => {
                self.step = Some(index - 1);
                Ok(())
            }
            (n, Some(index)) => lost(format!("there is no {index}. `{}`: the endpoint has {n}", self.field), None),
        }
    }

    /// The steps of the endpoint or consumer that it is about.
    fn steps<'s>(&self, system: &'s mut SystemText) -> Option<&'s mut Vec<At<StepText>>> {
        let Component::Service(service) = &self.component else { return None };
        let service = &mut system.services.entries.get_mut(service)?.value;
        match &self.part {
            Part::Endpoint(name) => Some(&mut service.endpoint_mut(name)?.steps.value),
            Part::Consumer(name) => Some(&mut service.consumers.entries.get_mut(name)?.value.steps.value),
            _ => None,
        }
    }

    /// The record that the field belongs to, and its table.
    fn record<'s>(&self, system: &'s mut SystemText) -> (Option<&'s mut dyn Fields>, &'static [Field]) {
        let record = self.find_record(system);
        let fields = record.as_ref().map_or(&[] as &[Field], |record| record.table());
        (record, fields)
    }

    fn find_record<'s>(&self, system: &'s mut SystemText) -> Option<&'s mut dyn Fields> {
        match &self.component {
            Component::Service(name) => {
                let service = &mut system.services.entries.get_mut(name)?.value;
                Some(match &self.part {
                    Part::Itself => service,
                    Part::Memory => &mut service.memory.value,
                    Part::WarmUp => service.warm_up.value.as_mut()?,
                    Part::Prefork => match service.prefork.value.as_mut()? {
                        PreforkText::Gunicorn(gunicorn) => gunicorn,
                    },
                    Part::Vacation => match service.vacation.value.as_mut()? {
                        VacationText::Periodic(vacation) => vacation,
                        VacationText::WhenIdle(vacation) => vacation,
                    },
                    Part::Queue => &mut service.queue.value,
                    Part::RateLimit => match service.rate_limit.value.as_mut()? {
                        RateLimitText::TokenBucket(limit) => limit,
                        RateLimitText::LimitReq(limit) => limit,
                    },
                    Part::Concurrency => match service.concurrency.value.as_mut()? {
                        ConcurrencyText::Fixed(limit) => limit,
                        ConcurrencyText::Aimd(limit) => limit,
                        ConcurrencyText::Vegas(limit) => limit,
                        ConcurrencyText::Gradient2(limit) => limit,
                    },
                    Part::Heap => match &mut service.runtime.value {
                        RuntimeText::Jvm(jvm) => &mut *jvm.heap.value,
                        RuntimeText::CPython(memory) => memory,
                        _ => return None,
                    },
                    Part::Pool(pool) => match &mut service.pools.entries.get_mut(pool)?.value {
                        PoolText::HikariCp(pool) => pool,
                        PoolText::QueuePool(pool) => pool,
                    },
                    Part::Executor(executor) => &mut service.executors.entries.get_mut(executor)?.value,
                    Part::Consumer(consumer) => &mut service.consumers.entries.get_mut(consumer)?.value,
                    Part::Endpoint(endpoint) => service.endpoint_mut(endpoint)?,
                    Part::Probe(probe) => service.health.value.as_mut()?.probe_mut(probe)?,
                    Part::LocalCache(cache) => &mut service.caches.entries.get_mut(cache)?.value,
                    Part::LocalKeys(cache, keys) => {
                        &mut service.caches.entries.get_mut(cache)?.value.keys.entries.get_mut(keys)?.value
                    }
                    _ => return None,
                })
            }
            Component::Database(name) => {
                let database = &mut system.databases.entries.get_mut(name)?.value;
                Some(match &self.part {
                    Part::Itself => database,
                    Part::Memory => &mut database.memory.value,
                    Part::Disk => database.disk.value.as_mut()?,
                    Part::Query(query) => &mut database.queries.entries.get_mut(query)?.value,
                    _ => return None,
                })
            }
            Component::Cache(name) => {
                let cache = &mut system.caches.entries.get_mut(name)?.value;
                Some(match &self.part {
                    Part::Itself => cache,
                    Part::Memory => &mut cache.memory.value,
                    Part::Expiry => cache.expiry.value.as_mut()?,
                    Part::Command(command) => &mut cache.commands.entries.get_mut(command)?.value,
                    Part::Keys(keys) => &mut cache.keys.entries.get_mut(keys)?.value,
                    _ => return None,
                })
            }
            Component::Broker(name) => {
                let broker = &mut system.brokers.entries.get_mut(name)?.value;
                Some(match &self.part {
                    Part::Itself => broker,
                    Part::Memory => &mut broker.memory.value,
                    Part::Transport => match &mut broker.transport.value {
                        TransportText::RabbitMq(rabbit) => rabbit,
                        TransportText::Redis(redis) => redis,
                    },
                    Part::MessageQueue(queue) => &mut broker.queues.entries.get_mut(queue)?.value,
                    _ => return None,
                })
            }
            Component::Load(name) => {
                let source = &mut system.load.entries.get_mut(name)?.value;
                Some(match &self.part {
                    // A rate is what people want to set; that it belongs to the arrivals is how the language has it.
                    Part::Itself if self.field == "rate" => match &mut source.arrivals.value {
                        ArrivalsText::Poisson(rate) | ArrivalsText::Constant(rate) => rate,
                        ArrivalsText::Replay(_) | ArrivalsText::Renewal(_) | ArrivalsText::Closed(_) => return None,
                    },
                    Part::Itself => source,
                    Part::Backoff => &mut source.backoff.value,
                    _ => return None,
                })
            }
            Component::Link(name) => {
                let link = &mut system.links.entries.get_mut(name)?.value;
                Some(match &self.part {
                    Part::Guard(guard) => return link.guard(guard),
                    _ => link,
                })
            }
        }
    }

    /// The field itself.
    pub(crate) fn slot<'s>(&self, system: &'s mut SystemText) -> Option<&'s mut dyn Slot> {
        let Some(wanted) = self.step else {
            return self.find_record(system)?.slot(&self.field);
        };
        nth_step(self.steps(system)?, &self.field, &mut { wanted })?.slot(&self.field)
    }
}

/// `demand[2]` as "demand" and 2.
fn split_index(field: &str) -> Result<(&str, Option<usize>), Lost> {
    let field = field.trim();
    let Some((name, rest)) = field.split_once('[') else {
        return Ok((field, None));
    };
    match rest.strip_suffix(']').and_then(|digits| digits.parse().ok()) {
        Some(index) if index > 0 => Ok((name, Some(index))),
        _ => lost(
            format!("{field:?} has no whole number above 0 between its brackets"),
            Some(format!("for example `{name}[1]`")),
        ),
    }
}
/// A record behind a reference, its type forgotten.
trait Fields {
    fn slot(&mut self, field: &str) -> Option<&mut dyn Slot>;
    fn table(&self) -> &'static [Field];
}

impl<R: Record> Fields for R {
    fn slot(&mut self, field: &str) -> Option<&mut dyn Slot> {
        Record::slot(self, field)
    }

    fn table(&self) -> &'static [Field] {
        R::FIELDS
    }
}

impl LinkText {
    /// The record of what the link's callers guard themselves with, where the text has one.
    fn guard(&mut self, guard: &str) -> Option<&mut dyn Fields> {
        Some(match guard {
            "balance" => match &mut self.balance.value {
                BalanceText::Random | BalanceText::RoundRobin => return None,
                BalanceText::LeastRequest(least) => least,
                BalanceText::PeakEwma(ewma) => ewma,
                BalanceText::ConsistentHash(ring) => ring,
            },
            "outlier" => self.outlier.value.as_mut()?,
            "breaker" => match self.breaker.value.as_mut()? {
                BreakerText::Resilience4j(breaker) => breaker,
                BreakerText::Hystrix(breaker) => breaker,
            },
            "retry_budget" => match self.retry_budget.value.as_mut()? {
                BudgetText::Grpc(budget) => budget,
                BudgetText::Finagle(budget) => budget,
                BudgetText::Envoy(budget) => budget,
            },
            "bulkhead" => self.bulkhead.value.as_mut()?,
            "throttle" => self.throttle.value.as_mut()?,
            _ => return None,
        })
    }

    /// Names of what the text has a record for.
    fn guards(&mut self) -> Vec<&'static str> {
        const ALL: [&str; 6] = ["balance", "outlier", "breaker", "retry_budget", "bulkhead", "throttle"];
        ALL.into_iter().filter(|guard| self.guard(guard).is_some()).collect()
    }
}
