//! A process' accept queue: requests that wait for a worker, in an order, with places that the process counts.
//!
//! A queued request waits in one list of its class; it leaves by its turn ([`AcceptQueue::take`]), by giving up
//! ([`AcceptQueue::remove`]) or by making room for another ([`AcceptQueue::displace`]). Each is O(1) whatever the length: lists
//! are linked through one arena, and which classes are present is one word of bits. A plain first-in-first-out queue has no
//! rules and pays for none.
//!
//! Deliberately not here: how many places there are, when work expires (the world knows deadlines and callers), and what
//! becomes of what is dropped.

mod codel;

use crate::blueprint::{DelayControl, Order, Queue, Victim};
use crate::id::FrameRef;
use codel::CoDel;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// Classes that a queue can tell apart: 0 … 15.
pub const CLASSES: u8 = 16;

const NONE: u32 = u32::MAX;

/// What is to become of a request whose turn has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A worker takes it up.
    Serve,
    /// It is dropped: it has expired.
    Expired,
    /// It is dropped: requests stand too long.
    Late,
}

/// A place in the arena: of a queued request, of a list's two ends (the first ones), or free.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Entry {
    frame: FrameRef,
    since: Time,
    /// Towards the older; of a list's ends, the newest.
    older: u32,
    /// Towards the newer; of a list's ends, the oldest; of a free place, the next free one.
    newer: u32,
    /// Whether it came to a queue that had not been empty for an interval.
    standing: bool,
}

/// The queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcceptQueue {
    entries: Vec<Entry>,
    free: u32,
    len: u32,
    rules: Option<Box<Rules>>,
}

/// What makes a queue other than first in, first out.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Rules {
    config: Queue,
    /// Classes of which somebody waits.
    present: u64,
    /// When it was last empty.
    empty: Time,
    codel: CoDel,
}

impl Rules {
    /// A request comes: its list, and whether the queue has stood for an interval.
    fn receive(&mut self, now: Time, empty: bool, class: u8) -> (u32, bool) {
        if empty {
            self.empty = now;
        }
        let list = if self.config.by_class { u32::from(class) } else { 0 };
        assert!(list < u32::from(CLASSES), "a class is below {CLASSES}");
        self.present |= 1 << list;
        let standing = match self.config.delay {
            Some(DelayControl::Standing { interval, .. }) => now - self.empty > interval,
            _ => false,
        };
        (list, standing)
    }
}

impl Default for AcceptQueue {
    fn default() -> Self {
        Self::new(&Queue::default())
    }
}

impl AcceptQueue {
    /// An empty queue.
    #[must_use]
    pub fn new(config: &Queue) -> Self {
        let rules = Rules { config: *config, present: 0, empty: Time::ZERO, codel: CoDel::default() };
        Self {
            entries: Vec::new(),
            free: NONE,
            len: 0,
            rules: if config.is_plain() { None } else { Some(Box::new(rules)) },
        }
    }

    /// From now on requests can expire: whose turn has come is asked for it even in a queue that was plain.
    pub fn ask_for_expiry(&mut self) {
        let mut rules = Rules { config: Queue::default(), present: 0, empty: Time::ZERO, codel: CoDel::default() };
        rules.present = u64::from(self.len > 0);
        self.rules.get_or_insert_with(|| Box::new(rules));
    }

