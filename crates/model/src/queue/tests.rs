//! The queue against a list that is searched, and CoDel against the text of RFC 8289.

use super::*;
use knockon_kernel::Duration;
use proptest::prelude::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn at(ms: u64) -> Time {
    Time::from_nanos(ms * 1_000_000)
}

fn frame(slot: u32) -> FrameRef {
    FrameRef { slot, generation: 1 }
}

/// One queued request of the naive queue: number, class, arrival, whether it came to a standing queue.
type Waiting = (u32, u8, Time, bool);

/// The same queue as a vector in order of arrival.
struct Naive {
    config: Queue,
    waiting: Vec<Waiting>,
    empty: Time,
}

impl Naive {
    fn push(&mut self, now: Time, number: u32, class: u8) {
        if self.waiting.is_empty() {
            self.empty = now;
        }
        let standing = match self.config.delay {
            Some(DelayControl::Standing { interval, .. }) => now - self.empty > interval,
            _ => false,
        };
        self.waiting.push((number, if self.config.by_class { class } else { 0 }, now, standing));
    }

    fn take(&mut self, now: Time, expired: impl Fn(u32) -> bool) -> Option<(u32, Turn)> {
        let first = self.waiting.iter().map(|waiting| waiting.1).min()?;
        let of_class = || self.waiting.iter().enumerate().filter(|(_, waiting)| waiting.1 == first);
        let newest = match self.config.order {
            Order::Fifo => false,
            Order::Lifo => true,
            Order::AdaptiveLifo { threshold } => self.waiting.len() > threshold as usize,
        };
        let position = if newest { of_class().next_back()?.0 } else { of_class().next()?.0 };
        let (number, _, since, standing) = self.waiting.remove(position);
        let late = match self.config.delay {
            Some(DelayControl::Standing { target, interval }) => now - since > if standing { target } else { interval },
            _ => false,
        };
        Some((
            number,
            if expired(number) {
                Turn::Expired
            } else if late {
                Turn::Late
            } else {
                Turn::Serve
            },
        ))
    }

    fn displace(&mut self, class: u8) -> Option<u32> {
        let least = self.waiting.iter().map(|waiting| waiting.1).max()?;
        let class = if self.config.by_class { class } else { 0 };
        let mut of_class = self.waiting.iter().enumerate().filter(|(_, waiting)| waiting.1 == least);
        let position = match self.config.victim {
            Victim::Oldest if least >= class => of_class.next()?.0,
            Victim::Arrival if least > class => of_class.next_back()?.0,
            _ => return None,
        };
        if self.config.is_plain() { None } else { Some(self.waiting.remove(position).0) }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Push(u8),
    Take,
    Remove(prop::sample::Index),
    Displace(u8),
    Wait(u64),
    Clear,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => (0..4u8).prop_map(|class| Act::Push(class * 5)),
        6 => Just(Act::Take),
        3 => any::<prop::sample::Index>().prop_map(Act::Remove),
        2 => (0..4u8).prop_map(|class| Act::Displace(class * 5)),
        4 => (0..60u64).prop_map(Act::Wait),
        1 => Just(Act::Clear),
    ];
    prop::collection::vec(act, 0..200)
}

