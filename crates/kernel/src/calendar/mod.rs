//! The calendar: which event is next, at what time, in a total order.
//!
//! Events are ordered by (time, sequence number). Sequence numbers are minted here and nowhere else, when an event is
//! scheduled, whether it then waits in the heap, in a lane or, being due at once, in a queue of its own. So of
//! two events for one instant the one scheduled first comes first, always.
//!
//! Where an event waits:
//! - later than now: a heap of keys of 16 bytes, with the payload in a slot;
//! - now: a first-in first-out queue, after the events of this instant that were scheduled before it came;
//! - after one constant delay: a [lane](LaneId), of which the heap knows the head.
//!
//! Cancelling frees the event's memory at once. Its key stays in the heap until it comes to the top or until such keys
//! outnumber the living, when the heap is rebuilt: memory is bounded by the events that live. The top is always alive.
//!
//! The calendar does not run anything and does not know what an event means.

mod heap;
mod lane;
mod slots;
mod ticket;

pub use lane::LaneId;
pub use ticket::Ticket;

use crate::time::{Duration, Time};
use heap::Heap;
use lane::Lanes;
use serde::{Deserialize, Serialize};
use slots::Slots;
use std::collections::VecDeque;
use ticket::{NO_KEY, key, ticket_of, time_of};

/// Events per instant that are let pass unless [`Calendar::set_events_per_instant`] says otherwise.
const EVENTS_PER_INSTANT: u64 = 1_000_000;

/// Dead keys that the heap may hold whatever the number of living ones, so that small calendars are not rebuilt for nothing.
const SPARE_DEAD: usize = 64;

/// What [`Calendar::next`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<E> {
    /// This event is due at this time, which is now.
    Event(Time, E),
    /// Nothing is due up to the time asked for; now is unchanged.
    Idle,
    /// More events than allowed are due at one instant, which is now: they schedule each other without time passing.
    /// Nothing was taken out.
    Livelock {
        /// The instant.
        at: Time,
    },
}

/// Pending events of type `E` and the present time. See the [module](self) for the order of events.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calendar<E: Copy> {
    now: Time,
    /// Sequence number of the next event to be scheduled.
    next_sequence: u64,
    /// Sequence number of the event popped last.
    last_sequence: u64,
    heap: Heap,
    slots: Slots<E>,
    lanes: Lanes<E>,
    /// Events due now that were scheduled now. The front is alive; cancelled ones behind it are skipped when they reach it.
    due: VecDeque<Ticket>,
    /// Events alive.
    len: usize,
    /// Events popped at the present instant.
    at_instant: u64,
    events_per_instant: u64,
}

impl<E: Copy> Default for Calendar<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Copy> Calendar<E> {
    /// An empty calendar at time zero that lets pass a million events per instant.
    #[must_use]
    pub fn new() -> Self {
        Self {
            now: Time::ZERO,
            next_sequence: 0,
            last_sequence: 0,
            heap: Heap::new(),
            slots: Slots::new(),
            lanes: Lanes::new(),
            due: VecDeque::new(),
            len: 0,
            at_instant: 0,
            events_per_instant: EVENTS_PER_INSTANT,
        }
    }

    /// Sets how many events may be popped at one instant before [`Next::Livelock`].
    pub fn set_events_per_instant(&mut self, n: u64) {
        self.events_per_instant = n;
    }

