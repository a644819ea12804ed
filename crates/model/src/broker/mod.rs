//! A message broker: queues, what waits in them, and what consumers have been given and not yet acknowledged.
//!
//! States of a message: ready, unacknowledged, scheduled (a task that is to be tried again later), and gone: acknowledged, dropped,
//! dead-lettered, expired or lost. Of a consumer: away, connected, cancelled (it gets nothing more and finishes what it has). Of the broker:
//! calm, or its memory alarm is set.
//!
//! Two kinds. **RabbitMQ** pushes; a delivery belongs to a channel, whose end puts everything that was not acknowledged on it back to where
//! it was; `consumer_timeout` ends the channel of a consumer that takes too long; the memory alarm stops it from reading what publishers
//! send. **Celery's Redis transport** (kombu) hears of no connection's end: what is not acknowledged within the visibility timeout is
//! restored, whoever works on it, and an acknowledgement goes by the message, so that the first worker's takes the second's
//! delivery away; at `maxmemory` writes are refused.
//!
//! Times are looked at on the grids on which the real things do: RabbitMQ's channels each minute, kombu's restore every tenth time that its loop asks, which
//! it does every 10 s, RabbitMQ's memory every 2.5 s. What a grid finds at an instant it does in the order of messages.
//!
//! Left out: exchanges and bindings (a publication names its queue), priorities, streams, mirrors and quorums, paging to disk, credit flow between
//! processes of the broker, `x-message-ttl` of single messages, socket buffers. A scheduled message is in the hands of no particular worker, so no
//! timeout takes it back: where its time is longer than that, `sim check` says so. Each worker's loop restores on a grid of its own; here it is one.

mod consumer;
mod due;
mod effect;
mod queue;
mod statistics;
#[cfg(test)]
mod tests;

pub use consumer::{Consumer, Presence};
pub use effect::{Effect, Published, Settlement};
pub use queue::{Content, Message, Queue, QueueConfig};
pub use statistics::{DeadLetters, QueueStatistics};

use crate::blueprint::{Ack, Overflow, Transport};
use crate::id::FrameRef;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};
use statistics::Reason;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Messages of a full queue that are asked who published them.
const SAMPLED: usize = 1_000;

/// A copy of a message that a consumer has been given and has not reported the end of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// What was delivered.
    pub message: Message,
    /// From which queue.
    pub queue: u32,
    /// To which consumer.
    pub consumer: u32,
    /// By what it is acknowledged: of RabbitMQ the delivery's own number, of Redis the message's.
    tag: u64,
    /// Whether it takes a place of the consumer's prefetch.
    counted: bool,
    /// Whether it has been acknowledged already.
    accepted: bool,
}

/// What has been delivered and not been acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unacked {
    message: Message,
    queue: u32,
    consumer: u32,
    since: Time,
    /// When it is taken back.
    deadline: Option<Time>,
}

/// A broker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Broker {
    transport: Transport,
    /// Bytes that a message needs beside its body.
    overhead: u64,
    /// Whether messages survive the end of the process.
    durable: bool,
    queues: Vec<Queue>,
    consumers: Vec<Consumer>,
    /// What consumers have, by number.
    #[serde(with = "crate::pairs")]
    deliveries: BTreeMap<u64, Delivery>,
    /// By tag.
    #[serde(with = "crate::pairs")]
    unacked: BTreeMap<u64, Unacked>,
    deadlines: BTreeSet<(Time, u64)>,
    /// Tasks that are to be tried again, by when and by number.
    #[serde(with = "crate::pairs")]
    scheduled: BTreeMap<(Time, u64), (u32, Message)>,
    /// Bytes of all messages that there are.
    bytes: u64,
    /// The same by what published them.
    #[serde(with = "crate::pairs")]
    origins: BTreeMap<u32, u64>,
    alarm: bool,
    /// When the alarm is set or cleared, unless things change until then.
    alarm_due: Option<Time>,
    /// Publications that it does not read, in the order in which they came.
    blocked: VecDeque<FrameRef>,
    /// Messages and deliveries so far.
    messages: u64,
    delivered: u64,
}

