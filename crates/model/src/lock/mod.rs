//! Locks of rows and tables of one database, as a pure state machine: the database calls it and carries out the [`Turn`]s that it returns.
//!
//! A row is *free* or belongs to one session, from when that session's transaction locked it until the transaction ends. What
//! PostgreSQL 15 does with those who want it too (`heap_lock_tuple`; `src/backend/access/heap/README.tuplock`) has two stages.
//! The first of them is *next*: it holds the row's tuple lock and waits for the holder's transaction to end. The others
//! are *queued* for the tuple lock, first come first served. Each stage is a wait of its own, so `lock_timeout`
//! begins afresh when a session becomes next: measured, with 300 ms, those that were queued first give up after 530 to 600 ms.
//!
//! A session waits for one row or table at a time, holds any number, and gets a row that it holds already at once. When its transaction
//! ends all of its rows pass to whoever is next, in the order in which they were locked, and then its tables go on. Tables are
//! in `table`, sessions that wait for each other in `deadlock`.
//!
//! Left out: shared row locks; the few newcomers that overtake the next one in the microseconds in which a row changes hands (0 to 5 % of
//! grants, measured).

mod deadlock;
mod mode;
mod table;

pub use deadlock::Edge;
pub use mode::LockMode;

use crate::id::FrameRef;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// After so long a wait is looked into, and logged, if at all: PostgreSQL's `deadlock_timeout` when nothing is set.
pub const DEADLOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// A row of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowId {
    /// The address of its table.
    pub table: u32,
    /// Its number there, from 0.
    pub number: u32,
}

/// What a session that asked for a row got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The row is the session's.
    Granted,
    /// The session waits for the holder's transaction to end.
    Next,
    /// The session waits until it is next, or until it can have the table.
    Queued,
    /// The session would wait for one that waits for it: its statement fails at once.
    Deadlock {
        /// The other session.
        with: u32,
    },
}

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Awaited {
    /// A row.
    Row(RowId),
    /// A table.
    Table {
        /// Its address.
        table: u32,
        /// In this mode.
        mode: LockMode,
    },
}

/// What the end of a transaction, or of a wait, means for another session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Turn {
    /// The row is now the waiting statement's.
    Granted {
        /// The statement.
        frame: FrameRef,
        /// When this stage of its wait began.
        since: Time,
        /// The transaction that has ended.
        transaction: u32,
    },
    /// The waiting statement is now next: a wait of its own begins.
    Next {
        /// The statement.
        frame: FrameRef,
        /// When the stage that is over began.
        since: Time,
        /// Number of the row.
        row: u32,
    },
    /// The waiting statement has its table.
    Table {
        /// The statement.
        frame: FrameRef,
        /// When its wait began.
        since: Time,
        /// The table.
        table: u32,
        /// In this mode.
        mode: LockMode,
    },
}

/// How many are where, as metrics report it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Sessions whose transactions hold rows.
    pub holding: u32,
    /// Sessions that hold rows or wait for one.
    pub sessions: u32,
    /// Sessions that are next.
    pub next: u32,
    /// Sessions that are queued.
    pub queued: u32,
    /// Sessions that wait for a table.
    pub for_tables: u32,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Waiter {
    session: u32,
    frame: FrameRef,
    since: Time,
}

/// A row that is not free. The first waiter is next.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    holder: u32,
    waiters: VecDeque<Waiter>,
}

/// A session that holds or waits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Session {
    held: Vec<RowId>,
    tables: Vec<u32>,
    waits_for: Option<Awaited>,
    /// The number of its transaction, given with its first row; 0 before.
    transaction: u32,
}

/// The row locks of a database. Sessions are named by the back ends that serve them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Locks {
    #[serde(with = "crate::pairs")]
    rows: BTreeMap<RowId, Row>,
    tables: BTreeMap<u32, table::Table>,
    sessions: BTreeMap<u32, Session>,
    transactions: u32,
    /// Sessions that asked for a row without a statement, and have not ended.
    outside: Vec<u32>,
    /// Sessions that hold rows, that are next, and that are queued.
    holding: u32,
    next: u32,
    queued: u32,
    /// Sessions that wait for tables.
    for_tables: u32,
    /// Whether sessions of this database can come to wait for each other.
    looks: bool,
    /// Deadlocks found so far.
    deadlocks: u64,
}

impl Locks {
    /// Of a database whose sessions lock so many different things: with one row alone they never wait for each other in a circle, and nobody
    /// needs to look.
    #[must_use]
    pub fn of_things(things: usize) -> Self {
        Self { looks: things > 1, ..Self::default() }
    }

    /// Whether whoever waits for long looks for a deadlock.
    #[must_use]
    pub fn looks_for_deadlocks(&self) -> bool {
        self.looks
    }

    /// Deadlocks that were found.
    #[must_use]
    pub fn deadlocks(&self) -> u64 {
        self.deadlocks
    }

    /// A session's statement wants a row. It must not wait for another one.
    pub fn request(&mut self, now: Time, session: u32, frame: FrameRef, row: RowId) -> Request {
        if frame == FrameRef::NONE {
            self.outside.push(session);
        }
        let Some(locked) = self.rows.get_mut(&row) else {
            self.rows.insert(row, Row { holder: session, waiters: VecDeque::new() });
            self.take(session, row);
            return Request::Granted;
        };
        if locked.holder == session {
            return Request::Granted;
        }
        let first = locked.waiters.is_empty();
        locked.waiters.push_back(Waiter { session, frame, since: now });
        self.next += u32::from(first);
        self.queued += u32::from(!first);
        let waiting = self.sessions.entry(session).or_default();
        debug_assert!(waiting.waits_for.is_none(), "a session waits for one lock at a time");
        waiting.waits_for = Some(Awaited::Row(row));
        if first { Request::Next } else { Request::Queued }
    }

