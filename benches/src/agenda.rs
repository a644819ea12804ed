//! Two calendars for the same workloads: knockon's, and the bare one that it is compared with.

use knockon_kernel::{Calendar, Duration, LaneId, Next, Ticket, Time};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// As large as the events of a model: a kind, a place, and two words to say what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happens.
    pub kind: Kind,
    /// To whom.
    pub request: u32,
    /// Tells a timer of the present request from one of an earlier request in the same place.
    pub serial: u64,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the meaning")]
pub enum Kind {
    Arrive,
    WebDone,
    DatabaseDone,
    Timeout,
}

/// Pending events of a workload.
pub trait Agenda {
    /// What a timer is cancelled by.
    type Timer: Copy;
    /// An agenda whose timers all take `timeout`.
    fn new(timeout: Duration) -> Self;
    /// Schedules an event for good.
    fn post(&mut self, at: Time, event: Event);
    /// Starts a timer.
    fn start(&mut self, now: Time, event: Event) -> Self::Timer;
    /// Stops a timer.
    fn stop(&mut self, timer: Self::Timer);
    /// Takes out the next event.
    fn next(&mut self) -> Option<(Time, Event)>;
}

/// knockon's calendar: timers of one length lie in a lane and are truly cancelled.
#[derive(Debug)]
pub struct Kernel {
    calendar: Calendar<Event>,
    timeout: LaneId,
}

impl Agenda for Kernel {
    type Timer = Ticket;

    fn new(timeout: Duration) -> Self {
        let mut calendar = Calendar::new();
        let timeout = calendar.lane(timeout);
        Self { calendar, timeout }
    }

    #[inline]
    fn post(&mut self, at: Time, event: Event) {
        self.calendar.post(at, event);
    }

    #[inline]
    fn start(&mut self, _: Time, event: Event) -> Ticket {
        self.calendar.schedule_in_lane(self.timeout, event)
    }

    #[inline]
    fn stop(&mut self, timer: Ticket) {
        self.calendar.cancel(timer);
    }

    #[inline]
    fn next(&mut self) -> Option<(Time, Event)> {
        match self.calendar.next(Time::MAX) {
            Next::Event(now, event) => Some((now, event)),
            Next::Idle | Next::Livelock { .. } => None,
        }
    }
}

/// The bare loop's: the standard library's binary heap, ordered by time and sequence. What is cancelled is left to expire.
#[derive(Debug)]
pub struct Bare {
    heap: BinaryHeap<Entry>,
    sequence: u64,
    timeout: Duration,
}

/// Ordered so that the greatest is the next.
#[derive(Debug)]
struct Entry {
    order: Reverse<(Time, u64)>,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

impl Agenda for Bare {
    type Timer = ();

    fn new(timeout: Duration) -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0, timeout }
    }

    #[inline]
    fn post(&mut self, at: Time, event: Event) {
        self.heap.push(Entry { order: Reverse((at, self.sequence)), event });
        self.sequence += 1;
    }

    #[inline]
    fn start(&mut self, now: Time, event: Event) {
        self.post(now + self.timeout, event);
    }

    #[inline]
    fn stop(&mut self, (): ()) {}

    #[inline]
    fn next(&mut self) -> Option<(Time, Event)> {
        self.heap.pop().map(|entry| (entry.order.0.0, entry.event))
    }
}
