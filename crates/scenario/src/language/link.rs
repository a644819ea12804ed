//! Network links between components, and how their callers treat them.

use super::{BalanceText, BreakerText, BudgetText, BulkheadText, Law, OutlierText, ThrottleText};
use crate::decode::{Decode, Reader, choice, record};
use crate::leaf::Limit;
use crate::origin::Span;
use crate::tree::{Kind, Node};

record! {
    /// A directed network link. Links that are not listed have the defaults.
    LinkText as "link" {
        /// One-way latency, drawn for each message.
        latency: Law = ["0.25ms"],
        /// Whether connections are encrypted: one more round trip to connect, and none where the callee's certificate has expired.
        tls: bool = [false],
        /// Idle connections that a process keeps; 0 connects anew for every call. When left out `Always` for load
        /// sources, databases and caches, else 32.
        keep_alive: Option<Persistence>,
        /// Which process of the callee gets an attempt.
        balance: BalanceText = [Random],
        /// Leaves processes out that keep failing. None calls them all the same.
        outlier: Option<OutlierText>,
        /// Fails attempts at once while too many of the last ones have failed.
        breaker: Option<BreakerText>,
        /// Bounds retries over all calls of a process.
        retry_budget: Option<BudgetText>,
        /// Bounds the attempts of a process under way.
        bulkhead: Option<BulkheadText>,
        /// Gives attempts up by the share that the callee turns away.
        throttle: Option<ThrottleText>,
    }
}

choice! {
    /// How connections are kept.
    Persistence as "persistence" {
        /// A multiplexed connection that is always there.
        Always,
        /// So many idle connections.
        Idle(IdleText),
    }
}

record! {
    /// Idle connections.
    IdleText as "Idle" {
        /// How many at most.
        connections: Limit,
    }
}

impl LinkText {
    /// A link that nothing is said about.
    pub(crate) fn standard() -> Self {
        let nothing = Node { span: Span::default(), kind: Kind::Tuple(None, Vec::new()) };
        Self::decode(&nothing, &mut Reader::default()).unwrap_or_else(Self::filler)
    }
}
