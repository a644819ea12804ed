//! What happens by itself as time goes on: deliveries that take too long, messages that expire, tasks whose time has come, the memory alarm.

use super::statistics::Reason;
use super::{Broker, Effect};
use crate::blueprint::Transport;
use knockon_kernel::{Duration, Time};

/// RabbitMQ looks at its memory so often (`memory_monitor_interval`).
const MEMORY_MONITOR: Duration = Duration::from_millis(2_500);
/// RabbitMQ's channels look for deliveries that took too long so often (`channel_tick_interval`).
const CHANNEL_TICK: Duration = Duration::from_secs(60);
/// kombu's loop asks for a restore every 10 s, and every tenth time it happens (`MultiChannelPoller`, `QoS.restore_visible`).
const RESTORE: Duration = Duration::from_secs(100);

impl Broker {
    /// When something happens by itself; to be asked whenever anything has changed.
    pub fn next_due(&mut self, now: Time) -> Option<Time> {
        self.watch_memory(now);
        let deadline = self.deadlines.first().map(|&(deadline, _)| self.looked_at(deadline));
        let scheduled = self.scheduled.first_key_value().map(|(&(at, _), _)| at);
        let expiry = self.queues.iter().filter_map(super::Queue::expires).min();
        [deadline, scheduled, expiry, self.alarm_due].into_iter().flatten().min()
    }

    /// When a deadline is noticed to have passed.
    fn looked_at(&self, deadline: Time) -> Time {
        let grid = if self.transport.is_redis() { RESTORE } else { CHANNEL_TICK };
        on_grid(deadline, grid)
    }

    fn watch_memory(&mut self, now: Time) {
        let over = match self.transport {
            Transport::RabbitMq { limit: Some(limit), .. } => self.bytes > limit,
            Transport::RabbitMq { .. } | Transport::Redis { .. } => false,
        };
        if over == self.alarm {
            self.alarm_due = None;
        } else if self.alarm_due.is_none() {
            self.alarm_due = Some(on_grid(now.saturating_add(Duration::from_nanos(1)), MEMORY_MONITOR));
        }
    }

    /// Does what is due.
    pub fn due(&mut self, now: Time, effects: &mut Vec<Effect>) {
        while let Some(&(deadline, tag)) = self.deadlines.first()
            && self.looked_at(deadline) <= now
        {
            self.take_back(now, tag, effects);
        }
        while let Some(entry) = self.scheduled.first_entry()
            && entry.key().0 <= now
        {
            let (queue, mut message) = entry.remove();
            let q = &mut self.queues[queue as usize];
            q.statistics.unacked.leave(now, message.ready_since);
            message.ready_since = now;
            let place = q.ready.partition_point(|ready| ready.number < message.number);
            q.ready.insert(place, message);
            q.statistics.enter(now);
        }
        for queue in 0..self.queues.len() as u32 {
            while self.queues[queue as usize].expires().is_some_and(|at| at <= now) {
                let q = &mut self.queues[queue as usize];
                let Some(message) = q.ready.pop_front() else { break };
                q.statistics.leave(now, message.ready_since, message.entered);
                self.dismiss(now, queue, message, Reason::Expired, effects);
            }
        }
        let due = self.alarm_due;
        // What has just gone may have made it needless.
        self.watch_memory(now);
        if due.is_some_and(|at| at <= now) && self.alarm_due.is_some() {
            self.alarm_due = None;
            self.alarm = !self.alarm;
            effects.push(Effect::Alarm { on: self.alarm });
            if !self.alarm {
                effects.extend(self.blocked.drain(..).map(|publication| Effect::Read { publication }));
            }
        }
        for queue in 0..self.queues.len() as u32 {
            self.deliver(now, queue, effects);
        }
    }

    /// A delivery has taken too long: RabbitMQ closes the channel that it went over, Redis gives the message to others.
    fn take_back(&mut self, now: Time, tag: u64, effects: &mut Vec<Effect>) {
        let Some(&unacked) = self.unacked.get(&tag) else { return };
        if self.transport.is_redis() {
            effects.push(Effect::Restored { queue: unacked.queue });
            let unacked = self.take(now, tag);
            unacked.into_iter().for_each(|unacked| self.put_back(now, unacked, effects));
        } else {
            effects.push(Effect::TimedOut { consumer: unacked.consumer });
            self.disconnect(now, unacked.consumer, true, effects);
        }
    }

    /// `x-max-length`; what is over it goes at the next publication.
    pub fn set_max_length(&mut self, queue: u32, limit: Option<u64>) {
        self.queues[queue as usize].config.max_length = limit;
    }

    /// `x-delivery-limit`, for messages that come back from now on.
    pub fn set_delivery_limit(&mut self, queue: u32, limit: Option<u32>) {
        self.queues[queue as usize].config.delivery_limit = limit;
    }

    /// `x-message-ttl`, of the messages that are there too.
    pub fn set_ttl(&mut self, queue: u32, ttl: Option<Duration>) {
        self.queues[queue as usize].config.ttl = ttl;
    }

    /// The visibility timeout or the consumer timeout, of deliveries from now on; the bytes at which publishers are blocked or refused.
    pub fn set_transport(&mut self, transport: Transport) {
        self.transport = transport;
    }

    /// How many deliveries a consumer has at once; fewer act as it acknowledges what it has, more when somebody next looks.
    pub fn set_prefetch(&mut self, consumer: u32, prefetch: u32) {
        self.consumers[consumer as usize].prefetch = prefetch;
    }

    /// Counts everything again, the slow way: what is wrong, in a sentence each.
    #[must_use]
    pub fn audit(&self) -> Vec<String> {
        let mut findings = Vec::new();
        let bytes: u64 = self.all().map(|message| self.weight(message)).sum();
        if (self.bytes, self.origins.values().sum::<u64>()) != (bytes, bytes) {
            findings.push(format!("counts {} bytes of messages, there are {bytes}", self.bytes));
        }
        for (index, consumer) in self.consumers.iter().enumerate() {
            let mine = |delivery: &&super::Delivery| delivery.counted && delivery.consumer == index as u32;
            let held = self.deliveries.values().filter(mine).count();
            if consumer.held as usize != held {
                findings.push(format!("counts {} deliveries of consumer {index}, there are {held}", consumer.held));
            }
            let queue = &self.queues[consumer.queue as usize];
            if consumer.takes_more() && !queue.ready.is_empty() {
                findings.push(format!("consumer {index} has room, and messages wait"));
            }
        }
        for queue in &self.queues {
            let ordered = queue.ready.iter().zip(queue.ready.iter().skip(1)).all(|(a, b)| a.number < b.number);
            if !ordered || queue.statistics.ready.present() != queue.ready.len() as u64 {
                findings.push(format!("queue {} is not as it should be", queue.config.name));
            }
        }
        let deadlines = self.unacked.values().filter(|unacked| unacked.deadline.is_some()).count();
        if deadlines != self.deadlines.len() {
            findings.push(format!("{} deadlines, there should be {deadlines}", self.deadlines.len()));
        }
        findings
    }
}

/// The first instant of a grid from an instant on.
fn on_grid(at: Time, grid: Duration) -> Time {
    let grid = grid.as_nanos();
    Time::from_nanos(at.as_nanos().div_ceil(grid).saturating_mul(grid))
}
