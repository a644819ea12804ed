//! A queue and the messages in it.

use super::QueueStatistics;
use crate::blueprint::Overflow;
use crate::id::DataId;
use knockon_kernel::{Duration, Key, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What a publisher sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Draw address of the publication: whoever handles the message draws from it.
    pub key: Key,
    /// Draw address of the request that it was published for.
    pub root: Key,
    /// The recorded row of that request.
    pub row: Option<(DataId, u32)>,
    /// Program that published it, numbered over all services.
    pub origin: u32,
    /// Bytes of its body.
    pub bytes: u32,
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What it says.
    pub content: Content,
    /// Its number at the broker: messages of a queue stand in this order.
    pub number: u64,
    /// When it came to this queue.
    pub entered: Time,
    /// Since when it is ready, or scheduled.
    pub ready_since: Time,
    /// Times that it was given to a consumer.
    pub deliveries: u32,
    /// Times that it came back from one.
    pub returned: u32,
    /// Times that it was published anew to be tried again.
    pub attempts: u32,
    /// Whether somebody may have handled it before.
    pub redelivered: bool,
    /// Whether it is a dead letter.
    pub dead: bool,
}

impl Message {
    /// A message that is about to be published.
    #[must_use]
    pub const fn new(content: Content) -> Self {
        Self {
            content,
            number: 0,
            entered: Time::ZERO,
            ready_since: Time::ZERO,
            deliveries: 0,
            returned: 0,
            attempts: 0,
            redelivered: false,
            dead: false,
        }
    }
}

/// What a queue was declared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueConfig {
    /// Its name.
    pub name: String,
    /// `x-max-length`: ready messages at most. `None` is unlimited.
    pub max_length: Option<u64>,
    /// `x-overflow`: what becomes of one more.
    pub overflow: Overflow,
    /// `x-dead-letter-exchange`: the queue of the same broker that gets its dead letters.
    pub dead_letter: Option<u32>,
    /// `x-delivery-limit`: a message that came back more often than this is a dead letter.
    pub delivery_limit: Option<u32>,
    /// `x-message-ttl`: a message that has not been delivered for so long is a dead letter.
    pub ttl: Option<Duration>,
}

/// A queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Queue {
    /// What it was declared with.
    pub config: QueueConfig,
    /// What became of its messages.
    pub statistics: QueueStatistics,
    pub(super) ready: VecDeque<Message>,
    /// Its consumers, and whose turn it is.
    pub(super) consumers: Vec<u32>,
    pub(super) turn: usize,
}

impl Queue {
    pub(super) fn new(config: QueueConfig) -> Self {
        let statistics = QueueStatistics { name: config.name.clone(), ..QueueStatistics::default() };
        Self { config, statistics, ready: VecDeque::new(), consumers: Vec::new(), turn: 0 }
    }

    /// Ready messages, the next one first.
    pub fn ready(&self) -> impl ExactSizeIterator<Item = &Message> {
        self.ready.iter()
    }

    /// Numbers of its consumers.
    #[must_use]
    pub fn consumers(&self) -> &[u32] {
        &self.consumers
    }

    pub(super) fn is_full(&self) -> bool {
        self.config.max_length.is_some_and(|limit| self.ready.len() as u64 >= limit)
    }

    pub(super) fn is_overfull(&self) -> bool {
        self.config.max_length.is_some_and(|limit| self.ready.len() as u64 > limit)
    }

    /// When its first message expires.
    pub(super) fn expires(&self) -> Option<Time> {
        let first = self.ready.front()?;
        Some(first.entered.saturating_add(self.config.ttl?))
    }

    /// How long its first message has been in it.
    #[must_use]
    pub fn oldest(&self, now: Time) -> Duration {
        self.ready.front().map_or(Duration::ZERO, |first| now.saturating_sub(first.entered))
    }
}
