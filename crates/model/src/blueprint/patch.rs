//! Patches: a value set on one parameter or state of one component at one time. The only way in which a run differs from
//! a quiet one; faults, deploys, mitigations and ablations are all made of them.

use super::ProbeKind;
use crate::id::{
    EndpointId, ExecutorId, FaultId, KeyspaceId, LinkId, LocalCacheId, PolicyId, PoolId, SamplerId, ServiceId, SourceId,
};
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// A named fault: truth only. Machines never see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Name in the scenario.
    pub name: String,
    /// The component it acts on.
    pub component: String,
    /// What is set, as text for people: path, from, to.
    pub settings: Vec<(String, String, String)>,
    /// Kind in words: `deploy`, `surge`, `kill`, `pause`, `set`, `flush`.
    pub kind: String,
    /// When it acts.
    pub at: Time,
    /// When it is taken back.
    pub until: Option<Time>,
    /// What the run without it is.
    pub contrast: Contrast,
}

/// What the run without a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Contrast {
    /// Nothing happens.
    Nothing,
    /// The same deploy without the defect: the restart happens, the parameters stay.
    SameDeploy,
}

/// One thing done to the world at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    /// The fault it belongs to; `None` for `with:` and `--set`.
    pub fault: Option<FaultId>,
    /// When.
    pub at: Time,
    /// When values are set back to what they were; `None` never.
    pub until: Option<Time>,
    /// What.
    pub action: Action,
}

/// What a patch does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Sets parameters.
    Set(Vec<(Target, Value)>),
    /// Replaces every process of a service by the next version, whose parameters differ.
    Deploy {
        /// Service.
        service: ServiceId,
        /// Parameters of the new version.
        set: Vec<(Target, Value)>,
    },
    /// Kills every process of a service (SIGKILL); the platform restarts it.
    Kill {
        /// Service.
        service: ServiceId,
    },
    /// Stops every process of a service from running (SIGSTOP) until the patch ends.
    Pause {
        /// Service.
        service: ServiceId,
    },
    /// Every process of a service takes nothing out of its queue until the patch ends; what is being worked on is finished.
    PauseIntake {
        /// Service.
        service: ServiceId,
    },
    /// Another session's transaction locks a row of a database, as soon as it can get it, until the patch ends.
    Hold {
        /// Database.
        service: ServiceId,
        /// The row.
        row: crate::lock::RowId,
    },
    /// The same of a table.
    HoldTable {
        /// Database.
        service: ServiceId,
        /// The address of the table.
        table: u32,
        /// In which mode.
        mode: crate::lock::LockMode,
    },
    /// Ends a database's back ends (`pg_terminate_backend`), all or a share: their statements fail, their connections
    /// are found dead by whoever uses them next.
    Terminate {
        /// Database.
        service: ServiceId,
        /// Share of the back ends, drawn for each.
        share: f64,
    },
    /// Shuts every process of a service down at once, and starts it again when the patch ends.
    Restart {
        /// Service.
        service: ServiceId,
    },
    /// A service's certificate is renewed on its disks. Its processes load it when they start or are reloaded.
    Renew {
        /// Service.
        service: ServiceId,
        /// When the new one expires.
        expires: Time,
    },
    /// Every process of a service loads its certificate, and closes the encrypted connections that clients keep to it.
    Reload {
        /// Service.
        service: ServiceId,
    },
    /// Empties a cache.
    Flush {
        /// Cache service.
        service: ServiceId,
    },
}

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum Target {
    Service(ServiceId, ServiceField),
    Heap(ServiceId, HeapField),
    Pool(ServiceId, PoolId, PoolField),
    Executor(ServiceId, ExecutorId, ExecutorField),
    /// A step, by its position in the endpoint's program.
    Step(ServiceId, EndpointId, u32, StepField),
    Policy(PolicyId, PolicyField),
    Source(SourceId, SourceField),
    /// Of a service that has vacations.
    Vacation(ServiceId, VacationField),
    Link(LinkId, LinkField),
    Keyspace(KeyspaceId, KeyspaceField),
    LocalCache(LocalCacheId, LocalCacheField),
    /// Of a broker.
    Broker(ServiceId, BrokerField),
    /// A queue of a broker, by its number there.
    Queue(ServiceId, u32, QueueField),
    /// A consumer, by its number in its service.
    Consumer(ServiceId, u32, ConsumerField),
    /// Of a service that has the probe.
    Probe(ServiceId, ProbeKind, ProbeField),
}

