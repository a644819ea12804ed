//! Observed changes: what a deployment log or the platform's events would tell.

use crate::blueprint::ProbeKind;
use crate::id::{EndpointId, ProcessId, ServiceId};
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// One change.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ChangeRecord {
    /// When.
    pub time: Time,
    /// What.
    pub kind: ChangeKind,
    /// The service concerned.
    pub service: ServiceId,
    /// The process concerned, where it is one.
    pub process: Option<ProcessId>,
}

/// Kinds of changes. Versions are minted per service in deploy order: 1.0.0, 1.0.1 …
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum ChangeKind {
    /// A version replaces another: patch numbers of both.
    Deployment {
        /// n of 1.0.n before.
        from: u32,
        /// n of 1.0.n after.
        to: u32,
    },
    /// A parameter was changed in place: hidden in truth, seen as a configuration change of the service.
    Configuration,
    /// The process exited by itself with this code.
    Exited {
        /// Exit code; 137 is SIGKILL.
        code: u16,
        /// Whether the kernel killed it for its memory.
        oom_killed: bool,
    },
    /// The platform started the container again, for the n-th time.
    Restarted {
        /// Restart count of the container.
        count: u32,
    },
    /// A probe of the platform failed.
    Unhealthy {
        /// Which.
        kind: ProbeKind,
        /// What it asked, where it did more than open a connection.
        endpoint: Option<EndpointId>,
        /// Why.
        failure: ProbeFailure,
    },
    /// The platform ends the container for a probe that failed for good.
    Killing {
        /// Which.
        kind: ProbeKind,
    },
}

/// Why a probe failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ProbeFailure {
    /// No answer in time.
    Timeout,
    /// Nobody listens.
    Refused,
    /// The connection broke.
    Reset,
    /// Answered with this status.
    Status(u16),
}
