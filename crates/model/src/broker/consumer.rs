//! Consumers: who asks a queue for messages, and how many it is given at once.

use crate::blueprint::Ack;
use serde::{Deserialize, Serialize};

/// Whether a consumer is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// It is not connected.
    Away,
    /// It is given messages.
    Connected,
    /// It is given no more, and keeps what it has.
    Cancelled,
}

/// A consumer of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// Its process.
    pub process: u32,
    /// The program that handles what it is given, among those of its service.
    pub endpoint: u32,
    /// What it consumes.
    pub queue: u32,
    /// Unacknowledged deliveries at most; 0 is as many as there are.
    pub prefetch: u32,
    /// When it acknowledges.
    pub ack: Ack,
    pub(super) presence: Presence,
    /// Deliveries that count for its prefetch.
    pub(super) held: u32,
}

impl Consumer {
    /// A consumer that is not there yet.
    #[must_use]
    pub const fn new(process: u32, endpoint: u32, queue: u32, prefetch: u32, ack: Ack) -> Self {
        Self { process, endpoint, queue, prefetch, ack, presence: Presence::Away, held: 0 }
    }

    /// Whether it is there.
    #[must_use]
    pub fn presence(&self) -> Presence {
        self.presence
    }

    /// Deliveries that count for its prefetch.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.held
    }

    pub(super) fn takes_more(&self) -> bool {
        self.presence == Presence::Connected && (self.prefetch == 0 || self.held < self.prefetch)
    }

    /// Its connection ends: whatever it had over it counts no longer.
    pub(super) fn leave(&mut self) {
        self.presence = Presence::Away;
        self.held = 0;
    }
}
