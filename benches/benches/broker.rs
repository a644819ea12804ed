//! What a message costs in the broker's machine: published, delivered, acknowledged; with nothing and with very much waiting before it.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use knockon_kernel::{Duration, Key, Time};
use knockon_model::blueprint::{Ack, Overflow, Transport};
use knockon_model::broker::{Broker, Consumer, Content, Effect, Message, QueueConfig, Settlement};
use std::hint::black_box;

const WAITING: [u64; 3] = [0, 1_000, 1_000_000];
const CONSUMERS: u32 = 8;

fn message(n: u64) -> Message {
    let key = Key::new(n);
    Message::new(Content { key, root: key, row: None, origin: (n % 3) as u32, bytes: 1_024 })
}

/// A broker with so many messages that wait, and consumers that have as many as they may have.
fn filled(transport: Transport, waiting: u64) -> Broker {
    let queue = QueueConfig {
        name: "jobs".into(),
        max_length: None,
        overflow: Overflow::DropHead,
        dead_letter: None,
        delivery_limit: None,
        ttl: None,
    };
    let consumers = (0..CONSUMERS).map(|n| Consumer::new(n, 0, 0, 16, Ack::Late)).collect();
    let mut broker = Broker::new(transport, 512, true, vec![queue], consumers);
    let mut effects = Vec::new();
    for consumer in 0..CONSUMERS {
        broker.connect(Time::ZERO, consumer, &mut effects);
    }
    for n in 0..waiting + u64::from(CONSUMERS) * 16 {
        broker.publish(Time::ZERO, 0, message(n), &mut effects);
        broker.deliver(Time::ZERO, 0, &mut effects);
    }
    broker
}

fn turnover(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("message");
    group.throughput(Throughput::Elements(1));
    let rabbitmq = Transport::RabbitMq { limit: None, consumer_timeout: Some(Duration::from_secs(1_800)) };
    let redis = Transport::Redis { maxmemory: None, visibility_timeout: Duration::from_secs(3_600) };
    for (name, transport) in [("RabbitMQ", rabbitmq), ("Redis", redis)] {
        for waiting in WAITING {
            let mut broker = filled(transport, waiting);
            let (mut n, mut effects) = (0, Vec::<Effect>::new());
            group.bench_function(BenchmarkId::new(name, waiting), |bench| {
                bench.iter(|| {
                    n += 1;
                    let now = Time::from_nanos(n * 1_000);
                    effects.clear();
                    broker.publish(now, 0, message(n), &mut effects);
                    broker.settle(now, n, Settlement::Acknowledge, &mut effects);
                    black_box(broker.next_due(now))
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, turnover);
criterion_main!(benches);
