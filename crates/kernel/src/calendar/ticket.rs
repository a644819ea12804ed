//! The identity of a scheduled event: its sequence number and its place, packed into 64 bits.
//!
//! A sequence number is never used twice, so a ticket that outlives its event matches nothing, for ever. The same word orders
//! events of one instant, since the sequence number stands above the place.

use crate::time::Time;
use serde::{Deserialize, Serialize};

/// Bits of a ticket that say where the event is kept; the other 40 are the sequence number.
const PLACE_BITS: u32 = 24;
/// Set in places that belong to a lane: in a ticket with the item's slot, in a key of the heap with the lane's number.
const LANE_BIT: u64 = 1 << (PLACE_BITS - 1);

/// Most events pending, most items waiting in lanes, and most lanes: 8 388 607.
pub(super) const MOST_SLOTS: usize = LANE_BIT as usize - 1;
/// Most events scheduled in one run: 2^40, about 10^12.
const MOST_SEQUENCES: u64 = 1 << (64 - PLACE_BITS);

/// A handle to cancel an event with. It does not keep the event alive and may be kept for as long as one likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(u64);

impl Default for Ticket {
    fn default() -> Self {
        Self::NONE
    }
}

impl Ticket {
    /// The ticket of no event: cancelling it does nothing.
    pub const NONE: Self = Self(u64::MAX);

    #[inline]
    pub(super) fn new(sequence: u64, slot: u32) -> Self {
        assert!(sequence < MOST_SEQUENCES, "more than 2^40 events were scheduled in one run");
        Self(sequence << PLACE_BITS | u64::from(slot))
    }

    #[inline]
    pub(super) fn in_lane(sequence: u64, number: u32) -> Self {
        let ticket = Self::new(sequence, number);
        Self(ticket.0 | LANE_BIT)
    }

    #[inline]
    pub(super) const fn is_in_lane(self) -> bool {
        self.0 & LANE_BIT != 0
    }

    #[inline]
    pub(super) const fn sequence(self) -> u64 {
        self.0 >> PLACE_BITS
    }

    #[inline]
    pub(super) const fn slot(self) -> usize {
        (self.0 & (LANE_BIT - 1)) as usize
    }
}

/// What the heap orders by, called a key: time in the upper half, ticket in the lower, which begins with the sequence number.
pub(super) type Order = u128;

/// Above every key.
pub(super) const NO_KEY: Order = Order::MAX;

#[inline]
pub(super) const fn key(at: Time, ticket: Ticket) -> Order {
    (at.as_nanos() as u128) << 64 | ticket.0 as u128
}

#[inline]
pub(super) const fn time_of(key: Order) -> Time {
    Time::from_nanos((key >> 64) as u64)
}

#[inline]
pub(super) const fn ticket_of(key: Order) -> Ticket {
    Ticket(key as u64)
}
