use super::*;
use knockon_kernel::{Duration, Key};

mod naive;

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Time {
    Time::from_nanos(seconds * SECOND)
}

pub(super) fn message(key: u64, origin: u32, bytes: u32) -> Message {
    Message::new(Content { key: Key::new(key), root: Key::new(key), row: None, origin, bytes })
}

pub(super) fn plain(name: &str) -> QueueConfig {
    QueueConfig {
        name: name.into(),
        max_length: None,
        overflow: Overflow::DropHead,
        dead_letter: None,
        delivery_limit: None,
        ttl: None,
    }
}

const RABBITMQ: Transport = Transport::RabbitMq { limit: None, consumer_timeout: Some(Duration::from_secs(1_800)) };
const REDIS: Transport = Transport::Redis { maxmemory: None, visibility_timeout: Duration::from_secs(3_600) };

/// A broker with one queue, dead letters beside it, and consumers with a prefetch of one that are there.
fn broker(transport: Transport, config: QueueConfig, consumers: u32, ack: Ack) -> Broker {
    let queues = vec![QueueConfig { dead_letter: config.dead_letter, ..config }, plain("dead")];
    let consumers = (0..consumers).map(|n| Consumer::new(n, 0, 0, 1, ack)).collect();
    let mut broker = Broker::new(transport, 0, true, queues, consumers);
    for consumer in 0..broker.consumers().len() as u32 {
        broker.connect(at(0), consumer, &mut Vec::new());
    }
    broker
}

fn publish(broker: &mut Broker, now: Time, count: u64) -> Vec<Effect> {
    let mut effects = Vec::new();
    for n in 0..count {
        broker.publish(now, 0, message(n, 7, 100), &mut effects);
        broker.deliver(now, 0, &mut effects);
    }
    effects
}

fn deliveries(effects: &[Effect]) -> Vec<(u64, u32)> {
    let delivered = effects.iter().filter_map(|effect| match effect {
        Effect::Deliver { delivery, consumer } => Some((*delivery, *consumer)),
        _ => None,
    });
    delivered.collect()
}

#[test]
fn messages_of_a_consumer_that_is_gone_go_to_another_before_the_rest() {
    let mut b = broker(RABBITMQ, plain("q"), 2, Ack::Late);
    assert_eq!(deliveries(&publish(&mut b, at(1), 4)), [(1, 0), (2, 1)]);
    let mut effects = Vec::new();
    b.disconnect(at(2), 0, false, &mut effects);
    assert!(deliveries(&effects).is_empty(), "the other one has all that it may have");
    b.settle(at(3), 2, Settlement::Acknowledge, &mut effects);
    assert_eq!(deliveries(&effects), [(3, 1)]);
    let again = b.delivery(3).map(|delivery| (delivery.message.content.key, delivery.message.redelivered));
    assert_eq!(again, Some((Key::new(0), true)));
}

#[test]
fn redis_takes_back_what_is_still_worked_on_and_the_first_acknowledgement_is_for_both() {
    let mut b = broker(REDIS, plain("q"), 2, Ack::Late);
    publish(&mut b, at(1), 1);
    let due = b.next_due(at(1));
    assert_eq!(due, Some(at(3_700)), "an hour, and then until it is looked at");
    let mut effects = Vec::new();
    b.due(at(3_700), &mut effects);
    assert_eq!(deliveries(&effects), [(2, 1)]);
    b.settle(at(3_701), 1, Settlement::Acknowledge, &mut effects);
    let statistics = &b.queues()[0].statistics;
    assert_eq!((statistics.acknowledged, statistics.unacked.present(), statistics.redelivered), (1, 0, 1));
    b.settle(at(3_702), 2, Settlement::Acknowledge, &mut effects);
    assert_eq!((b.queues()[0].statistics.acknowledged, b.queues()[0].statistics.late), (1, 1));
}

#[test]
fn redis_does_not_hear_of_a_worker_that_dies() {
    for (graceful, ready) in [(false, 0), (true, 1)] {
        let mut b = broker(REDIS, plain("q"), 1, Ack::Late);
        publish(&mut b, at(1), 1);
        b.disconnect(at(2), 0, graceful, &mut Vec::new());
        assert_eq!(b.queues()[0].ready().len(), ready);
    }
}

#[test]
fn a_consumer_that_takes_too_long_loses_its_channel() {
    let mut b = broker(RABBITMQ, plain("q"), 1, Ack::Late);
    publish(&mut b, at(30), 1);
    assert_eq!(b.next_due(at(30)), Some(at(1_860)), "channels look each minute");
    let mut effects = Vec::new();
    b.due(at(1_860), &mut effects);
    assert_eq!(effects, [Effect::TimedOut { consumer: 0 }]);
    assert_eq!(b.consumers()[0].presence(), Presence::Away);
    b.settle(at(1_861), 1, Settlement::Acknowledge, &mut effects);
    assert_eq!((b.queues()[0].ready().len(), b.queues()[0].statistics.acknowledged), (1, 0));
}

