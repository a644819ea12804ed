//! Links between components as described.

use crate::id::{SamplerId, ServiceId, SourceId};
use serde::{Deserialize, Serialize};

/// The near end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LinkEnd {
    /// A load source.
    Source(SourceId),
    /// A service.
    Service(ServiceId),
}

/// A directed link: who may call whom, and what a message costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The caller.
    pub from: LinkEnd,
    /// The callee.
    pub to: ServiceId,
    /// One-way latency, drawn for each message.
    pub latency: SamplerId,
    /// Round trips that a new connection costs before the first byte of a request: TCP 1, TLS 1.3 one more.
    pub connect_round_trips: u32,
    /// Whether connections are encrypted: a new one is refused when the callee's certificate has expired.
    pub tls: bool,
    /// Idle kept-alive connections a process holds on this link; 0 connects anew for every call, `None` never connects anew
    /// (a multiplexed connection that is always there).
    pub keep_alive: Option<u32>,
}