impl Broker {
    /// A broker without a message or a consumer that is there.
    #[must_use]
    pub fn new(
        transport: Transport,
        overhead: u64,
        durable: bool,
        queues: Vec<QueueConfig>,
        consumers: Vec<Consumer>,
    ) -> Self {
        let mut queues: Vec<Queue> = queues.into_iter().map(Queue::new).collect();
        for (index, consumer) in consumers.iter().enumerate() {
            queues[consumer.queue as usize].consumers.push(index as u32);
        }
        Self {
            transport,
            overhead,
            durable,
            queues,
            consumers,
            deliveries: BTreeMap::new(),
            unacked: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            scheduled: BTreeMap::new(),
            bytes: 0,
            origins: BTreeMap::new(),
            alarm: false,
            alarm_due: None,
            blocked: VecDeque::new(),
            messages: 0,
            delivered: 0,
        }
    }

    /// What it is.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Its queues, in the order in which they were given.
    #[must_use]
    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// Its consumers.
    #[must_use]
    pub fn consumers(&self) -> &[Consumer] {
        &self.consumers
    }

    /// How many consumers are given messages of a queue.
    #[must_use]
    pub fn consumers_there(&self, queue: u32) -> u64 {
        let consumers = self.queues[queue as usize].consumers.iter();
        let there = consumers.filter(|&&consumer| self.consumers[consumer as usize].presence == Presence::Connected);
        there.count() as u64
    }

    /// A delivery whose end has not been reported.
    #[must_use]
    pub fn delivery(&self, number: u64) -> Option<&Delivery> {
        self.deliveries.get(&number)
    }

    /// All of those, by number.
    pub fn deliveries(&self) -> impl Iterator<Item = (u64, &Delivery)> {
        self.deliveries.iter().map(|(&number, delivery)| (number, delivery))
    }

    /// What is unacknowledged or scheduled: of which queue, and since when.
    pub fn in_hand(&self) -> impl Iterator<Item = (u32, Time)> {
        let unacked = self.unacked.values().map(|unacked| (unacked.queue, unacked.since));
        unacked.chain(self.scheduled.values().map(|(queue, message)| (*queue, message.ready_since)))
    }

    /// Bytes of all messages that there are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the memory alarm is set: publications are not read.
    #[must_use]
    pub fn is_alarmed(&self) -> bool {
        self.alarm
    }