    /// A session waits no longer. Nothing happens for one that does not wait.
    pub fn leave(&mut self, now: Time, session: u32, out: &mut Vec<Turn>) {
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        let Some(awaited) = entry.waits_for.take() else { return };
        if entry.held.is_empty() && entry.tables.is_empty() {
            self.sessions.remove(&session);
        }
        let row = match awaited {
            Awaited::Row(row) => row,
            Awaited::Table { table, .. } => return self.leave_table(session, table, out),
        };
        let Some(locked) = self.rows.get_mut(&row) else { return };
        let at = locked.waiters.iter().position(|waiter| waiter.session == session);
        let at = at.expect("a session that waits for a row is among those that do");
        locked.waiters.remove(at);
        if at == 0 {
            self.promote(now, row, out);
        } else {
            self.queued -= 1;
        }
        self.check();
    }

    /// A session's transaction ends, or the session itself: whatever it waits for it waits for no longer, and its rows go on.
    pub fn end(&mut self, now: Time, session: u32, out: &mut Vec<Turn>) {
        self.leave(now, session, out);
        self.outside.retain(|&outside| outside != session);
        let Some(ended) = self.sessions.remove(&session) else { return };
        self.holding -= u32::from(!ended.held.is_empty());
        for row in ended.held {
            let Some(locked) = self.rows.get_mut(&row) else { continue };
            let Some(Waiter { session: heir, frame, since }) = locked.waiters.pop_front() else {
                self.rows.remove(&row);
                continue;
            };
            locked.holder = heir;
            self.take(heir, row);
            out.push(Turn::Granted { frame, since, transaction: ended.transaction });
            self.promote(now, row, out);
        }
        for table in ended.tables {
            self.release_table(session, table, out);
        }
        self.check();
    }

    /// The transaction that a session waits for, and whether the session is next.
    #[must_use]
    pub fn awaited(&self, session: u32) -> Option<(u32, RowId, bool)> {
        let Awaited::Row(row) = self.sessions.get(&session)?.waits_for? else { return None };
        let locked = self.rows.get(&row)?;
        let transaction = self.sessions.get(&locked.holder)?.transaction;
        Some((transaction, row, locked.waiters.front()?.session == session))
    }

    /// What a session waits for.
    #[must_use]
    pub fn waits_for(&self, session: u32) -> Option<Awaited> {
        self.sessions.get(&session)?.waits_for
    }

    /// The session that has the row for which a session waits, or the first that keeps it from its table.
    #[must_use]
    pub fn holder_before(&self, session: u32) -> Option<u32> {
        match self.sessions.get(&session)?.waits_for? {
            Awaited::Row(row) => self.rows.get(&row).map(|row| row.holder),
            Awaited::Table { table, mode } => self.first_before(session, table, mode),
        }
    }

    /// Whether a session asked for a row without a statement.
    #[must_use]
    pub fn is_outside(&self, session: u32) -> bool {
        self.outside.contains(&session)
    }

    /// The statements that wait, in the order of rows and then of tables; sessions without one included.
    pub fn waiters(&self) -> impl Iterator<Item = FrameRef> + '_ {
        let for_rows = self.rows.values().flat_map(|row| &row.waiters).map(|waiter| waiter.frame);
        for_rows.chain(self.tables.values().flat_map(|table| &table.waiters).map(|waiter| waiter.frame))
    }

    /// Sessions that wait.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.next + self.queued + self.for_tables
    }

    /// What metrics report.
    #[must_use]
    pub fn readings(&self) -> Readings {
        let of_rows =
            |session: &&Session| !session.held.is_empty() || matches!(session.waits_for, Some(Awaited::Row(_)));
        Readings {
            holding: self.holding,
            sessions: self.sessions.values().filter(of_rows).count() as u32,
            next: self.next,
            queued: self.queued,
            for_tables: self.for_tables,
        }
    }

    /// The row is the session's from now on.
    fn take(&mut self, session: u32, row: RowId) {
        let entry = self.sessions.entry(session).or_default();
        entry.waits_for = None;
        self.holding += u32::from(entry.held.is_empty());
        entry.held.push(row);
        if entry.transaction == 0 {
            self.transactions += 1;
            entry.transaction = self.transactions;
        }
    }

    /// Whoever is first among the waiters now is next.
    fn promote(&mut self, now: Time, row: RowId, out: &mut Vec<Turn>) {
        let Some(first) = self.rows.get_mut(&row).and_then(|row| row.waiters.front_mut()) else {
            self.next -= 1;
            return;
        };
        out.push(Turn::Next { frame: first.frame, since: first.since, row: row.number });
        first.since = now;
        self.queued -= 1;
    }

    /// Checks the invariants, where debug assertions are on.
    fn check(&self) {
        debug_assert_eq!(
            self.queued as usize,
            self.rows.values().map(|row| row.waiters.len().saturating_sub(1)).sum::<usize>(),
            "all but the first of those that wait for a row are queued"
        );
        debug_assert_eq!(
            self.next as usize,
            self.rows.values().filter(|row| !row.waiters.is_empty()).count(),
            "the first of those that wait for a row is next"
        );
        debug_assert_eq!(
            self.holding as usize,
            self.sessions.values().filter(|session| !session.held.is_empty()).count(),
            "whoever holds a row is counted"
        );
        debug_assert!(
            self.rows.iter().all(|(row, locked)| self.sessions[&locked.holder].held.contains(row)),
            "the holder of a row knows of it"
        );
    }
}

#[cfg(test)]
mod tests;
