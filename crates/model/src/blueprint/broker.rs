//! Message brokers as described, and who consumes what they hold.

use crate::broker::QueueConfig;
use crate::id::{EndpointId, ServiceId};
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// A broker's own parameters; its operations are the service's endpoints, one for each queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Broker {
    /// What it is.
    pub transport: Transport,
    /// Bytes that a message needs beside its body.
    pub overhead: u64,
    /// Whether messages survive the end of its process.
    pub durable: bool,
    /// Its queues, in name order.
    pub queues: Vec<QueueConfig>,
}

/// Kinds of brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transport {
    /// RabbitMQ.
    RabbitMq {
        /// Bytes of messages above which it blocks publishers: what `vm_memory_high_watermark` leaves for them. `None` is never.
        limit: Option<u64>,
        /// `consumer_timeout`, 30 min; `None` is none.
        consumer_timeout: Option<Duration>,
    },
    /// Redis, as Celery uses it.
    Redis {
        /// Bytes of messages above which it refuses more: `maxmemory` with `noeviction`. `None` is never.
        maxmemory: Option<u64>,
        /// `visibility_timeout`, 1 h.
        visibility_timeout: Duration,
    },
}

impl Transport {
    /// Whether it is Redis.
    #[must_use]
    pub const fn is_redis(self) -> bool {
        matches!(self, Self::Redis { .. })
    }

    /// How long a delivery may stay unacknowledged.
    #[must_use]
    pub const fn timeout(self) -> Option<Duration> {
        match self {
            Self::RabbitMq { consumer_timeout, .. } => consumer_timeout,
            Self::Redis { visibility_timeout, .. } => Some(visibility_timeout),
        }
    }

    /// The messaging system's name in telemetry.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::RabbitMq { .. } => "rabbitmq",
            Self::Redis { .. } => "redis",
        }
    }
}

/// What becomes of a message that finds its queue full (`x-overflow`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Overflow {
    /// The oldest goes.
    DropHead,
    /// It is refused.
    RejectPublish,
}

/// When a consumer acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ack {
    /// Never: what was sent to it counts as done (automatic acknowledgement). Prefetch bounds nothing then.
    OnDelivery,
    /// When a worker takes the message up (Celery's default).
    Early,
    /// When it is done with (Celery's `acks_late`).
    Late,
}

/// What a consumer does with a message that it could not handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFailure {
    /// Acknowledges it all the same (Celery's default).
    Acknowledge,
    /// Gives it back, to be delivered again at once.
    Requeue,
    /// Rejects it: it becomes a dead letter, or is dropped.
    Reject,
    /// Publishes it anew for later, up to so many times; then acknowledges it.
    Retry {
        /// How much later.
        countdown: Duration,
        /// How often.
        most: u32,
    },
}

/// A service's consumer of one queue: its processes each have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// The program of its service that handles a message.
    pub endpoint: EndpointId,
    /// Broker.
    pub broker: ServiceId,
    /// Which of its queues.
    pub queue: u32,
    /// Unacknowledged deliveries of a process at most; 0 is as many as there are.
    pub prefetch: u32,
    /// When it acknowledges.
    pub ack: Ack,
    /// What it does with what it could not handle.
    pub on_failure: OnFailure,
}