fn configs() -> impl Strategy<Value = Queue> {
    let order = prop_oneof![
        Just(Order::Fifo),
        Just(Order::Lifo),
        (0..6u32).prop_map(|threshold| Order::AdaptiveLifo { threshold })
    ];
    let delay = prop_oneof![
        Just(None),
        (1..50u64, 1..200u64)
            .prop_map(|(target, interval)| Some(DelayControl::Standing { target: ms(target), interval: ms(interval) }))
    ];
    let victim = prop_oneof![Just(Victim::Arrival), Just(Victim::Oldest)];
    (order, any::<bool>(), delay, any::<bool>(), victim).prop_map(|(order, by_class, delay, drops_expired, victim)| {
        Queue { order, by_class, delay, drops_expired, victim, ..Queue::default() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_queue_does_what_a_searched_list_does(config in configs(), acts in acts()) {
        let mut queue = AcceptQueue::new(&config);
        let mut naive = Naive { config, waiting: Vec::new(), empty: Time::ZERO };
        let mut places = std::collections::BTreeMap::new();
        let (mut now, mut next) = (Time::ZERO, 0);
        // Every seventh request expires; a plain queue does not ask.
        let expired = |number: u32| !config.is_plain() && number.is_multiple_of(7);
        for act in acts {
            match act {
                Act::Push(class) => {
                    places.insert(next, queue.push(now, frame(next), class));
                    naive.push(now, next, class);
                    next += 1;
                }
                Act::Take => {
                    let taken = queue.take(now, |frame| expired(frame.slot));
                    prop_assert_eq!(taken.map(|(frame, turn)| (frame.slot, turn)), naive.take(now, expired));
                }
                Act::Remove(which) if !naive.waiting.is_empty() => {
                    let at = which.index(naive.waiting.len());
                    let (number, ..) = naive.waiting.remove(at);
                    queue.remove(places[&number], frame(number));
                }
                Act::Remove(_) => {}
                Act::Displace(class) => {
                    prop_assert_eq!(queue.displace(class).map(|frame| frame.slot), naive.displace(class));
                }
                Act::Wait(time) => now += ms(time),
                Act::Clear => {
                    queue.clear();
                    naive.waiting.clear();
                }
            }
            prop_assert_eq!(queue.len() as usize, naive.waiting.len());
            prop_assert_eq!(queue.is_empty(), naive.waiting.is_empty());
        }
    }

    #[test]
    fn codel_drops_what_the_rfc_drops(waits in prop::collection::vec((1..40u64, 0..3u32, 0..3u32), 1..300)) {
        let (target, interval) = (ms(5), ms(100));
        let delay = Some(DelayControl::CoDel { target, interval });
        let mut queue = AcceptQueue::new(&Queue { delay, ..Queue::default() });
        let mut rfc = Rfc::default();
        let (mut now, mut next) = (Time::ZERO, 0);
        for (wait, arrivals, departures) in waits {
            now += ms(wait);
            for _ in 0..arrivals {
                queue.push(now, frame(next), 0);
                rfc.queue.push_back((next, now));
                next += 1;
            }
            for _ in 0..departures {
                let mut dropped = Vec::new();
                let served = loop {
                    match queue.take(now, |_| false) {
                        Some((frame, Turn::Serve)) => break Some(frame.slot),
                        Some((frame, _)) => dropped.push(frame.slot),
                        None => break None,
                    }
                };
                let rfc_served = rfc.dequeue(now, target, interval);
                prop_assert_eq!((served, &dropped), (rfc_served, &std::mem::take(&mut rfc.dropped)));
            }
        }
    }
}

/// `deque()` as section 5.5 of RFC 8289 has it.
#[derive(Default)]
struct Rfc {
    queue: std::collections::VecDeque<(u32, Time)>,
    dropped: Vec<u32>,
    first_above: Option<Time>,
    drop_next: Time,
    count: u64,
    last_count: u64,
    dropping: bool,
}

impl Rfc {
    fn do_dequeue(&mut self, now: Time, target: Duration, interval: Duration) -> (Option<u32>, bool) {
        let Some((number, since)) = self.queue.pop_front() else {
            self.first_above = None;
            return (None, false);
        };
        if now - since < target || self.queue.is_empty() {
            self.first_above = None;
            return (Some(number), false);
        }
        match self.first_above {
            None => {
                self.first_above = Some(now + interval);
                (Some(number), false)
            }
            Some(above) => (Some(number), now >= above),
        }
    }

    fn control_law(from: Time, interval: Duration, count: u64) -> Time {
        from + Duration::from_nanos((interval.as_nanos() as f64 / (count as f64).sqrt()).floor() as u64)
    }

    fn dequeue(&mut self, now: Time, target: Duration, interval: Duration) -> Option<u32> {
        let (mut number, mut ok) = self.do_dequeue(now, target, interval);
        if self.dropping {
            if !ok {
                self.dropping = false;
            }
            while self.dropping && now >= self.drop_next {
                self.dropped.extend(number);
                self.count += 1;
                (number, ok) = self.do_dequeue(now, target, interval);
                if ok {
                    self.drop_next = Self::control_law(self.drop_next, interval, self.count);
                } else {
                    self.dropping = false;
                }
            }
        } else if ok {
            self.dropped.extend(number);
            (number, _) = self.do_dequeue(now, target, interval);
            self.dropping = true;
            let delta = self.count - self.last_count;
            self.count = 1;
            if delta > 1 && now.saturating_sub(self.drop_next) < ms(16 * interval.as_nanos() / 1_000_000) {
                self.count = delta;
            }
            self.drop_next = Self::control_law(now, interval, self.count);
            self.last_count = self.count;
        }
        number
    }
}

#[test]
fn a_standing_queue_gives_its_newcomers_less_time() {
    let delay = Some(DelayControl::Standing { target: ms(5), interval: ms(100) });
    let mut queue = AcceptQueue::new(&Queue { delay, ..Queue::default() });
    queue.push(at(0), frame(0), 0);
    queue.push(at(50), frame(1), 0);
    queue.push(at(101), frame(2), 0);
    let mut take = |ms: u64| queue.take(at(ms), |_| false).map(|(frame, turn)| (frame.slot, turn));
    assert_eq!(take(102), Some((0, Turn::Late)), "102 ms are more than the interval");
    assert_eq!(take(107), Some((1, Turn::Serve)), "it came before the queue had stood for the interval");
    assert_eq!(take(107), Some((2, Turn::Late)), "6 ms are more than the target");
    assert_eq!(take(107), None);
}

#[test]
fn a_queue_reuses_its_places() {
    let mut queue = AcceptQueue::new(&Queue { by_class: true, ..Queue::default() });
    for n in 0..1000 {
        queue.push(at(n), frame(0), (n % 3) as u8);
        queue.push(at(n), frame(1), (n % 5) as u8);
        queue.take(at(n), |_| false).unwrap();
        queue.take(at(n), |_| false).unwrap();
    }
    assert_eq!(queue.entries.len(), usize::from(CLASSES) + 2);
}
