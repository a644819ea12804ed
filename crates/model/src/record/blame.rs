//! Truth records of blame: who held what others waited for, doing what.

use crate::blueprint::{Blueprint, LinkEnd};
use crate::id::{EndpointId, ExecutorId, LinkId, PoolId, ServiceId, SourceId};
use serde::{Deserialize, Serialize};

/// What is waited for. A service's processes are told of together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Resource {
    /// Whose it is. Only permits can be a source's.
    pub owner: LinkEnd,
    /// What it is.
    pub kind: ResourceKind,
}

/// Kinds of resources.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum ResourceKind {
    /// Workers: queued requests wait for them. Requests that were dropped from the queue for their age are refusals.
    Workers,
    /// Connections of a pool.
    Pool(PoolId),
    /// The processor: its cores, and its quota.
    Processor,
    /// Row locks of a database.
    Locks,
    /// Leave to run at all: a collection, a vacation, a stop from outside or whoever keeps the event loop lets nobody else.
    Running,
    /// Places of the accept queue. Nobody waits for them: who finds none is refused.
    Places,
    /// What a rate limit lets through: requests are held back, or refused.
    Tokens,
    /// Requests in work under a concurrency limit that refuses.
    Concurrency,
    /// Permits of a bulkhead at the caller's end of a link.
    Permits(LinkId),
    /// A broker's memory: publications wait for it, or are refused.
    Memory,
    /// Room in a broker's queues. Nobody waits for it: who finds none is refused.
    Length,
    /// A database's disk.
    Disk,
    /// Threads of an executor: tasks wait for them, or are refused.
    Threads(ExecutorId),
}

impl ResourceKind {
    /// Words of the kinds, in the order of the declaration.
    pub const WORDS: [&'static str; 13] = [
        "workers",
        "pool",
        "processor",
        "locks",
        "running",
        "places",
        "tokens",
        "concurrency",
        "permits",
        "memory",
        "length",
        "disk",
        "threads",
    ];

    /// The word in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        Self::WORDS[match self {
            Self::Workers => 0,
            Self::Pool(_) => 1,
            Self::Processor => 2,
            Self::Locks => 3,
            Self::Running => 4,
            Self::Places => 5,
            Self::Tokens => 6,
            Self::Concurrency => 7,
            Self::Permits(_) => 8,
            Self::Memory => 9,
            Self::Length => 10,
            Self::Disk => 11,
            Self::Threads(_) => 12,
        }]
    }
}

impl Resource {
    /// Its name: `service`, `service/pool`, `service/executor`, or for permits `caller -> callee`.
    #[must_use]
    pub fn name(self, blueprint: &Blueprint) -> String {
        match (self.owner, self.kind) {
            (_, ResourceKind::Permits(link)) => blueprint.link_name(link),
            (LinkEnd::Service(service), ResourceKind::Pool(pool)) => {
                let service = &blueprint[service];
                format!("{}/{}", service.name, service.pools[pool.index()].name)
            }
            (LinkEnd::Service(service), ResourceKind::Threads(executor)) => {
                let service = &blueprint[service];
                format!("{}/{}", service.name, service.executors[executor.index()].name)
            }
            (LinkEnd::Service(service), _) => blueprint[service].name.clone(),
            (LinkEnd::Source(source), _) => blueprint[source].name.clone(),
        }
    }
}

/// For whom something is done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Who {
    /// For no request of its own.
    Nobody,
    /// Requests of an endpoint.
    Endpoint(ServiceId, EndpointId),
    /// Requests of a source, on the client's side.
    Source(SourceId),
}

impl Who {
    /// `service/endpoint`, or the name of a source; empty for nobody.
    #[must_use]
    pub fn name(self, blueprint: &Blueprint) -> String {
        match self {
            Self::Nobody => String::new(),
            Self::Endpoint(service, endpoint) => {
                let service = &blueprint[service];
                format!("{}/{}", service.name, service.endpoints[endpoint.index()].name)
            }
            Self::Source(source) => blueprint[source].name.clone(),
        }
    }
}

