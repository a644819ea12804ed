//! Brokers: RabbitMQ's own Prometheus plugin with metrics of each queue (`return_per_object_metrics`), and beside Redis its exporter and that of
//! Celery (danihodovic/celery-exporter), which asks it for the lengths of lists.
//!
//! Left out: connections, channels, file descriptors, Erlang's own, and what a Redis exporter tells of commands.

use super::listing::Listing;
use super::scrape::Target;
use super::timing::seconds;
use super::{Reading as Series, Scope, flag};
use crate::blueprint::{Broker, Transport};
use crate::record::SeriesKind;
use crate::statistics::QueueStatistics;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    /// Of a queue, by its number.
    Ready(u16),
    Unacked(u16),
    Messages(u16),
    Consumers(u16),
    /// Of all queues.
    Received,
    Delivered,
    Redelivered,
    Acknowledged,
    DeadLetteredMaxlen,
    DeadLetteredExpired,
    DeadLetteredRejected,
    DeadLetteredDeliveryLimit,
    Resident,
    MemoryLimit,
    MemoryAlarm,
    MemoryUsed,
    Uptime,
}

/// What a broker's exporters tell.
pub(super) fn list(listing: &mut Listing, broker: &Broker) {
    let own = |reading| Series::Broker(reading);
    match broker.transport {
        Transport::RabbitMq { .. } => {
            listing.series(Scope::Always, "up", (SeriesKind::Gauge, "1"), &[], Series::Answers);
            for (number, queue) in broker.queues.iter().enumerate() {
                let labels = [("queue", queue.name.as_str()), ("vhost", "/")];
                let number = number as u16;
                for (name, reading) in [
                    ("rabbitmq_queue_messages", Reading::Messages(number)),
                    ("rabbitmq_queue_messages_ready", Reading::Ready(number)),
                    ("rabbitmq_queue_messages_unacked", Reading::Unacked(number)),
                ] {
                    listing.gauge(name, "{message}", &labels, own(reading));
                }
                listing.gauge("rabbitmq_queue_consumers", "{consumer}", &labels, own(Reading::Consumers(number)));
            }
            let protocol = [("protocol", "amqp091")];
            let queue_type = [("protocol", "amqp091"), ("queue_type", "rabbit_quorum_queue")];
            for (name, labels, reading) in [
                ("rabbitmq_global_messages_received_total", &protocol[..], Reading::Received),
                ("rabbitmq_global_messages_delivered_total", &queue_type[..], Reading::Delivered),
                ("rabbitmq_global_messages_redelivered_total", &queue_type[..], Reading::Redelivered),
                ("rabbitmq_global_messages_acknowledged_total", &queue_type[..], Reading::Acknowledged),
            ] {
                listing.counter(name, "{message}", labels, own(reading));
            }
            let dead = [("dead_letter_strategy", "at_most_once"), ("queue_type", "rabbit_quorum_queue")];
            for (name, reading) in [
                ("rabbitmq_global_messages_dead_lettered_maxlen_total", Reading::DeadLetteredMaxlen),
                ("rabbitmq_global_messages_dead_lettered_expired_total", Reading::DeadLetteredExpired),
                ("rabbitmq_global_messages_dead_lettered_rejected_total", Reading::DeadLetteredRejected),
                ("rabbitmq_global_messages_dead_lettered_delivery_limit_total", Reading::DeadLetteredDeliveryLimit),
            ] {
                listing.counter(name, "{message}", &dead, own(reading));
            }
            listing.gauge("rabbitmq_process_resident_memory_bytes", "By", &[], own(Reading::Resident));
            listing.gauge("rabbitmq_resident_memory_limit_bytes", "By", &[], own(Reading::MemoryLimit));
            listing.gauge("rabbitmq_alarms_memory_used_watermark", "1", &[], own(Reading::MemoryAlarm));
        }
        Transport::Redis { .. } => {
            listing.series(Scope::Always, "up", (SeriesKind::Gauge, "1"), &[], Series::Exporter);
            listing.series(Scope::Always, "redis_up", (SeriesKind::Gauge, "1"), &[], Series::Answers);
            listing.gauge("redis_memory_used_bytes", "By", &[], own(Reading::MemoryUsed));
            listing.gauge("redis_memory_max_bytes", "By", &[], own(Reading::MemoryLimit));
            listing.gauge("redis_uptime_in_seconds", "s", &[], own(Reading::Uptime));
            for (number, queue) in broker.queues.iter().enumerate() {
                let labels = [("queue_name", queue.name.as_str())];
                let number = number as u16;
                listing.gauge("celery_queue_length", "{message}", &labels, own(Reading::Ready(number)));
                listing.gauge("celery_active_consumer_count", "{consumer}", &labels, own(Reading::Consumers(number)));
            }
        }
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> Option<f64> {
        let machine = &target.process.broker.as_ref()?.machine;
        let queue = |number: u16| &machine.queues()[usize::from(number)].statistics;
        let sum = |of: fn(&QueueStatistics) -> u64| machine.queues().iter().map(|queue| of(&queue.statistics)).sum();
        let (limit, maxmemory) = match machine.transport() {
            Transport::RabbitMq { limit, .. } => (limit, None),
            Transport::Redis { maxmemory, .. } => (None, maxmemory),
        };
        let count: u64 = match self {
            Self::Ready(number) => queue(number).ready.present(),
            Self::Unacked(number) => queue(number).unacked.present(),
            Self::Messages(number) => queue(number).ready.present() + queue(number).unacked.present(),
            Self::Consumers(number) => machine.consumers_there(number.into()),
            // From publishers: a dead letter comes from nobody.
            Self::Received => sum(|queue| queue.published + queue.rejected) - sum(|queue| queue.dead_lettered),
            Self::Delivered => sum(|queue| queue.delivered),
            Self::Redelivered => sum(|queue| queue.redelivered),
            Self::Acknowledged => sum(|queue| queue.acknowledged),
            Self::DeadLetteredMaxlen => sum(|queue| queue.dead_letters.maxlen),
            Self::DeadLetteredExpired => sum(|queue| queue.dead_letters.expired),
            Self::DeadLetteredRejected => sum(|queue| queue.dead_letters.rejected),
            Self::DeadLetteredDeliveryLimit => sum(|queue| queue.dead_letters.delivery_limit),
            Self::Resident => target.resident(),
            Self::MemoryUsed => machine.bytes(),
            // What an empty broker has lies below its mark too; 0 is how Redis says that there is no limit.
            Self::MemoryLimit => limit.map(|limit| limit + target.service.memory.baseline).or(maxmemory).unwrap_or(0),
            Self::MemoryAlarm => return Some(flag(machine.is_alarmed())),
            Self::Uptime => return Some(seconds((target.now - target.process.started).as_nanos())),
        };
        Some(count as f64)
    }
}
