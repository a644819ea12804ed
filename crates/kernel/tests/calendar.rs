//! The calendar against a list that is searched from end to end: whatever is done to both, they agree.

use knockon_kernel::{Calendar, Duration, LaneId, Next, Ticket, Time};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// As large as the events of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Event(u64, u64);

const DELAYS: [u64; 4] = [0, 1, 5, 40];
const EVENTS_PER_INSTANT: u64 = 12;

#[derive(Clone, Debug)]
enum Step {
    Schedule(u64),
    Post(u64),
    Lane(usize),
    /// A ticket by its distance from the last one issued.
    Cancel(usize),
    /// How far beyond now to look.
    Next(u64),
    Clone,
    Store,
}

fn step() -> impl Strategy<Value = Step> {
    // Few different delays: ties are the rule.
    prop_oneof![
        3 => (0..20_u64).prop_map(Step::Schedule),
        3 => (0..20_u64).prop_map(Step::Post),
        1 => (0..5_000_u64).prop_map(Step::Schedule),
        4 => (0..DELAYS.len()).prop_map(Step::Lane),
        5 => (0..40_usize).prop_map(Step::Cancel),
        8 => (0..30_u64).prop_map(Step::Next),
        1 => Just(Step::Next(u64::MAX)),
        1 => Just(Step::Clone),
        1 => Just(Step::Store),
    ]
}

/// The same as the calendar, by the definition.
#[derive(Default)]
struct Naive {
    now: u64,
    pending: Vec<(u64, u64, Event)>,
    sequence: u64,
    last_sequence: u64,
    at_instant: u64,
}

impl Naive {
    fn schedule(&mut self, delay: u64, event: Event) -> u64 {
        self.pending.push((self.now + delay, self.sequence, event));
        self.sequence += 1;
        self.sequence - 1
    }

    fn cancel(&mut self, sequence: u64) -> bool {
        let before = self.pending.len();
        self.pending.retain(|&(_, other, _)| other != sequence);
        self.pending.len() < before
    }

    fn first(&self) -> Option<(u64, u64, Event)> {
        self.pending.iter().copied().min_by_key(|&(at, sequence, _)| (at, sequence))
    }

    fn next(&mut self, until: u64) -> Next<Event> {
        let Some((at, sequence, event)) = self.first().filter(|&(at, ..)| at <= until) else { return Next::Idle };
        if at > self.now {
            self.now = at;
            self.at_instant = 0;
        } else if self.at_instant >= EVENTS_PER_INSTANT {
            return Next::Livelock { at: Time::from_nanos(at) };
        }
        self.at_instant += 1;
        self.last_sequence = sequence;
        self.cancel(sequence);
        Next::Event(Time::from_nanos(at), event)
    }
}

struct Pair {
    calendar: Calendar<Event>,
    lanes: [LaneId; 4],
    naive: Naive,
    /// What each side calls the events that can be cancelled.
    tickets: Vec<(Ticket, u64)>,
}

impl Pair {
    fn new() -> Self {
        let mut calendar = Calendar::new();
        calendar.set_events_per_instant(EVENTS_PER_INSTANT);
        let lanes = DELAYS.map(|delay| calendar.lane(Duration::from_nanos(delay)));
        Self { calendar, lanes, naive: Naive::default(), tickets: Vec::new() }
    }

    fn take(&mut self, step: &Step) {
        let event = Event(self.naive.sequence, !self.naive.sequence);
        let at = |delay| self.calendar.now() + Duration::from_nanos(delay);
        match *step {
            Step::Schedule(delay) => {
                let ticket = self.calendar.schedule(at(delay), event);
                self.tickets.push((ticket, self.naive.schedule(delay, event)));
            }
            Step::Post(delay) => {
                self.calendar.post(at(delay), event);
                self.naive.schedule(delay, event);
            }
            Step::Lane(which) => {
                let ticket = self.calendar.schedule_in_lane(self.lanes[which], event);
                self.tickets.push((ticket, self.naive.schedule(DELAYS[which], event)));
            }
            Step::Cancel(back) => {
                if let Some(&(ticket, sequence)) = self.tickets.iter().rev().nth(back) {
                    assert_eq!(self.calendar.cancel(ticket), self.naive.cancel(sequence));
                }
            }
            Step::Next(beyond) => {
                let until = self.naive.now.saturating_add(beyond);
                assert_eq!(self.calendar.next(Time::from_nanos(until)), self.naive.next(until));
            }
            Step::Clone => self.calendar = self.calendar.clone(),
            Step::Store => {
                let text = serde_json::to_string(&self.calendar).unwrap();
                self.calendar = serde_json::from_str(&text).unwrap();
            }
        }
        self.agree();
    }

    fn agree(&self) {
        let Self { calendar, naive, .. } = self;
        assert_eq!(calendar.now().as_nanos(), naive.now);
        assert_eq!(calendar.next_time().map(Time::as_nanos), naive.first().map(|(at, ..)| at));
        assert_eq!(calendar.len(), naive.pending.len());
        assert_eq!(calendar.is_empty(), naive.pending.is_empty());
        assert_eq!(calendar.sequence(), naive.last_sequence);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_searched_list(steps in prop::collection::vec(step(), 1..400)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.take(step);
        }
        // What is left comes out in order; a livelock would hold it back for ever.
        pair.calendar.set_events_per_instant(u64::MAX);
        while let Some((at, _, event)) = pair.naive.first() {
            pair.naive.at_instant = 0;
            pair.naive.next(at);
            assert_eq!(pair.calendar.next(Time::MAX), Next::Event(Time::from_nanos(at), event));
        }
        assert_eq!(pair.calendar.next(Time::MAX), Next::Idle);
    }

    /// Many events at once, most of them cancelled: heaps of several levels, sweeps, and long lanes.
    #[test]
    fn agrees_after_mass_cancellation(
        delays in prop::collection::vec((0..3_000_u64, any::<bool>(), 0..10_u8), 300..900),
    ) {
        let mut pair = Pair::new();
        for &(delay, in_lane, _) in &delays {
            pair.take(&if in_lane { Step::Lane(delay as usize % DELAYS.len()) } else { Step::Schedule(delay) });
            if delay % 16 == 0 {
                pair.take(&Step::Next(3));
            }
        }
        for (index, &(.., fate)) in delays.iter().enumerate() {
            if fate > 0 {
                let (ticket, sequence) = pair.tickets[index];
                assert_eq!(pair.calendar.cancel(ticket), pair.naive.cancel(sequence));
            }
        }
        pair.agree();
        while pair.naive.first().is_some() {
            pair.naive.at_instant = 0;
            pair.calendar.set_events_per_instant(u64::MAX);
            let expected = pair.naive.next(u64::MAX);
            assert_eq!(pair.calendar.next(Time::MAX), expected);
        }
    }
}
