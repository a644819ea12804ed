//! A blueprint is everything that a world is built from: plain data, already checked, with every name resolved to an id.
//!
//! The scenario crate makes blueprints from text; library users may make their own, and answer for its
//! ids then: [`crate::World::new`] cannot fail on a blueprint whose ids lead somewhere.

mod admission;
mod broker;
mod cache;
mod executor;
mod health;
mod heap;
mod limit;
mod load;
mod network;
mod patch;
mod pool;
mod program;
mod recording;
mod service;
mod storage;
mod traffic;

pub use admission::{Admission, DelayControl, Order, Queue, Rejection, SynSchedule, Victim};
pub use broker::{Ack, Broker, Consumer, OnFailure, Overflow, Transport};
pub use cache::{Eviction, Expiry, Keyspace, LocalCache, Redis};
pub use executor::{Executor, ExecutorKind, RejectionPolicy};
pub use health::{Health, Probe, ProbeKind};
pub use heap::{CPython, Collector, Heap, OnOutOfMemory, PauseCost};
pub use limit::{Algorithm, ConcurrencyLimit, RateLimit, RateLimitKind};
pub use load::{Arrivals, Batch, Dropped, Mix, Profile, Source};
pub use network::{Link, LinkEnd};
pub use patch::{
    Action, BrokerField, ConsumerField, Contrast, ExecutorField, Fault, HeapField, KeyspaceField, LinkField,
    LocalCacheField, Patch, PolicyField, PoolField, ProbeField, QueueField, ServiceField, SourceField, StepField,
    Target, VacationField, Value,
};
pub use pool::{Pool, PoolKind};
pub use program::{
    Abandoned, Answers, Backoff, CallPolicy, Choice, Endpoint, Jitter, Join, Operation, RetryOn, Severity, Site, Step,
};
pub use recording::{Column, Recorded, Recording, Recordings, Rows, Values};
pub use service::{
    Cores, CpuDiscipline, Memory, Postgres, Prefork, Replica, RestartPolicy, Runtime, Service, Vacation, WarmUp,
};
pub use storage::{Disk, Storage};
pub use traffic::{Balance, Breaker, Bulkhead, Hystrix, Outlier, Resilience4j, RetryBudget, Throttle, TrafficPolicy};

use crate::id::{KeyspaceId, LinkId, LocalCacheId, PolicyId, SamplerId, ServiceId, SourceId};
use knockon_kernel::{Duration, Sampler};
use serde::{Deserialize, Serialize};

/// A checked, fully resolved description of a world. Vectors indexed by the ids of [`crate::id`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Blueprint {
    /// Seed of every draw.
    pub seed: u64,
    /// Simulated time zero in nanoseconds since the Unix epoch, UTC.
    pub epoch_unix_ns: i64,
    /// Simulated time to run for.
    pub duration: Duration,
    /// Services, databases and caches, in name order.
    pub services: Vec<Service>,
    /// Directed network links between components.
    pub links: Vec<Link>,
    /// How callers treat some of the links, in the order of the links.
    pub traffic: Vec<TrafficPolicy>,
    /// Load sources, in name order. A surge is one more source.
    pub sources: Vec<Source>,
    /// Key spaces of caches, in name order.
    pub keyspaces: Vec<Keyspace>,
    /// Caches within the processes of applications, by service, then by name.
    pub local_caches: Vec<LocalCache>,
    /// Distributions named by [`SamplerId`].
    pub samplers: Vec<Sampler>,
    /// Columns of recorded values, and who reads them.
    pub recordings: Recordings,
    /// Timeout and retry policies named by [`PolicyId`].
    pub policies: Vec<CallPolicy>,
    /// Faults, in name order: truth only, no machine reads it.
    pub faults: Vec<Fault>,
    /// What is set when, in order of time, then of fault name.
    pub patches: Vec<Patch>,
    /// Distance of the metric grid, from time zero on.
    pub scrape_interval: Duration,
    /// Bounds of the run.
    pub limits: Limits,
}

/// Bounds whose crossing ends the run with a named outcome (exit code 3), never with a wrong result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Events at one instant of simulated time before it counts as a livelock; 0 means 10 000 + 100 × components.
    pub events_per_instant: u64,
    /// Frames alive at once.
    pub frames: u32,
    /// Events of the whole run.
    pub events: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events_per_instant: 0, frames: 4_000_000, events: u64::MAX }
    }
}

impl Blueprint {
    /// The caches within each process of a service, in the order in which a process has them.
    pub fn local_caches_of(&self, service: ServiceId) -> impl Iterator<Item = (LocalCacheId, &LocalCache)> {
        let first = self.local_caches.partition_point(|cache| cache.service < service);
        let of_service = self.local_caches[first..].iter().take_while(move |cache| cache.service == service);
        of_service.enumerate().map(move |(n, cache)| (LocalCacheId((first + n) as u32), cache))
    }

    /// A key space's name within the service that holds it: behind that of its cache and a slash, where one lies within processes.
    #[must_use]
    pub fn keyspace_name(&self, keyspace: &Keyspace) -> String {
        match keyspace.local {
            Some(local) => format!("{}/{}", self[local].name, keyspace.name),
            None => keyspace.name.clone(),
        }
    }

    /// The programs that handle what is in a queue of a broker.
    pub fn consumers_of(
        &self,
        broker: ServiceId,
        queue: u32,
    ) -> impl Iterator<Item = (ServiceId, crate::id::EndpointId)> {
        let all = self.services.iter().enumerate();
        all.flat_map(move |(n, service)| {
            let mine = service.consumers.iter().filter(move |mine| (mine.broker, mine.queue) == (broker, queue));
            mine.map(move |consumer| (ServiceId(n as u32), consumer.endpoint))
        })
    }

    /// A link as people and tables name it: `caller -> callee`.
    #[must_use]
    pub fn link_name(&self, link: LinkId) -> String {
        let link = &self[link];
        let from = match link.from {
            LinkEnd::Source(source) => &self[source].name,
            LinkEnd::Service(service) => &self[service].name,
        };
        format!("{from} -> {}", self[link.to].name)
    }
}

macro_rules! index {
    ($($field:ident: $id:ty => $item:ty),+ $(,)?) => {$(
        impl std::ops::Index<$id> for Blueprint {
            type Output = $item;
            fn index(&self, id: $id) -> &$item {
                &self.$field[id.index()]
            }
        }
    )+};
}

index! {
    services: ServiceId => Service,
    links: LinkId => Link,
    sources: SourceId => Source,
    keyspaces: KeyspaceId => Keyspace,
    local_caches: LocalCacheId => LocalCache,
    samplers: SamplerId => Sampler,
    policies: PolicyId => CallPolicy,
}
