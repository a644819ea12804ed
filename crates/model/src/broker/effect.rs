//! What the machine is asked, and what it wants done.

use crate::id::FrameRef;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// What became of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Published {
    /// It is in its queue.
    Stored,
    /// Its queue is full and rejects what comes (`basic.nack`).
    Rejected,
    /// The server has no memory for it (`OOM command not allowed …`).
    OutOfMemory,
    /// The memory alarm is set: nobody reads it.
    Blocked,
}

/// What a consumer says of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settlement {
    /// It is done with (`basic.ack`).
    Acknowledge,
    /// Somebody shall have it again, at once (`basic.nack` with `requeue`).
    Requeue,
    /// Nobody shall have it again (`basic.reject`): it is a dead letter.
    Reject,
    /// It is acknowledged and published anew, for this instant (Celery's `retry(countdown=…)`).
    Retry {
        /// Not before.
        at: Time,
    },
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// A message goes to a consumer.
    Deliver {
        /// Number of the delivery.
        delivery: u64,
        /// To whom.
        consumer: u32,
    },
    /// A message of a queue has become a dead letter.
    DeadLettered {
        /// The queue.
        queue: u32,
    },
    /// A message of a queue is gone, and nobody has it.
    Dropped {
        /// The queue.
        queue: u32,
    },
    /// The memory alarm is set, or cleared.
    Alarm {
        /// Whether it is set.
        on: bool,
    },
    /// A publication is read at last.
    Read {
        /// Which.
        publication: FrameRef,
    },
    /// A consumer had a delivery for too long: its channel is closed.
    TimedOut {
        /// Who.
        consumer: u32,
    },
    /// A message was taken back although its consumer may still work on it.
    Restored {
        /// The queue.
        queue: u32,
    },
}
