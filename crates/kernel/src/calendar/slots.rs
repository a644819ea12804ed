//! The payloads of pending events, by slot. A slot holds the ticket of its event, so that a stale ticket or key is recognised.

use super::ticket::{MOST_SLOTS, Ticket};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Slot<E> {
    /// [`Ticket::NONE`] while the slot is free.
    ticket: Ticket,
    event: E,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Slots<E> {
    slots: Vec<Slot<E>>,
    /// The slot freed last is used first: it is likely still in the cache.
    free: Vec<u32>,
}

impl<E: Copy> Slots<E> {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    #[inline]
    pub(super) fn insert(&mut self, sequence: u64, event: E) -> Ticket {
        if let Some(slot) = self.free.pop() {
            let ticket = Ticket::new(sequence, slot);
            self.slots[slot as usize] = Slot { ticket, event };
            return ticket;
        }
        assert!(self.slots.len() < MOST_SLOTS, "more than {MOST_SLOTS} events pending in one calendar");
        let ticket = Ticket::new(sequence, self.slots.len() as u32);
        self.slots.push(Slot { ticket, event });
        ticket
    }

    /// The events that are pending, by slot.
    pub(super) fn events(&self) -> impl Iterator<Item = E> + '_ {
        self.slots.iter().filter(|slot| slot.ticket != Ticket::NONE).map(|slot| slot.event)
    }

    #[inline]
    pub(super) fn contains(&self, ticket: Ticket) -> bool {
        self.slots.get(ticket.slot()).is_some_and(|slot| slot.ticket == ticket)
    }

    /// Frees the slot of `ticket` and gives its event, which is known to be there.
    #[inline]
    pub(super) fn take(&mut self, ticket: Ticket) -> E {
        // Not by way of `remove` and an `Option`, which costs some copying of parts of the event.
        let slot = &mut self.slots[ticket.slot()];
        assert!(slot.ticket == ticket, "the event that the calendar found to be next is gone");
        slot.ticket = Ticket::NONE;
        self.free.push(ticket.slot() as u32);
        slot.event
    }

    /// Frees the slot of `ticket`. False if its event is there no more.
    #[inline]
    pub(super) fn remove(&mut self, ticket: Ticket) -> bool {
        let Some(slot) = self.slots.get_mut(ticket.slot()).filter(|slot| slot.ticket == ticket) else { return false };
        slot.ticket = Ticket::NONE;
        self.free.push(ticket.slot() as u32);
        true
    }
}
