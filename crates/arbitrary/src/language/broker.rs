//! Brokers, their queues, and consumers.

use super::law::law;
use super::leaf;
use super::service::{MEMORY, RESTART};
use super::step::{managed, steps_of};
use crate::draft::{Draft, map, quote};
use crate::table::{Choice, Record, may, must, rare, variant};

/// Writes the brokers.
pub(super) fn brokers(d: &mut Draft<'_>) -> Option<String> {
    let mut entries = Vec::new();
    for n in 0..d.plan.brokers.len() {
        d.here.broker = n;
        entries.push((d.plan.brokers[n].name.clone(), d.record(&BROKER)));
    }
    Some(map(entries))
}

/// Writes the consumers of a service.
pub(super) fn consumers(d: &mut Draft<'_>) -> Option<String> {
    let names: Vec<String> = d.service().consumers.iter().map(|consumer| consumer.name.clone()).collect();
    let mut entries = Vec::new();
    for (task, name) in names.into_iter().enumerate() {
        d.here.task = Some(task);
        entries.push((name, d.record(&CONSUMER)));
    }
    d.here.task = None;
    Some(map(entries))
}

/// A path of the broker that can be set later.
fn note(d: &mut Draft<'_>, path: &str) {
    let path = format!("{}/{path}", d.plan.brokers[d.here.broker].name);
    d.limits.push(path);
}

pub(super) static BROKER: Record = Record {
    what: "broker",
    fields: &[
        rare("was", |d| Some(quote(&format!("old-{}", d.plan.brokers[d.here.broker].name)))),
        must("transport", |d| Some(d.choice(&TRANSPORT))),
        may("publish", law),
        may("overhead", |d| d.quoted(&["512B", "0B", "1KiB"])),
        may("durable", leaf::flag),
        may("cores", |d| if d.choices.chance(60) { Some("Unlimited".into()) } else { leaf::cores(d) }),
        may("places", leaf::limit),
        // Small enough for any watermark.
        must("memory", |d| Some(d.record(&MEMORY))),
        may("start_up", law),
        may("restart", |d| Some(d.choice(&RESTART))),
        must("queues", |d| {
            let names = d.plan.brokers[d.here.broker].queues.clone();
            let mut entries = Vec::new();
            for (n, name) in names.into_iter().enumerate() {
                d.here.queue = n;
                entries.push((name, d.record(&MESSAGE_QUEUE)));
            }
            Some(map(entries))
        }),
    ],
};

pub(super) static TRANSPORT: Choice = Choice {
    what: "transport",
    variants: &[
        variant(
            "RabbitMq",
            &[
                // Above any baseline; the least leaves room for some messages.
                may("memory", |d| d.quoted(&["1GiB", "41MiB", "420MiB"])),
                may("high_watermark", |d| d.one_of(&["0.4", "1", "0.41"])),
                may("consumer_timeout", leaf::age_or_none),
            ],
        )
        .fitting(|d| !d.plan.brokers[d.here.broker].redis)
        .entering(|d| {
            ["transport.memory", "transport.high_watermark", "transport.consumer_timeout"]
                .into_iter()
                .for_each(|path| note(d, path));
        }),
        variant(
            "Redis",
            &[may("maxmemory", |d| d.quoted(&["100KiB", "1B", "10KiB", "1MiB"])), may("visibility_timeout", leaf::age)],
        )
        .fitting(|d| d.plan.brokers[d.here.broker].redis)
        .entering(|d| {
            ["transport.maxmemory", "transport.visibility_timeout"].into_iter().for_each(|path| note(d, path));
        }),
    ],
};

/// Whether the queue being written is one of RabbitMQ; what of it can be set later is noted.
fn rabbit(d: &mut Draft<'_>, field: &str) -> bool {
    let broker = &d.plan.brokers[d.here.broker];
    if broker.redis {
        return false;
    }
    let path = format!("{}.{field}", broker.queues[d.here.queue]);
    note(d, &path);
    true
}

pub(super) static MESSAGE_QUEUE: Record = Record {
    what: "message queue",
    fields: &[
        may("max_length", |d| rabbit(d, "max_length").then(|| leaf::count_from_1(d))?),
        may("overflow", |d| Some(d.choice(&MESSAGE_OVERFLOW))),
        may("dead_letter", |d| {
            let broker = &d.plan.brokers[d.here.broker];
            let others: Vec<String> = broker.queues.clone();
            let to = (d.here.queue + 1) % others.len();
            (!broker.redis && to != d.here.queue).then(|| quote(&others[to]))
        }),
        may("delivery_limit", |d| rabbit(d, "delivery_limit").then(|| leaf::count(d))?),
        may("ttl", |d| rabbit(d, "ttl").then(|| leaf::age(d))?),
    ],
};

pub(super) static MESSAGE_OVERFLOW: Choice = Choice {
    what: "overflow of a message queue",
    variants: &[variant("DropHead", &[]), variant("RejectPublish", &[])],
};

pub(super) static CONSUMER: Record = Record {
    what: "consumer",
    fields: &[
        must("queue", |d| {
            let consumer = &d.service().consumers[d.here.task.unwrap_or(0)];
            let broker = &d.plan.brokers[consumer.broker];
            let link = format!("{} -> {}", d.service().name, broker.name);
            let queue = format!("{}/{}", broker.name, broker.queues[consumer.queue]);
            d.links.insert(link);
            Some(quote(&queue))
        }),
        may("prefetch", |d| {
            let path =
                format!("{}/{}.prefetch", d.service().name, d.service().consumers[d.here.task.unwrap_or(0)].name);
            d.limits.push(path);
            leaf::count(d)
        }),
        may("ack", |d| Some(d.choice(&ACK))),
        may("on_failure", |d| Some(d.choice(&ON_FAILURE))),
        may("allocate", |d| managed(d).then(|| leaf::small_bytes(d))?),
        may("churn", |d| managed(d).then(|| leaf::large_bytes(d))?),
        rare("retain", |d| managed(d).then(|| leaf::small_bytes(d))?),
        must("steps", |d| Some(steps_of(d))),
    ],
};

pub(super) static ACK: Choice = Choice {
    what: "acknowledgement",
    variants: &[variant("OnDelivery", &[]), variant("Early", &[]), variant("Late", &[]).weighing(3)],
};

pub(super) static ON_FAILURE: Choice = Choice {
    what: "reaction to a failed message",
    variants: &[
        variant("Acknowledge", &[]),
        variant("Requeue", &[]),
        variant("Reject", &[]),
        variant("Retry", &[may("countdown", leaf::age), may("most", leaf::count_from_1)]),
    ],
};

/// A queue that a step publishes to.
pub(super) fn queue(d: &mut Draft<'_>) -> Option<String> {
    let broker = &d.plan.brokers[d.choices.below(d.plan.brokers.len())];
    let queue = format!("{}/{}", broker.name, broker.queues[d.choices.below(broker.queues.len())]);
    let link = format!("{} -> {}", d.service().name, broker.name);
    d.links.insert(link);
    Some(quote(&queue))
}
