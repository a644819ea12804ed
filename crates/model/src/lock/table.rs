//! Locks of whole tables: who has them in which modes, and who waits.
//!
//! As PostgreSQL's `LockAcquire`, `ProcSleep` and `ProcLockWakeup` have it: a newcomer gets the lock only if it excludes neither those who
//! have it nor any of those who wait, so that readers wait behind one that waits for ACCESS EXCLUSIVE. A session that has the lock already
//! in another mode goes before the first that waits for it. Whoever waits is woken in the order of the queue, unless somebody
//! before it who still waits excludes it.

use super::mode::{LockMode, Modes};
use super::{Awaited, Locks, Request, Turn};
use crate::id::FrameRef;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One that waits for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiter {
    pub(super) session: u32,
    pub(super) frame: FrameRef,
    pub(super) since: Time,
    pub(super) mode: LockMode,
}

/// A table that somebody has locked or wants to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Table {
    /// In the order in which they first got it.
    pub(super) holders: Vec<(u32, Modes)>,
    pub(super) waiters: VecDeque<Waiter>,
}

impl Table {
    fn held_by(&self, session: u32) -> Modes {
        self.holders.iter().find(|(holder, _)| *holder == session).map(|(_, modes)| *modes).unwrap_or_default()
    }

    /// Others who have it in a mode that excludes this one.
    pub(super) fn excluding(&self, session: u32, mode: LockMode) -> impl Iterator<Item = u32> + '_ {
        let others = self.holders.iter().filter(move |(holder, _)| *holder != session);
        others.filter(move |(_, modes)| mode.conflicting().meets(*modes)).map(|(holder, _)| *holder)
    }

    fn is_free(&self, session: u32, mode: LockMode) -> bool {
        self.excluding(session, mode).next().is_none()
    }

    fn grant(&mut self, session: u32, mode: LockMode) {
        match self.holders.iter_mut().find(|(holder, _)| *holder == session) {
            Some((_, modes)) => modes.add(mode),
            None => {
                let mut modes = Modes::default();
                modes.add(mode);
                self.holders.push((session, modes));
            }
        }
    }

    /// Where one that cannot have it joins the queue; or that it can have it, or that it would wait for one that waits for it.
    fn place(&self, session: u32, mode: LockMode) -> Place {
        let mine = self.held_by(session);
        let mut ahead = Modes::default();
        for (at, waiter) in self.waiters.iter().enumerate() {
            if waiter.mode.conflicting().meets(mine) {
                return if mode.conflicting().meets(self.held_by(waiter.session)) {
                    Place::Deadlock(waiter.session)
                } else if !mode.conflicting().meets(ahead) && self.is_free(session, mode) {
                    Place::Free
                } else {
                    Place::At(at)
                };
            }
            ahead.add(waiter.mode);
        }
        let conflicts = mode.conflicting().meets(ahead) || !self.is_free(session, mode);
        if conflicts { Place::At(self.waiters.len()) } else { Place::Free }
    }
}

enum Place {
    Free,
    At(usize),
    Deadlock(u32),
}

impl Locks {
    /// A session's statement wants a table in a mode. It must not wait for another lock.
    pub fn request_table(&mut self, now: Time, session: u32, frame: FrameRef, table: u32, mode: LockMode) -> Request {
        if frame == FrameRef::NONE {
            self.outside.push(session);
        }
        let locked = self.tables.entry(table).or_default();
        if locked.held_by(session).has(mode) {
            return Request::Granted;
        }
        match locked.place(session, mode) {
            Place::Free => {
                locked.grant(session, mode);
                self.note_table(session, table);
                Request::Granted
            }
            Place::At(at) => {
                locked.waiters.insert(at, Waiter { session, frame, since: now, mode });
                self.for_tables += 1;
                let waiting = self.sessions.entry(session).or_default();
                debug_assert!(waiting.waits_for.is_none(), "a session waits for one lock at a time");
                waiting.waits_for = Some(Awaited::Table { table, mode });
                Request::Queued
            }
            Place::Deadlock(with) => Request::Deadlock { with },
        }
    }

    fn note_table(&mut self, session: u32, table: u32) {
        let entry = self.sessions.entry(session).or_default();
        entry.waits_for = None;
        if !entry.tables.contains(&table) {
            entry.tables.push(table);
        }
    }

    pub(super) fn leave_table(&mut self, session: u32, table: u32, out: &mut Vec<Turn>) {
        if let Some(locked) = self.tables.get_mut(&table) {
            locked.waiters.retain(|waiter| waiter.session != session);
            self.for_tables -= 1;
        }
        self.wake(table, out);
    }

    pub(super) fn release_table(&mut self, session: u32, table: u32, out: &mut Vec<Turn>) {
        if let Some(locked) = self.tables.get_mut(&table) {
            locked.holders.retain(|(holder, _)| *holder != session);
        }
        self.wake(table, out);
    }

    /// Grants a table to whoever can have it now.
    pub(super) fn wake(&mut self, table: u32, out: &mut Vec<Turn>) {
        let Some(mut locked) = self.tables.remove(&table) else { return };
        let mut ahead = Modes::default();
        let mut at = 0;
        while let Some(&Waiter { session, frame, since, mode }) = locked.waiters.get(at) {
            if mode.conflicting().meets(ahead) || !locked.is_free(session, mode) {
                ahead.add(mode);
                at += 1;
                continue;
            }
            locked.waiters.remove(at);
            locked.grant(session, mode);
            self.for_tables -= 1;
            self.note_table(session, table);
            out.push(Turn::Table { frame, since, table, mode });
        }
        if !locked.holders.is_empty() || !locked.waiters.is_empty() {
            self.tables.insert(table, locked);
        }
    }

    /// The first whom a session that waits for a table waits for: one who has it, else one who wants it and is before.
    pub(super) fn first_before(&self, session: u32, table: u32, mode: LockMode) -> Option<u32> {
        let locked = self.tables.get(&table)?;
        let before = locked.waiters.iter().take_while(|waiter| waiter.session != session);
        let mut ahead = before.filter(|waiter| mode.excludes(waiter.mode)).map(|waiter| waiter.session);
        locked.excluding(session, mode).next().or_else(|| ahead.next())
    }

    /// Sessions that have tables, and that wait for them, by mode.
    #[must_use]
    pub fn of_mode(&self, mode: LockMode) -> u32 {
        let of_table = |table: &Table| {
            let held = table.holders.iter().filter(|(_, modes)| modes.has(mode)).count();
            held + table.waiters.iter().filter(|waiter| waiter.mode == mode).count()
        };
        self.tables.values().map(of_table).sum::<usize>() as u32
    }
}
