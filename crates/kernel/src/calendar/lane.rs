//! Lanes: queues of events that share one delay, such as the timeouts of one call site.
//!
//! Since time never runs backwards, events of one delay are due in the order in which they were scheduled. A lane is a doubly
//! linked list over slots that all lanes share; only its head is known to the heap. Most timeouts are cancelled long before they
//! are due, and then cost an append and an unlink instead of two heap operations. The calendar decides what is in the heap.

use super::ticket::{MOST_SLOTS, NO_KEY, Order, Ticket, key};
use crate::time::{Duration, Time};
use serde::{Deserialize, Serialize};

/// A lane of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneId(u32);

impl LaneId {
    #[inline]
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// No slot.
const END: u32 = u32::MAX;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lane {
    delay: Duration,
    head: u32,
    tail: u32,
    /// Whether the heap holds a key of this lane: its head's, or that of an earlier head that was cancelled.
    in_heap: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Item<E> {
    /// [`Ticket::NONE`] while the slot is free.
    ticket: Ticket,
    at: Time,
    event: E,
    lane: u32,
    before: u32,
    after: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lanes<E> {
    lanes: Vec<Lane>,
    items: Vec<Item<E>>,
    free: Vec<u32>,
}

impl<E: Copy> Lanes<E> {
    pub(super) const fn new() -> Self {
        Self { lanes: Vec::new(), items: Vec::new(), free: Vec::new() }
    }

    /// The lane of this delay, made if there is none.
    pub(super) fn lane(&mut self, delay: Duration) -> LaneId {
        let number = self.lanes.iter().position(|lane| lane.delay == delay).unwrap_or_else(|| {
            assert!(self.lanes.len() < MOST_SLOTS, "more than {MOST_SLOTS} lanes in one calendar");
            self.lanes.push(Lane { delay, head: END, tail: END, in_heap: false });
            self.lanes.len() - 1
        });
        LaneId(number as u32)
    }

    /// The events that are pending, by slot.
    pub(super) fn events(&self) -> impl Iterator<Item = E> + '_ {
        self.items.iter().filter(|item| item.ticket != Ticket::NONE).map(|item| item.event)
    }

    #[inline]
    pub(super) fn delay(&self, lane: LaneId) -> Duration {
        self.lanes[lane.index()].delay
    }

    /// Appends an event. The second result is the lane's key where the heap has none yet and must be given it.
    #[inline]
    pub(super) fn append(&mut self, lane: LaneId, at: Time, sequence: u64, event: E) -> (Ticket, Option<Order>) {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                assert!(
                    self.items.len() < MOST_SLOTS,
                    "more than {MOST_SLOTS} events wait in the lanes of one calendar"
                );
                self.items.len() as u32
            }
        };
        let ticket = Ticket::in_lane(sequence, slot);
        let entry = &mut self.lanes[lane.index()];
        let before = entry.tail;
        let item = Item { ticket, at, event, lane: lane.0, before, after: END };
        entry.tail = slot;
        let announce = !entry.in_heap;
        entry.in_heap = true;
        if before == END {
            entry.head = slot;
        } else {
            self.items[before as usize].after = slot;
        }
        match self.items.get_mut(slot as usize) {
            Some(old) => *old = item,
            None => self.items.push(item),
        }
        (ticket, announce.then(|| key(at, Ticket::in_lane(sequence, lane.0))))
    }

    /// Takes the event of `ticket` out of its lane; `None` if it is there no more.
    #[inline]
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<LaneId> {
        let slot = ticket.slot();
        let item = self.items.get_mut(slot).filter(|item| item.ticket == ticket)?;
        item.ticket = Ticket::NONE;
        let (lane, before, after) = (item.lane, item.before, item.after);
        match before {
            END => self.lanes[lane as usize].head = after,
            slot => self.items[slot as usize].after = after,
        }
        match after {
            END => self.lanes[lane as usize].tail = before,
            slot => self.items[slot as usize].before = before,
        }
        self.free.push(slot as u32);
        Some(LaneId(lane))
    }

    /// Takes the first event out of the lane of a key.
    #[inline]
    pub(super) fn take_head(&mut self, key_ticket: Ticket) -> E {
        let item = &self.items[self.lanes[key_ticket.slot()].head as usize];
        let (ticket, event) = (item.ticket, item.event);
        self.remove(ticket);
        event
    }

    /// The key that the heap should hold for the lane of the key that it does hold, or [`NO_KEY`] if the lane is empty.
    #[inline]
    pub(super) fn current_key(&self, key_ticket: Ticket) -> Order {
        let lane = key_ticket.slot();
        match self.items.get(self.lanes[lane].head as usize) {
            Some(head) => key(head.at, Ticket::in_lane(head.ticket.sequence(), lane as u32)),
            None => NO_KEY,
        }
    }

    /// Notes that the heap holds no key of this lane any more.
    #[inline]
    pub(super) fn left_heap(&mut self, key_ticket: Ticket) {
        self.lanes[key_ticket.slot()].in_heap = false;
    }
}