/// Patchable fields of a service. `Workers`, `Places`: [`Value::Limit`]; `Cores`, `Quota`: [`Value::Limit`] in thousandths;
/// `MemoryLimit`: [`Value::Limit`] in bytes; `SlowQuery`, `LockTimeout`, `StatementTimeout`, `MaximumAge`, `WorkerTimeout`: [`Value::Duration`], the
/// longest for none; `MaxRequests`: [`Value::Count`]; `MaxConnections`, `RateLimit` (thousandths of a request a second), `RateBurst`, `ConcurrencyMinimum`,
/// `ConcurrencyMaximum`, `ConcurrencyLimit` (both bounds): [`Value::Count`]; `Maxmemory`, `Maxkeys`: [`Value::Limit`];
/// `DiskCapacity`, `DiskGrowth`, `DiskLogGrowth`, `ReplayRate`: [`Value::Bytes`], growth by minutes, the rate by seconds; `DiskLogRotation`: [`Value::Limit`];
/// `ExpiryHz`, `ExpiryEffort`: [`Value::Count`]; `ExpiryDelete`: [`Value::Duration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum ServiceField {
    Workers,
    Places,
    Cores,
    Quota,
    MemoryLimit,
    MaxConnections,
    SlowQuery,
    LockTimeout,
    StatementTimeout,
    Maxmemory,
    MaximumAge,
    Maxkeys,
    RateLimit,
    RateBurst,
    ConcurrencyMinimum,
    ConcurrencyMaximum,
    ConcurrencyLimit,
    DiskCapacity,
    DiskGrowth,
    DiskLogGrowth,
    DiskLogRotation,
    ReplayRate,
    ExpiryHz,
    ExpiryEffort,
    ExpiryDelete,
    WorkerTimeout,
    MaxRequests,
}

/// Patchable fields of a heap. `Maximum` and `Base` ([`Value::Bytes`]) act when the process next starts; `PauseScale` is a [`Value::Number`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum HeapField {
    Maximum,
    Base,
    PauseScale,
}

/// Patchable fields of a pool: [`Value::Count`] and [`Value::Duration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum PoolField {
    Maximum,
    AcquireTimeout,
}

/// Patchable fields of an executor. `Threads` and `Maximum`: [`Value::Count`]; of one whose sizes are equal both go with either. `Queue`, its
/// places when a process next starts: [`Value::Limit`]. `Rejection`: [`Value::Count`], the number of the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum ExecutorField {
    Threads,
    Maximum,
    Queue,
    Rejection,
}

/// Patchable fields of a step: `Demand` (and a sleep's time) is a [`Value::Sampler`], `Bytes` a [`Value::Bytes`], a leak's `Share` a [`Value::Number`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum StepField {
    Demand,
    Bytes,
    Share,
}

/// Patchable fields of a call policy: `Timeout` is a [`Value::Duration`], `Retries` a [`Value::Count`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum PolicyField {
    Timeout,
    Retries,
}

/// Patchable fields of a source. `Rate` ([`Value::Number`], requests a second) is for time 0 only: later a surge is one more source.
/// `Patience`: [`Value::Sampler`], of a source whose clients have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum SourceField {
    Rate,
    Patience,
}

/// Patchable fields of vacations, for those that are planned or begin from then on: [`Value::Sampler`]. `Every` is of periodic ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum VacationField {
    Every,
    Length,
}

/// Patchable fields of a link: `Latency` is a [`Value::Sampler`], `BulkheadMaximum` a [`Value::Count`], `ThrottleK` a [`Value::Number`]; the
/// latter two of a link whose traffic policy has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum LinkField {
    Latency,
    BulkheadMaximum,
    ThrottleK,
}

/// Patchable fields of a key space: `Ttl` is a [`Value::Duration`], [`Duration::MAX`] for ever. It is that of what is stored, or
/// renewed, from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum KeyspaceField {
    Ttl,
}

/// Patchable fields of a cache within processes: [`Value::Limit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum LocalCacheField {
    MaximumEntries,
    MaximumBytes,
}

/// Patchable fields of a broker. `Memory`: bytes of messages above which publishers are blocked (RabbitMQ) or refused (Redis),
/// [`Value::Limit`]; `Timeout`: the consumer timeout or the visibility timeout of deliveries from then on, [`Value::Duration`], the longest
/// for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum BrokerField {
    Memory,
    Timeout,
}

/// Patchable fields of a queue: [`Value::Limit`], and of `Ttl` a [`Value::Duration`], the longest for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum QueueField {
    MaxLength,
    DeliveryLimit,
    Ttl,
}

/// Patchable fields of a consumer: [`Value::Count`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum ConsumerField {
    Prefetch,
}

/// Patchable fields of a probe: `Timeout` and `Period` (from the next tick on) are a [`Value::Duration`], `Failures` a [`Value::Count`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the blueprint's fields")]
pub enum ProbeField {
    Timeout,
    Period,
    Failures,
}

/// A value of the kind that its target takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the meaning")]
pub enum Value {
    Count(u64),
    Bytes(u64),
    Number(f64),
    Duration(Duration),
    Sampler(SamplerId),
    /// `None` is unlimited.
    Limit(Option<u64>),
}
