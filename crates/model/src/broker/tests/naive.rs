//! A broker that is a list of every message there ever was, and searches it from end to end, beside the real one.

use super::*;
use proptest::prelude::*;

/// Everything happens at multiples of half a second.
const TICK: u64 = SECOND / 2;

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Ready,
    Unacked { tag: u64, consumer: u32, deadline: Option<u64> },
    Scheduled { at: u64 },
    Gone,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    queue: usize,
    state: State,
    entered: u64,
    returned: u32,
    attempts: u32,
    redelivered: bool,
    dead: bool,
    bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Handed {
    number: u64,
    /// As it was when it was delivered.
    copy: Entry,
    consumer: u32,
    tag: u64,
    counted: bool,
    accepted: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    published: u64,
    acknowledged: u64,
    dropped: u64,
    dead_lettered: u64,
    expired: u64,
    rejected: u64,
    delivered: u64,
    late: u64,
}

struct Naive {
    transport: Transport,
    configs: Vec<QueueConfig>,
    consumers: Vec<(u32, Ack, u32, Presence)>,
    /// Position, among the consumers of the queue, of the one that was served last.
    last: Vec<Option<usize>>,
    entries: Vec<Entry>,
    handed: Vec<Handed>,
    counts: Vec<Counts>,
    deliveries: u64,
    numbers: u64,
    alarm: bool,
    now: u64,
}

impl Naive {
    fn ready(&self, queue: usize) -> Vec<usize> {
        let ready = |n: &usize| self.entries[*n].queue == queue && self.entries[*n].state == State::Ready;
        let mut ready: Vec<usize> = (0..self.entries.len()).filter(ready).collect();
        ready.sort_by_key(|&n| self.entries[n].number);
        ready
    }