    /// How many wait.
    #[inline]
    #[must_use]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether nobody waits.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Who waits, class by class, the oldest of each first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = FrameRef> + '_ {
        let by_class = self.rules.as_ref().is_some_and(|rules| rules.config.by_class);
        let lists = if by_class { u32::from(CLASSES) } else { 1 };
        (0..lists.min(self.entries.len() as u32)).flat_map(move |list| {
            let next = move |&place: &u32| Some(self.entries[place as usize].newer);
            let places = std::iter::successors(next(&list), next).take_while(move |&place| place != list);
            places.map(|place| self.entries[place as usize].frame)
        })
    }

    /// Whether a request's class or expiry can matter.
    #[inline]
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.rules.is_none()
    }

    /// A request comes. Returns its place, which [`Self::remove`] wants.
    ///
    /// # Panics
    /// If `class` is not below [`CLASSES`].
    #[inline(always)]
    pub fn push(&mut self, now: Time, frame: FrameRef, class: u8) -> u32 {
        let (list, standing) = match &mut self.rules {
            None => (0, false),
            Some(rules) => rules.receive(now, self.len == 0, class),
        };
        let place = if self.free == NONE { self.grow() } else { self.free };
        let newest = self.entries[list as usize].older;
        let entry = &mut self.entries[place as usize];
        self.free = entry.newer;
        *entry = Entry { frame, since: now, older: newest, newer: list, standing };
        self.entries[newest as usize].newer = place;
        self.entries[list as usize].older = place;
        self.len += 1;
        place
    }

    /// Makes a free place; before the first, the ends of the lists.
    #[cold]
    fn grow(&mut self) -> u32 {
        let blank = Entry { frame: FrameRef::NONE, since: Time::ZERO, older: NONE, newer: NONE, standing: false };
        if self.entries.is_empty() {
            let lists =
                if self.rules.as_ref().is_some_and(|rules| rules.config.by_class) { u32::from(CLASSES) } else { 1 };
            self.entries.extend((0..lists).map(|list| Entry { older: list, newer: list, ..blank }));
        }
        self.entries.push(blank);
        self.entries.len() as u32 - 1
    }

    /// Takes out whose turn it is, and says what is to become of it; to be called again until one is served or nobody is left.
    #[inline]
    pub fn take(&mut self, now: Time, expired: impl FnOnce(FrameRef) -> bool) -> Option<(FrameRef, Turn)> {
        if self.len == 0 {
            return None;
        }
        if self.rules.is_some() {
            return self.take_by_rules(now, expired);
        }
        // The oldest, whose one neighbour is the list's end.
        let place = self.entries[0].newer;
        let oldest = &mut self.entries[place as usize];
        let frame = std::mem::replace(&mut oldest.frame, FrameRef::NONE);
        let next = std::mem::replace(&mut oldest.newer, self.free);
        self.entries[0].newer = next;
        self.entries[next as usize].older = 0;
        self.free = place;
        self.len -= 1;
        Some((frame, Turn::Serve))
    }

    fn take_by_rules(&mut self, now: Time, expired: impl FnOnce(FrameRef) -> bool) -> Option<(FrameRef, Turn)> {
        let rules = self.rules.as_ref()?;
        let list = rules.present.trailing_zeros() as usize;
        let newest_first = match rules.config.order {
            Order::Fifo => false,
            Order::Lifo => true,
            Order::AdaptiveLifo { threshold } => self.len > threshold,
        };
        let ends = self.entries[list];
        let entry = self.unlink(if newest_first { ends.older } else { ends.newer });
        let waited = now - entry.since;
        let last = self.len == 0;
        let rules = self.rules.as_mut()?;
        let turn = if expired(entry.frame) {
            Turn::Expired
        } else {
            let late = match rules.config.delay {
                None => false,
                Some(DelayControl::CoDel { target, interval }) => {
                    rules.codel.drops(now, waited, target, interval, last)
                }
                Some(DelayControl::Standing { target, interval }) => {
                    waited > if entry.standing { target } else { interval }
                }
            };
            if late { Turn::Late } else { Turn::Serve }
        };
        if last && turn != Turn::Serve {
            rules.codel.found_nothing();
        }
        Some((entry.frame, turn))
    }

    /// A request gives up its place.
    #[inline]
    pub fn remove(&mut self, place: u32, frame: FrameRef) {
        assert!(self.entries[place as usize].frame == frame, "who leaves a queue is in it");
        self.unlink(place);
    }

    /// Takes out who makes room for an arriving request of `class`: of a less important class the one that would be served last,
    /// else whom the queue's victim rule says. `None`: the arriving one has to go.
    pub fn displace(&mut self, class: u8) -> Option<FrameRef> {
        let rules = self.rules.as_ref()?;
        if self.len == 0 {
            return None;
        }
        let least = 63 - rules.present.leading_zeros();
        let less_important = rules.config.by_class && least > u32::from(class);
        let same = !rules.config.by_class || least == u32::from(class);
        let ends = self.entries[least as usize];
        match rules.config.victim {
            Victim::Oldest if less_important || same => Some(self.unlink(ends.newer).frame),
            Victim::Arrival if less_important => Some(self.unlink(ends.older).frame),
            _ => None,
        }
    }

    /// Everybody goes.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.free = NONE;
        self.len = 0;
        if let Some(rules) = &mut self.rules {
            rules.present = 0;
            rules.codel = CoDel::default();
        }
    }

    #[inline]
    fn unlink(&mut self, place: u32) -> Entry {
        let entry = self.entries[place as usize];
        self.entries[entry.older as usize].newer = entry.newer;
        self.entries[entry.newer as usize].older = entry.older;
        if entry.older == entry.newer
            && let Some(rules) = &mut self.rules
        {
            // Both neighbours are the ends of its list.
            rules.present &= !(1 << entry.older);
        }
        let freed = &mut self.entries[place as usize];
        freed.frame = FrameRef::NONE;
        freed.newer = self.free;
        self.free = place;
        self.len -= 1;
        entry
    }
}

#[cfg(test)]
mod tests;