    /// The present: the time of the event popped last.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Sequence number of the event popped last.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.last_sequence
    }

    /// How many events are pending.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no event is pending.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pending events, in no order that means anything: for whoever checks that nothing waits in vain.
    pub fn pending(&self) -> impl Iterator<Item = E> + '_ {
        self.slots.events().chain(self.lanes.events())
    }

    /// Schedules an event that can be cancelled.
    ///
    /// # Panics
    /// If `at` lies before now, and beyond 2^23 pending or 2^40 scheduled events.
    #[inline]
    pub fn schedule(&mut self, at: Time, event: E) -> Ticket {
        let ticket = self.slots.insert(self.next_sequence, event);
        self.next_sequence += 1;
        self.len += 1;
        if at > self.now {
            self.heap.push(key(at, ticket));
        } else {
            assert!(at == self.now, "an event was scheduled for {at}, before now, which is {}", self.now);
            self.due.push_back(ticket);
        }
        ticket
    }

    /// Schedules an event that will not be cancelled.
    ///
    /// # Panics
    /// As [`Calendar::schedule`].
    #[inline]
    pub fn post(&mut self, at: Time, event: E) {
        self.schedule(at, event);
    }

    /// The lane of events that are due `delay` after they are scheduled, made if there is none. Looks through all lanes:
    /// to be called once per call site, not per event.
    pub fn lane(&mut self, delay: Duration) -> LaneId {
        self.lanes.lane(delay)
    }

    /// Schedules an event for now plus the lane's delay. It can be cancelled.
    ///
    /// # Panics
    /// As [`Calendar::schedule`], and if the time lies beyond [`Time::MAX`].
    #[inline]
    pub fn schedule_in_lane(&mut self, lane: LaneId, event: E) -> Ticket {
        let delay = self.lanes.delay(lane);
        if delay.is_zero() {
            return self.schedule(self.now, event);
        }
        let (ticket, announced) = self.lanes.append(lane, self.now + delay, self.next_sequence, event);
        self.next_sequence += 1;
        self.len += 1;
        if let Some(key) = announced {
            self.heap.push(key);
        }
        ticket
    }

    /// Takes an event out. False if it has been popped or cancelled already.
    #[inline]
    pub fn cancel(&mut self, ticket: Ticket) -> bool {
        let cancelled =
            if ticket.is_in_lane() { self.lanes.remove(ticket).is_some() } else { self.slots.remove(ticket) };
        if cancelled {
            self.len -= 1;
            self.settle();
            if self.heap.len() > self.most_keys() || self.due.len() > self.most_keys() {
                self.sweep();
            }
        }
        cancelled
    }

    /// Time of the next event.
    #[inline]
    #[must_use]
    pub fn next_time(&self) -> Option<Time> {
        if !self.due.is_empty() {
            return Some(self.now);
        }
        let least = self.heap.least();
        (least != NO_KEY).then(|| time_of(least))
    }

    /// Takes out the first event if it is due at `until` or before, and makes its time the present.
    #[inline]
    pub fn next(&mut self, until: Time) -> Next<E> {
        let least = self.heap.least();
        let at = time_of(least);
        // What the heap holds for now was scheduled before now came, hence before all that is in `due`.
        let from_due = !self.due.is_empty() && (at > self.now || least == NO_KEY);
        let at = if from_due { self.now } else { at };
        if at > until || (least == NO_KEY && !from_due) {
            return Next::Idle;
        }
        if at > self.now {
            self.now = at;
            self.at_instant = 0;
        } else if self.at_instant >= self.events_per_instant {
            return Next::Livelock { at };
        }
        self.at_instant += 1;
        self.len -= 1;
        let event = if from_due { self.take_due() } else { self.take_least(least) };
        self.settle();
        Next::Event(at, event)
    }

    fn take_due(&mut self) -> E {
        let front = self.due.pop_front().expect("the queue of events due now was found not to be empty");
        self.last_sequence = front.sequence();
        self.slots.take(front)
    }

    #[inline]
    fn take_least(&mut self, least: ticket::Order) -> E {
        let ticket = ticket_of(least);
        self.last_sequence = ticket.sequence();
        if !ticket.is_in_lane() {
            self.heap.pop();
            return self.slots.take(ticket);
        }
        let event = self.lanes.take_head(ticket);
        self.renew_lane(ticket);
        event
    }

    /// Gives the heap the current key of the lane whose key is on top.
    fn renew_lane(&mut self, on_top: Ticket) {
        match self.lanes.current_key(on_top) {
            NO_KEY => {
                self.lanes.left_heap(on_top);
                self.heap.pop();
            }
            current => self.heap.replace_least(current),
        }
    }

    /// Takes dead keys off the top of the heap and the front of the queue.
    #[inline]
    fn settle(&mut self) {
        loop {
            let least = self.heap.least();
            let ticket = ticket_of(least);
            if ticket.is_in_lane() {
                if least == NO_KEY || self.lanes.current_key(ticket) == least {
                    break;
                }
                self.renew_lane(ticket);
            } else if self.slots.contains(ticket) {
                break;
            } else {
                self.heap.pop();
            }
        }
        while self.due.front().is_some_and(|&front| !self.slots.contains(front)) {
            self.due.pop_front();
        }
    }

    /// Keys that the heap, and tickets that the queue, may hold before they are swept.
    fn most_keys(&self) -> usize {
        2 * self.len + SPARE_DEAD
    }

    /// Drops all dead keys and tickets. Its cost is spread over the cancellations that made it necessary.
    #[cold]
    fn sweep(&mut self) {
        let (slots, lanes) = (&self.slots, &mut self.lanes);
        self.heap.retain(|key| {
            let ticket = ticket_of(key);
            if !ticket.is_in_lane() {
                return slots.contains(ticket);
            }
            let alive = lanes.current_key(ticket) != NO_KEY;
            if !alive {
                lanes.left_heap(ticket);
            }
            alive
        });
        self.due.retain(|&ticket| slots.contains(ticket));
    }
}

#[cfg(test)]
mod tests;