    fn bytes(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.state != State::Gone).map(|entry| entry.bytes).sum()
    }

    fn is_over(&self) -> bool {
        matches!(self.transport, Transport::RabbitMq { limit: Some(limit), .. } if self.bytes() > limit)
    }

    fn publish(&mut self, queue: usize, bytes: u64) -> Published {
        if self.alarm {
            return Published::Blocked;
        }
        if let Transport::Redis { maxmemory: Some(maxmemory), .. } = self.transport
            && self.bytes() + bytes > maxmemory
        {
            return Published::OutOfMemory;
        }
        let config = &self.configs[queue];
        let full = config.max_length.is_some_and(|limit| self.ready(queue).len() as u64 >= limit);
        if full && config.overflow == Overflow::RejectPublish {
            self.counts[queue].rejected += 1;
            return Published::Rejected;
        }
        self.store(queue, bytes, false, 0);
        self.deliver(queue);
        Published::Stored
    }

    fn store(&mut self, queue: usize, bytes: u64, dead: bool, attempts: u32) {
        self.numbers += 1;
        self.counts[queue].published += 1;
        self.entries.push(Entry {
            number: self.numbers,
            queue,
            state: State::Ready,
            entered: self.now,
            returned: 0,
            attempts,
            redelivered: false,
            dead,
            bytes,
        });
        while self.configs[queue].max_length.is_some_and(|limit| self.ready(queue).len() as u64 > limit) {
            let oldest = self.ready(queue)[0];
            self.dismiss(oldest, false);
        }
    }

    fn dismiss(&mut self, entry: usize, expired: bool) {
        let Entry { queue, dead, bytes, attempts, .. } = self.entries[entry];
        self.entries[entry].state = State::Gone;
        match self.configs[queue].dead_letter {
            Some(to) if !dead => {
                self.counts[queue].dead_lettered += 1;
                self.store(to as usize, bytes, true, attempts);
                self.deliver(to as usize);
            }
            _ if expired => self.counts[queue].expired += 1,
            _ => self.counts[queue].dropped += 1,
        }
    }

    fn held(&self, consumer: u32) -> usize {
        self.handed.iter().filter(|handed| handed.consumer == consumer && handed.counted).count()
    }

    fn deliver(&mut self, queue: usize) {
        while let Some(&entry) = self.ready(queue).first() {
            let mine: Vec<u32> = (0..self.consumers.len() as u32)
                .filter(|&consumer| self.consumers[consumer as usize].0 as usize == queue)
                .collect();
            let first = self.last[queue].map_or(0, |last| last + 1);
            let free = (0..mine.len()).map(|n| (first + n) % mine.len()).find(|&n| {
                let (_, _, prefetch, presence) = self.consumers[mine[n] as usize];
                presence == Presence::Connected && (prefetch == 0 || self.held(mine[n]) < prefetch as usize)
            });
            let Some(n) = free else { return };
            self.last[queue] = Some(n);
            let consumer = mine[n];
            self.deliveries += 1;
            self.counts[queue].delivered += 1;
            let number = self.deliveries;
            let tag = if self.transport.is_redis() { self.entries[entry].number } else { number };
            let automatic = self.consumers[consumer as usize].1 == Ack::OnDelivery;
            let copy = self.entries[entry];
            self.handed.push(Handed { number, copy, consumer, tag, counted: !automatic, accepted: automatic });
            if automatic {
                self.counts[queue].acknowledged += 1;
                self.entries[entry].state = State::Gone;
            } else {
                let deadline = self.transport.timeout().map(|timeout| self.now + timeout.as_nanos());
                self.entries[entry].state = State::Unacked { tag, consumer, deadline };
            }
        }
    }

    fn by_tag(&self, tag: u64) -> Option<usize> {
        self.entries.iter().position(|entry| matches!(entry.state, State::Unacked { tag: mine, .. } if mine == tag))
    }

    fn acknowledge(&mut self, tag: u64, queue: usize) {
        match self.by_tag(tag) {
            Some(entry) => {
                self.entries[entry].state = State::Gone;
                self.counts[queue].acknowledged += 1;
            }
            None => self.counts[queue].late += 1,
        }
    }

    fn put_back(&mut self, entry: usize) {
        let e = &mut self.entries[entry];
        e.returned += 1;
        if self.configs[e.queue].delivery_limit.is_some_and(|limit| e.returned > limit) {
            return self.dismiss(entry, false);
        }
        e.redelivered = true;
        e.state = State::Ready;
    }

    fn accept(&mut self, number: u64) {
        let Some(at) = self.handed.iter().position(|handed| handed.number == number && !handed.accepted) else {
            return;
        };
        self.handed[at].accepted = true;
        self.handed[at].counted = false;
        let (tag, queue) = (self.handed[at].tag, self.handed[at].copy.queue);
        self.acknowledge(tag, queue);
        self.deliver(queue);
    }

    fn settle(&mut self, number: u64, settlement: Settlement) {
        let Some(at) = self.handed.iter().position(|handed| handed.number == number) else { return };
        let handed = self.handed.remove(at);
        let queue = handed.copy.queue;
        let unacked = if handed.accepted { None } else { self.by_tag(handed.tag) };
        match settlement {
            Settlement::Acknowledge if !handed.accepted => self.acknowledge(handed.tag, queue),
            Settlement::Acknowledge => {}
            Settlement::Requeue => unacked.into_iter().for_each(|entry| self.put_back(entry)),
            Settlement::Reject => unacked.into_iter().for_each(|entry| self.dismiss(entry, false)),
            Settlement::Retry { at } => {
                if !handed.accepted {
                    self.acknowledge(handed.tag, queue);
                }
                self.numbers += 1;
                self.counts[queue].published += 1;
                self.entries.push(Entry {
                    number: self.numbers,
                    state: State::Scheduled { at: at.as_nanos() },
                    entered: self.now,
                    returned: 0,
                    attempts: handed.copy.attempts + 1,
                    redelivered: false,
                    ..handed.copy
                });
            }
        }
        self.deliver(queue);
    }

    fn disconnect(&mut self, consumer: u32, graceful: bool) {
        self.consumers[consumer as usize].3 = Presence::Away;
        let mine: Vec<Handed> = self.handed.iter().filter(|handed| handed.consumer == consumer).copied().collect();
        self.handed.retain(|handed| handed.consumer != consumer);
        for handed in mine {
            let own = |entry: &usize| matches!(self.entries[*entry].state, State::Unacked { consumer: of, .. } if of == consumer);
            if let Some(entry) = self.by_tag(handed.tag).filter(own)
                && (graceful || !self.transport.is_redis())
            {
                self.put_back(entry);
            }
        }
        self.deliver(self.consumers[consumer as usize].0 as usize);
    }

    /// The next half second begins.
    fn tick(&mut self) {
        self.now += TICK;
        let now = self.now;
        let turns = self.is_over() != self.alarm;
        let looks = if self.transport.is_redis() { 100 * SECOND } else { 60 * SECOND };
        if now.is_multiple_of(looks) {
            let mut late: Vec<(u64, u64, usize)> = (0..self.entries.len())
                .filter_map(|n| match self.entries[n].state {
                    State::Unacked { tag, deadline: Some(deadline), .. } if deadline <= now => Some((deadline, tag, n)),
                    _ => None,
                })
                .collect();
            late.sort_unstable();
            for (_, tag, entry) in late {
                let State::Unacked { tag: still, consumer, .. } = self.entries[entry].state else { continue };
                if still == tag && self.transport.is_redis() {
                    self.put_back(entry);
                } else if still == tag {
                    self.disconnect(consumer, true);
                }
            }
        }
        for entry in &mut self.entries {
            if matches!(entry.state, State::Scheduled { at } if at <= now) {
                entry.state = State::Ready;
            }
        }
        for queue in 0..self.configs.len() {
            let Some(ttl) = self.configs[queue].ttl else { continue };
            while let Some(&first) = self.ready(queue).first()
                && self.entries[first].entered + ttl.as_nanos() <= now
            {
                self.dismiss(first, true);
            }
        }
        if now.is_multiple_of(5 * TICK) && turns && self.is_over() != self.alarm {
            self.alarm = !self.alarm;
        }
        for queue in 0..self.configs.len() {
            self.deliver(queue);
        }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Publish { queue: usize, bytes: u32 },
    Accept { which: prop::sample::Index },
    Settle { which: prop::sample::Index, how: u8 },
    Connect { consumer: u32 },
    Cancel { consumer: u32 },
    Disconnect { consumer: u32, graceful: bool },
    Pass { ticks: u16 },
}

