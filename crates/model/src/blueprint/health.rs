//! Health: how the platform asks a process whether it lives and whether it may be called.

use crate::id::EndpointId;
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// The probes of a service's containers, as a Kubernetes pod specification has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Failing, the container is ended and started again.
    pub liveness: Option<Probe>,
    /// Failing, the process is called by nobody.
    pub readiness: Option<Probe>,
    /// Until it has passed, the others are not asked; failing, the container is ended.
    pub startup: Option<Probe>,
    /// From a change of readiness until callers send elsewhere: status, Endpoints and every node's rules.
    pub propagation: Duration,
}

impl Health {
    /// The probe of a kind, if there is one.
    #[must_use]
    pub const fn probe(&self, kind: ProbeKind) -> Option<Probe> {
        match kind {
            ProbeKind::Liveness => self.liveness,
            ProbeKind::Readiness => self.readiness,
            ProbeKind::Startup => self.startup,
        }
    }

    /// The same, to be changed.
    pub const fn probe_mut(&mut self, kind: ProbeKind) -> Option<&mut Probe> {
        match kind {
            ProbeKind::Liveness => self.liveness.as_mut(),
            ProbeKind::Readiness => self.readiness.as_mut(),
            ProbeKind::Startup => self.startup.as_mut(),
        }
    }
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum ProbeKind {
    /// Whether it lives.
    Liveness,
    /// Whether it may be called.
    Readiness,
    /// Whether it has started.
    Startup,
}

impl ProbeKind {
    /// All kinds, by number.
    pub const ALL: [Self; 3] = [Self::Liveness, Self::Readiness, Self::Startup];

    /// Its name as the kubelet writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
            Self::Startup => "Startup",
        }
    }
}

/// One probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The endpoint that is asked (`httpGet`); `None` only opens a connection (`tcpSocket`).
    pub endpoint: Option<EndpointId>,
    /// `periodSeconds`: from one tick to the next.
    pub period: Duration,
    /// `timeoutSeconds`: no answer within it is a failure.
    pub timeout: Duration,
    /// `failureThreshold`: so many failures in a row count, at least 1.
    pub failures: u32,
    /// `successThreshold`: so many successes in a row count, at least 1.
    pub successes: u32,
    /// `initialDelaySeconds`: a container younger than this is not asked.
    pub initial_delay: Duration,
}