/// What is being done at an instant. Up to [`Activity::Joining`] it is what a request does, as its ledger books it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Activity {
    /// In the accept queue, held back by a rate limit, waiting for a worker again, or as a task for a thread.
    Queued,
    /// Waiting for a connection of its process' pool.
    Pool(PoolId),
    /// Waiting for a permit of a bulkhead to call a service.
    Permit(ServiceId),
    /// Needs the processor: with a core or without.
    Computing,
    /// Would compute, but for the quota.
    Throttled,
    /// Would go on, but its process stands still.
    Paused,
    /// Backing off between attempts.
    BackingOff,
    /// Sleeping.
    Sleeping,
    /// Waiting for a row.
    Lock,
    /// Waiting for the answer of an endpoint, query class or command.
    Calling(ServiceId, EndpointId),
    /// Waiting for a value that is loaded apart.
    Loading,
    /// Waiting for its own branches.
    Joining,
    /// Bytes that it has allocated since the last collection.
    Allocated,
    /// Live bytes of requests in work.
    InFlight,
    /// Live bytes that it has left behind for the life of the process.
    Retained,
    /// A connection that it has not given back.
    Leaked,
    /// It took tokens lately.
    Admitted,
    /// A connection that is being opened, validated or pinged.
    Opening,
    /// A session from outside that holds a row.
    Session,
    /// What the process has on its heap from its start.
    Base,
    /// What caches within the process hold.
    Cached,
    /// A vacation.
    Vacation,
    /// A stop from outside.
    Outside,
    /// A collector, by its pause or by the cores that it marks on.
    Collector,
    /// The burnt quota.
    Quota,
    /// Nothing: what is waited for is not there, or lies idle.
    Nothing,
    /// Messages that it has published, which nobody has done with.
    Published,
    /// Has the disk work on its I/O, or waits until that begins.
    Disk,
    /// Keeps the event loop without computing.
    Blocking,
    /// A cycle that deletes expired keys.
    Expiry,
}

impl Activity {
    /// The word in tables: for what a request does in its ledger, as the ledger's column.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Pool(_) => "pool",
            Self::Permit(_) => "permit",
            Self::Computing => "computing",
            Self::Throttled => "throttled",
            Self::Paused => "paused",
            Self::BackingOff => "backing_off",
            Self::Sleeping => "sleeping",
            Self::Lock => "lock",
            Self::Calling(..) => "child",
            Self::Loading => "loading",
            Self::Joining => "joining",
            Self::Allocated => "allocated",
            Self::InFlight => "in_flight",
            Self::Retained => "retained",
            Self::Leaked => "leaked",
            Self::Admitted => "admitted",
            Self::Opening => "opening",
            Self::Session => "session",
            Self::Base => "base",
            Self::Cached => "cached",
            Self::Vacation => "vacation",
            Self::Outside => "outside",
            Self::Collector => "collector",
            Self::Quota => "quota",
            Self::Nothing => "nothing",
            Self::Published => "published",
            Self::Disk => "disk",
            Self::Expiry => "expiry",
            Self::Blocking => "blocking",
        }
    }

    /// The word, and what it is about: `child postgres/select_user`, `pool db`, `permit payment`.
    #[must_use]
    pub fn words(self, who: Who, blueprint: &Blueprint) -> String {
        let about = match (self, who) {
            (Self::Calling(service, endpoint), _) => Who::Endpoint(service, endpoint).name(blueprint),
            (Self::Permit(service), _) => blueprint[service].name.clone(),
            (Self::Pool(pool), Who::Endpoint(service, _)) => blueprint[service].pools[pool.index()].name.clone(),
            _ => return self.word().to_owned(),
        };
        format!("{} {about}", self.word())
    }
}

/// Somebody, doing something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Party {
    /// For whom.
    pub who: Who,
    /// What.
    pub activity: Activity,
}

impl Party {
    /// What is done for no request.
    #[must_use]
    pub const fn of_nobody(activity: Activity) -> Self {
        Self { who: Who::Nobody, activity }
    }
}

/// For how long some waited because of others, in a span of time.
///
/// Over all holders of a resource it sums to how long those of the waiting party waited for it, exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct BlameRecord {
    /// What was waited for.
    pub resource: Resource,
    /// Who waited.
    pub waiting: Party,
    /// Who held it.
    pub holding: Party,
    /// Nanoseconds of waiting, summed over those who waited: each wait is shared out over all holders of its instants.
    pub ns: u64,
    /// Requests refused for want of it, shared out likewise.
    pub refusals: u64,
}