#[test]
fn what_comes_back_too_often_is_a_dead_letter() {
    let config = QueueConfig { dead_letter: Some(1), delivery_limit: Some(2), ..plain("q") };
    let mut b = broker(RABBITMQ, config, 1, Ack::Late);
    publish(&mut b, at(1), 1);
    for delivery in 1..=3 {
        assert_eq!(b.queues()[0].statistics.unacked.present(), 1);
        b.settle(at(1 + delivery), delivery, Settlement::Requeue, &mut Vec::new());
    }
    let (q, dead) = (&b.queues()[0].statistics, &b.queues()[1].statistics);
    assert_eq!((q.dead_lettered, q.dead_letters.delivery_limit, q.delivered, q.redelivered), (1, 1, 3, 2));
    assert_eq!((dead.published, dead.ready.present()), (1, 1));
    assert!(q.is_conserved() && dead.is_conserved());
}

#[test]
fn the_memory_alarm_is_looked_at_every_two_and_a_half_seconds_and_blocks_publishers_until_it_is_cleared() {
    let transport = Transport::RabbitMq { limit: Some(250), consumer_timeout: None };
    let mut b = broker(transport, plain("q"), 0, Ack::Late);
    publish(&mut b, at(1), 3);
    assert!(!b.is_alarmed(), "nobody has looked");
    assert_eq!(b.next_due(at(1)), Some(Time::from_nanos(2_500_000_000)));
    let mut effects = Vec::new();
    b.due(Time::from_nanos(2_500_000_000), &mut effects);
    assert_eq!(effects, [Effect::Alarm { on: true }]);
    assert_eq!(b.publish(at(3), 0, message(9, 0, 1), &mut effects), Published::Blocked);
    let waiting = FrameRef { slot: 3, generation: 1 };
    b.block(waiting);
    b.set_transport(Transport::RabbitMq { limit: Some(1_000), consumer_timeout: None });
    assert_eq!(b.next_due(at(3)), Some(at(5)));
    effects.clear();
    b.due(at(5), &mut effects);
    assert_eq!(effects, [Effect::Alarm { on: false }, Effect::Read { publication: waiting }]);
}

#[test]
fn a_task_that_is_to_be_tried_again_comes_back_at_its_time_whoever_acknowledged_it_before() {
    for ack in [Ack::Early, Ack::Late] {
        let mut b = broker(RABBITMQ, plain("q"), 1, ack);
        publish(&mut b, at(1), 1);
        let mut effects = Vec::new();
        if ack == Ack::Early {
            b.accept(at(1), 1, &mut effects);
        }
        b.settle(at(2), 1, Settlement::Retry { at: at(9) }, &mut effects);
        assert_eq!(b.next_due(at(2)), Some(at(9)));
        effects.clear();
        b.due(at(9), &mut effects);
        assert_eq!(deliveries(&effects), [(2, 0)]);
        let again = b.delivery(2).map(|delivery| (delivery.message.attempts, delivery.message.redelivered));
        assert_eq!(again, Some((1, false)));
        let q = &b.queues()[0].statistics;
        assert_eq!((q.published, q.acknowledged, q.retried), (2, 1, 1));
        assert!(q.is_conserved());
    }
}

#[test]
fn a_message_that_nobody_fetches_in_time_expires() {
    let config = QueueConfig { ttl: Some(Duration::from_secs(10)), ..plain("q") };
    let mut b = broker(RABBITMQ, config, 0, Ack::Late);
    publish(&mut b, at(1), 2);
    assert_eq!(b.next_due(at(1)), Some(at(11)));
    b.due(at(11), &mut Vec::new());
    assert_eq!((b.queues()[0].statistics.expired, b.bytes()), (2, 0));
}

#[test]
fn the_end_of_a_broker_takes_what_is_not_on_its_disk() {
    for (durable, ready, lost) in [(true, 3, 0), (false, 0, 3)] {
        let queues = vec![plain("q")];
        let mut b = Broker::new(RABBITMQ, 0, durable, queues, vec![Consumer::new(0, 0, 0, 1, Ack::Late)]);
        b.connect(at(0), 0, &mut Vec::new());
        publish(&mut b, at(1), 3);
        b.crash(at(2), &mut Vec::new());
        let q = &b.queues()[0];
        assert_eq!((q.ready().len(), q.statistics.lost), (ready, lost));
        assert!(q.statistics.is_conserved());
    }
}