fn act() -> impl Strategy<Value = Act> {
    let which = any::<prop::sample::Index>();
    prop_oneof![
        8 => (0usize..2, 1u32..40).prop_map(|(queue, bytes)| Act::Publish { queue, bytes }),
        2 => which.clone().prop_map(|which| Act::Accept { which }),
        6 => (which, 0u8..4).prop_map(|(which, how)| Act::Settle { which, how }),
        3 => (0u32..4).prop_map(|consumer| Act::Connect { consumer }),
        1 => (0u32..4).prop_map(|consumer| Act::Cancel { consumer }),
        1 => (0u32..4, any::<bool>()).prop_map(|(consumer, graceful)| Act::Disconnect { consumer, graceful }),
        4 => prop_oneof![0u16..12, 100u16..300].prop_map(|ticks| Act::Pass { ticks }),
    ]
}

fn config(name: &'static str, dead_letter: Option<u32>) -> impl Strategy<Value = QueueConfig> {
    let limits = (prop::option::of(1u64..6), any::<bool>(), prop::option::of(0u32..3), prop::option::of(1u64..200));
    limits.prop_map(move |(max_length, rejects, delivery_limit, ttl)| QueueConfig {
        name: name.into(),
        max_length,
        overflow: if rejects { Overflow::RejectPublish } else { Overflow::DropHead },
        dead_letter,
        delivery_limit,
        ttl: ttl.map(|ticks| Duration::from_nanos(ticks * TICK)),
    })
}

fn transport() -> impl Strategy<Value = Transport> {
    let timeout = (1u64..200).prop_map(|ticks| Duration::from_nanos(ticks * TICK));
    prop_oneof![
        (prop::option::of(20u64..150), prop::option::of(timeout.clone()))
            .prop_map(|(limit, consumer_timeout)| Transport::RabbitMq { limit, consumer_timeout }),
        (prop::option::of(20u64..150), timeout)
            .prop_map(|(maxmemory, visibility_timeout)| Transport::Redis { maxmemory, visibility_timeout }),
    ]
}

fn consumer() -> impl Strategy<Value = (u32, u32, Ack)> {
    (0u32..2, 0u32..4, prop::sample::select(vec![Ack::OnDelivery, Ack::Early, Ack::Late]))
}

