//! What became of a queue's messages, over the whole run.

use crate::statistics::{LatencyHistogram, Station};
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Why a message became a dead letter, or was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    MaxLength,
    Rejected,
    DeliveryLimit,
    Expired,
}

/// Dead letters by their reason, as RabbitMQ counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetters {
    /// Their queue was too long.
    pub maxlen: u64,
    /// A consumer rejected them.
    pub rejected: u64,
    /// They came back too often.
    pub delivery_limit: u64,
    /// Nobody came for them in time.
    pub expired: u64,
}

impl DeadLetters {
    pub(super) fn count(&mut self, reason: Reason) {
        *match reason {
            Reason::MaxLength => &mut self.maxlen,
            Reason::Rejected => &mut self.rejected,
            Reason::DeliveryLimit => &mut self.delivery_limit,
            Reason::Expired => &mut self.expired,
        } += 1;
    }
}

/// What became of a queue's messages: `published = acknowledged + ready + unacknowledged + dropped + dead-lettered + expired + lost`, at
/// every instant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct QueueStatistics {
    /// Name of the broker.
    pub broker: String,
    /// Name of the queue.
    pub name: String,
    /// Messages that came into it: from publishers, as another queue's dead letters, or to be tried again.
    pub published: u64,
    /// Publications that it rejected, since it was full. They are no messages.
    pub rejected: u64,
    /// Publications that were refused since the server had no memory.
    pub out_of_memory: u64,
    /// Times that a message was given to a consumer.
    pub delivered: u64,
    /// Of those, with a message that somebody may have handled before.
    pub redelivered: u64,
    /// Messages that came back from a consumer, or were taken back from one.
    pub returned: u64,
    /// Messages that were published anew to be tried again.
    pub retried: u64,
    /// Messages that a consumer acknowledged.
    pub acknowledged: u64,
    /// Acknowledgements that came when there was nothing to acknowledge any more.
    pub late: u64,
    /// Messages that went for good without having been acknowledged or having expired.
    pub dropped: u64,
    /// Messages that went to the queue of dead letters.
    pub dead_lettered: u64,
    /// Why they did.
    pub dead_letters: DeadLetters,
    /// Messages that went for good since nobody came for them in time.
    pub expired: u64,
    /// Messages that went with the broker's process.
    pub lost: u64,
    /// Messages that wait for a consumer.
    pub ready: Station,
    /// Messages that have been delivered and not acknowledged, or wait to be tried again.
    pub unacked: Station,
    /// From coming into the queue, first, to each delivery.
    pub wait: LatencyHistogram,
    /// Most ready messages at once.
    pub peak: u64,
    /// The longest that a message that was ready had been in the queue, of those that left it.
    pub oldest: Duration,
}

impl QueueStatistics {
    pub(super) fn enter(&mut self, now: Time) {
        self.ready.enter(now);
        self.peak = self.peak.max(self.ready.present());
    }

    pub(super) fn leave(&mut self, now: Time, since: Time, entered: Time) {
        self.ready.leave(now, since);
        self.oldest = self.oldest.max(now - entered);
    }

    /// Whether every message is accounted for.
    #[must_use]
    pub fn is_conserved(&self) -> bool {
        let gone = self.acknowledged + self.dropped + self.dead_lettered + self.expired + self.lost;
        self.published == gone + self.ready.present() + self.unacked.present()
    }
}