    /// Publications that are not read, in the order in which they came.
    pub fn blocked(&self) -> impl ExactSizeIterator<Item = FrameRef> + '_ {
        self.blocked.iter().copied()
    }

    /// Bytes of messages by what published them, where there are any.
    pub fn bytes_by_origin(&self) -> impl Iterator<Item = (u32, u64)> {
        self.origins.iter().map(|(&origin, &bytes)| (origin, bytes))
    }

    /// Ready messages of a queue by what published them, in a sample of those that came last.
    pub fn ready_by_origin(&self, queue: u32) -> impl Iterator<Item = (u32, u64)> + use<> {
        let mut count = BTreeMap::new();
        for message in self.queues[queue as usize].ready.iter().rev().take(SAMPLED) {
            *count.entry(message.content.origin).or_insert(0) += 1;
        }
        count.into_iter()
    }

    fn all(&self) -> impl Iterator<Item = &Message> {
        let ready = self.queues.iter().flat_map(|queue| &queue.ready);
        let unacked = self.unacked.values().map(|unacked| &unacked.message);
        ready.chain(unacked).chain(self.scheduled.values().map(|(_, message)| message))
    }

    fn charge(&mut self, message: &Message) {
        let weight = self.weight(message);
        self.bytes += weight;
        *self.origins.entry(message.content.origin).or_insert(0) += weight;
    }

    fn discharge(&mut self, message: &Message) {
        let weight = self.weight(message);
        self.bytes -= weight;
        if let Some(bytes) = self.origins.get_mut(&message.content.origin) {
            *bytes -= weight;
            if *bytes == 0 {
                self.origins.remove(&message.content.origin);
            }
        }
    }

    fn weight(&self, message: &Message) -> u64 {
        u64::from(message.content.bytes) + self.overhead
    }

    /// A publication is read. Nothing is delivered yet.
    pub fn publish(&mut self, now: Time, queue: u32, message: Message, effects: &mut Vec<Effect>) -> Published {
        if self.alarm {
            return Published::Blocked;
        }
        if let Transport::Redis { maxmemory: Some(maxmemory), .. } = self.transport
            && self.bytes + self.weight(&message) > maxmemory
        {
            self.queues[queue as usize].statistics.out_of_memory += 1;
            return Published::OutOfMemory;
        }
        let q = &mut self.queues[queue as usize];
        if q.is_full() && q.config.overflow == Overflow::RejectPublish {
            q.statistics.rejected += 1;
            return Published::Rejected;
        }
        self.queues[queue as usize].statistics.published += 1;
        self.store(now, queue, message, effects);
        Published::Stored
    }

    /// Publications that find the alarm set wait.
    pub fn block(&mut self, publication: FrameRef) {
        self.blocked.push_back(publication);
    }

    /// A new message comes to the end of a queue; where that is full, the one at its front goes.
    fn store(&mut self, now: Time, queue: u32, message: Message, effects: &mut Vec<Effect>) {
        self.messages += 1;
        let message = Message {
            number: self.messages,
            entered: now,
            ready_since: now,
            deliveries: 0,
            returned: 0,
            redelivered: false,
            ..message
        };
        self.charge(&message);
        let q = &mut self.queues[queue as usize];
        q.ready.push_back(message);
        q.statistics.enter(now);
        while self.queues[queue as usize].is_overfull() {
            let Some(oldest) = self.queues[queue as usize].ready.pop_front() else { break };
            self.queues[queue as usize].statistics.leave(now, oldest.ready_since, oldest.entered);
            self.dismiss(now, queue, oldest, Reason::MaxLength, effects);
        }
    }

    /// A message leaves a queue that did not want it any more: to the dead letters, or for good.
    fn dismiss(&mut self, now: Time, queue: u32, message: Message, reason: Reason, effects: &mut Vec<Effect>) {
        self.discharge(&message);
        let q = &mut self.queues[queue as usize];
        match q.config.dead_letter {
            // A dead letter that is dismissed again goes: no message goes round in circles.
            Some(to) if !message.dead => {
                q.statistics.dead_lettered += 1;
                q.statistics.dead_letters.count(reason);
                effects.push(Effect::DeadLettered { queue });
                self.queues[to as usize].statistics.published += 1;
                self.store(now, to, Message { dead: true, ..message }, effects);
                self.deliver(now, to, effects);
            }
            _ => {
                match reason {
                    Reason::Expired => q.statistics.expired += 1,
                    _ => q.statistics.dropped += 1,
                }
                effects.push(Effect::Dropped { queue });
            }
        }
    }

    /// Gives consumers of a queue what is ready, to each in turn, as far as their prefetch allows.
    pub fn deliver(&mut self, now: Time, queue: u32, effects: &mut Vec<Effect>) {
        loop {
            let q = &mut self.queues[queue as usize];
            if q.ready.is_empty() {
                return;
            }
            let count = q.consumers.len();
            let turns = (0..count).map(|n| (q.turn + n) % count);
            let mut free = turns.filter(|&n| self.consumers[q.consumers[n] as usize].takes_more());
            let Some(turn) = free.next() else { return };
            q.turn = turn + 1;
            let consumer = q.consumers[turn];
            let Some(message) = q.ready.pop_front() else { return };
            q.statistics.leave(now, message.ready_since, message.entered);
            self.hand_out(now, queue, consumer, message, effects);
        }
    }

    fn hand_out(&mut self, now: Time, queue: u32, consumer: u32, mut message: Message, effects: &mut Vec<Effect>) {
        self.delivered += 1;
        message.deliveries += 1;
        let number = self.delivered;
        let tag = if self.transport.is_redis() { message.number } else { number };
        let statistics = &mut self.queues[queue as usize].statistics;
        statistics.delivered += 1;
        statistics.wait.record(now - message.entered);
        statistics.redelivered += u64::from(message.redelivered);
        let c = &mut self.consumers[consumer as usize];
        let automatic = c.ack == Ack::OnDelivery;
        c.held += u32::from(!automatic);
        self.deliveries
            .insert(number, Delivery { message, queue, consumer, tag, counted: !automatic, accepted: automatic });
        if automatic {
            statistics.acknowledged += 1;
            self.discharge(&message);
        } else {
            let deadline = self.transport.timeout().map(|timeout| now.saturating_add(timeout));
            self.deadlines.extend(deadline.map(|deadline| (deadline, tag)));
            self.unacked.insert(tag, Unacked { message, queue, consumer, since: now, deadline });
            self.queues[queue as usize].statistics.unacked.enter(now);
        }
        effects.push(Effect::Deliver { delivery: number, consumer });
    }

    /// A consumer acknowledges a delivery before it has done with it (Celery's default).
    pub fn accept(&mut self, now: Time, number: u64, effects: &mut Vec<Effect>) {
        let Some(delivery) = self.deliveries.get_mut(&number) else { return };
        let (tag, queue, consumer) = (delivery.tag, delivery.queue, delivery.consumer);
        if std::mem::replace(&mut delivery.accepted, true) {
            return;
        }
        if std::mem::take(&mut delivery.counted) {
            self.consumers[consumer as usize].held -= 1;
        }
        self.acknowledge(now, tag, queue);
        self.deliver(now, queue, effects);
    }

    /// An acknowledgement comes; what it was about may have been taken back meanwhile.
    fn acknowledge(&mut self, now: Time, tag: u64, queue: u32) {
        match self.take(now, tag) {
            Some(unacked) => {
                self.discharge(&unacked.message);
                self.queues[queue as usize].statistics.acknowledged += 1;
            }
            None => self.queues[queue as usize].statistics.late += 1,
        }
    }

    /// A consumer has done with a delivery: what becomes of the message. Of one that was acknowledged before nothing is left to decide but
    /// whether it is tried again.
    pub fn settle(&mut self, now: Time, number: u64, settlement: Settlement, effects: &mut Vec<Effect>) {
        // One that its connection's end has taken away already.
        let Some(delivery) = self.deliveries.remove(&number) else { return };
        let Delivery { message, queue, consumer, tag, counted, accepted } = delivery;
        if counted {
            self.consumers[consumer as usize].held -= 1;
        }
        match settlement {
            Settlement::Acknowledge | Settlement::Requeue | Settlement::Reject if accepted => {}
            Settlement::Acknowledge => self.acknowledge(now, tag, queue),
            Settlement::Requeue => {
                if let Some(unacked) = self.take(now, tag) {
                    self.put_back(now, unacked, effects);
                }
            }
            Settlement::Reject => {
                if let Some(unacked) = self.take(now, tag) {
                    self.dismiss(now, queue, unacked.message, Reason::Rejected, effects);
                }
            }
            Settlement::Retry { at } => {
                if !accepted {
                    self.acknowledge(now, tag, queue);
                }
                self.schedule(now, at, queue, message);
            }
        }
        self.deliver(now, queue, effects);
    }

    /// A task is to be tried again: the worker publishes it anew, and it is held back, unacknowledged, until its time.
    fn schedule(&mut self, now: Time, at: Time, queue: u32, message: Message) {
        self.messages += 1;
        let attempts = message.attempts.saturating_add(1);
        let fresh =
            Message { entered: now, ready_since: now, deliveries: 0, returned: 0, redelivered: false, ..message };
        let again = Message { number: self.messages, attempts, ..fresh };
        self.charge(&again);
        self.scheduled.insert((at, again.number), (queue, again));
        let statistics = &mut self.queues[queue as usize].statistics;
        statistics.published += 1;
        statistics.retried += 1;
        statistics.unacked.enter(now);
    }

    /// What was unacknowledged is no longer.
    fn take(&mut self, now: Time, tag: u64) -> Option<Unacked> {
        let unacked = self.unacked.remove(&tag)?;
        if let Some(deadline) = unacked.deadline {
            self.deadlines.remove(&(deadline, tag));
        }
        self.queues[unacked.queue as usize].statistics.unacked.leave(now, unacked.since);
        Some(unacked)
    }

    /// A message goes back to where it was: before everything that was published after it.
    fn put_back(&mut self, now: Time, unacked: Unacked, effects: &mut Vec<Effect>) {
        let Unacked { mut message, queue, .. } = unacked;
        message.returned += 1;
        let q = &mut self.queues[queue as usize];
        if q.config.delivery_limit.is_some_and(|limit| message.returned > limit) {
            return self.dismiss(now, queue, message, Reason::DeliveryLimit, effects);
        }
        message.redelivered = true;
        message.ready_since = now;
        let place = q.ready.partition_point(|ready| ready.number < message.number);
        q.ready.insert(place, message);
        q.statistics.returned += 1;
        q.statistics.enter(now);
    }

    /// A consumer connects, anew where it was there before.
    pub fn connect(&mut self, now: Time, consumer: u32, effects: &mut Vec<Effect>) {
        let c = &mut self.consumers[consumer as usize];
        if c.presence != Presence::Away {
            return;
        }
        c.presence = Presence::Connected;
        let queue = c.queue;
        self.deliver(now, queue, effects);
    }

    /// A consumer asks for no more, and goes on with what it has.
    pub fn cancel(&mut self, consumer: u32) {
        let c = &mut self.consumers[consumer as usize];
        if c.presence == Presence::Connected {
            c.presence = Presence::Cancelled;
        }
    }

    /// A consumer's connection has ended. RabbitMQ takes back what was not acknowledged; the Redis transport does so only if the
    /// consumer itself says so, which one that dies does not.
    pub fn disconnect(&mut self, now: Time, consumer: u32, graceful: bool, effects: &mut Vec<Effect>) {
        let c = &mut self.consumers[consumer as usize];
        let queue = c.queue;
        c.leave();
        let gone: Vec<(u64, u64)> = self
            .deliveries
            .iter()
            .filter(|(_, delivery)| delivery.consumer == consumer)
            .map(|(&number, delivery)| (number, delivery.tag))
            .collect();
        for (number, tag) in gone {
            self.deliveries.remove(&number);
            // Another may have the message by now.
            let own = self.unacked.get(&tag).is_some_and(|unacked| unacked.consumer == consumer);
            if own && (graceful || !self.transport.is_redis()) {
                let unacked = self.take(now, tag);
                unacked.into_iter().for_each(|unacked| self.put_back(now, unacked, effects));
            }
        }
        self.deliver(now, queue, effects);
    }

    /// The broker's process has ended. Consumers are gone with their connections; messages, unless they are kept on its disk.
    pub fn crash(&mut self, now: Time, effects: &mut Vec<Effect>) {
        self.blocked.clear();
        self.alarm = false;
        for consumer in &mut self.consumers {
            consumer.leave();
        }
        self.deliveries.clear();
        if !self.durable {
            return self.lose(now);
        }
        if !self.transport.is_redis() {
            let tags: Vec<u64> = self.unacked.keys().copied().collect();
            for tag in tags {
                let unacked = self.take(now, tag);
                unacked.into_iter().for_each(|unacked| self.put_back(now, unacked, effects));
            }
        }
    }

    fn lose(&mut self, now: Time) {
        let tags: Vec<u64> = self.unacked.keys().copied().collect();
        for unacked in tags.into_iter().filter_map(|tag| self.take(now, tag)).collect::<Vec<_>>() {
            self.queues[unacked.queue as usize].statistics.lost += 1;
        }
        for (queue, message) in std::mem::take(&mut self.scheduled).into_values() {
            let q = &mut self.queues[queue as usize];
            q.statistics.lost += 1;
            q.statistics.unacked.leave(now, message.ready_since);
        }
        for queue in &mut self.queues {
            for message in std::mem::take(&mut queue.ready) {
                queue.statistics.leave(now, message.ready_since, message.entered);
                queue.statistics.lost += 1;
            }
        }
        self.bytes = 0;
        self.origins.clear();
    }
}