fn compare(broker: &Broker, naive: &Naive) {
    for (n, queue) in broker.queues().iter().enumerate() {
        let expected: Vec<_> = naive.ready(n).into_iter().map(|entry| naive.entries[entry]).collect();
        let ready: Vec<_> = queue.ready().map(|m| (m.number, m.redelivered, m.returned, m.attempts)).collect();
        let expected: Vec<_> = expected.iter().map(|e| (e.number, e.redelivered, e.returned, e.attempts)).collect();
        assert_eq!(ready, expected, "queue {n}");
        let s = &queue.statistics;
        assert!(s.is_conserved(), "{s:?}");
        let (dead_lettered, acknowledged) = (s.dead_lettered, s.acknowledged);
        let counts = Counts {
            published: s.published,
            acknowledged,
            dropped: s.dropped,
            dead_lettered,
            expired: s.expired,
            rejected: s.rejected,
            delivered: s.delivered,
            late: s.late,
        };
        assert_eq!(counts, naive.counts[n], "queue {n}");
    }
    let mut handed: Vec<_> = naive.handed.iter().map(|handed| (handed.number, handed.consumer, handed.tag)).collect();
    handed.sort_unstable();
    assert_eq!(broker.deliveries().map(|(n, d)| (n, d.consumer, d.tag)).collect::<Vec<_>>(), handed);
    assert_eq!((broker.bytes(), broker.is_alarmed()), (naive.bytes(), naive.alarm));
    assert!(broker.audit().is_empty(), "{:?}", broker.audit());
    let present: Vec<_> = broker.consumers().iter().map(Consumer::presence).collect();
    assert_eq!(present, naive.consumers.iter().map(|consumer| consumer.3).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn it_is_what_a_list_of_all_messages_would_be(
        transport in transport(),
        queues in (config("q", Some(1)), config("dead", None)),
        consumers in prop::collection::vec(consumer(), 4),
        acts in prop::collection::vec(act(), 1..80),
    ) {
        let configs = vec![queues.0, queues.1];
        let machines = consumers.iter().enumerate();
        let machines = machines.map(|(n, &(queue, prefetch, ack))| Consumer::new(n as u32, 0, queue, prefetch, ack));
        let mut broker = Broker::new(transport, 0, true, configs.clone(), machines.collect());
        let mut naive = Naive {
            transport,
            configs,
            consumers: consumers.iter().map(|&(queue, prefetch, ack)| (queue, ack, prefetch, Presence::Away)).collect(),
            last: vec![None; 2],
            entries: Vec::new(),
            handed: Vec::new(),
            counts: vec![Counts::default(); 2],
            deliveries: 0,
            numbers: 0,
            alarm: false,
            now: 0,
        };
        let effects = &mut Vec::new();
        for act in acts {
            let now = Time::from_nanos(naive.now);
            match act {
                Act::Publish { queue, bytes } => {
                    let published = broker.publish(now, queue as u32, message(1, 0, bytes), effects);
                    broker.deliver(now, queue as u32, effects);
                    prop_assert_eq!(published, naive.publish(queue, u64::from(bytes)));
                }
                Act::Accept { which } | Act::Settle { which, .. } if naive.handed.is_empty() => {
                    let _ = which;
                }
                Act::Accept { which } => {
                    let number = naive.handed[which.index(naive.handed.len())].number;
                    broker.accept(now, number, effects);
                    naive.accept(number);
                }
                Act::Settle { which, how } => {
                    let number = naive.handed[which.index(naive.handed.len())].number;
                    let retry = Settlement::Retry { at: now + Duration::from_nanos(7 * TICK) };
                    let how = [Settlement::Acknowledge, Settlement::Requeue, Settlement::Reject, retry][usize::from(how)];
                    broker.settle(now, number, how, effects);
                    naive.settle(number, how);
                }
                Act::Connect { consumer } => {
                    broker.connect(now, consumer, effects);
                    let known = &mut naive.consumers[consumer as usize];
                    if known.3 == Presence::Away {
                        known.3 = Presence::Connected;
                        let queue = known.0 as usize;
                        naive.deliver(queue);
                    }
                }
                Act::Cancel { consumer } => {
                    broker.cancel(consumer);
                    let known = &mut naive.consumers[consumer as usize];
                    if known.3 == Presence::Connected {
                        known.3 = Presence::Cancelled;
                    }
                }
                Act::Disconnect { consumer, graceful } => {
                    broker.disconnect(now, consumer, graceful, effects);
                    naive.disconnect(consumer, graceful);
                }
                Act::Pass { ticks } => {
                    for _ in 0..ticks {
                        let due = broker.next_due(Time::from_nanos(naive.now));
                        naive.tick();
                        let now = Time::from_nanos(naive.now);
                        if due.is_some_and(|due| due <= now) {
                            broker.due(now, effects);
                        }
                    }
                }
            }
            compare(&broker, &naive);
        }
    }
}
