//! Deadlocks: sessions that wait for each other in a circle, found by one of them when it has waited for `deadlock_timeout`.
//!
//! As PostgreSQL's `deadlock.c` has it. A waiting session waits for those who have what it wants in a mode that excludes its own (hard), and for
//! those before it in the queue whose modes do (soft). A circle with a soft edge can be broken by letting the one behind go before: orders of
//! queues are tried until none of those who are moved, nor the one that looks, is in a circle. If there is no such order the session that looks is the
//! victim. Of a row the first who waits has the tuple lock, so all others wait for it hard, and to change their order breaks no circle.
//!
//! Left out: the line that is logged when a queue was rearranged; parallel workers, which share locks; and that autovacuum gives way.

use super::{Awaited, Locks, Turn};
use std::collections::{BTreeMap, BTreeSet};

/// One session that waits for another, of a circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who waits.
    pub session: u32,
    /// For what.
    pub awaited: Awaited,
    /// Whether it is the first who waits for a row, and so for the holder's transaction.
    pub next: bool,
    /// Who has it, or comes before.
    pub blocker: u32,
    /// The transaction of the blocker, 0 where it has none.
    pub transaction: u32,
}

/// In a table's queue one that waits is to go before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Before {
    table: u32,
    waiter: u32,
    blocker: u32,
}

/// Orders of queues that are tried.
type Orders = BTreeMap<u32, Vec<u32>>;

/// Sessions in a circle, and the soft edges among theirs.
struct Circle {
    sessions: Vec<u32>,
    soft: Vec<Before>,
}

/// What an order of queues leads to.
enum Verdict {
    /// No circle.
    Fine,
    /// A circle that other orders may break, at one of these.
    Soft(Vec<Before>),
    /// A circle for good, or no order.
    Hard,
}

impl Locks {
    /// Looks whether a session waits in a circle. Returns who waits for whom in it if the session must give way; else it is not in one, or
    /// queues have been rearranged so that it is in none, and `out` says who has got what by that.
    pub fn look_for_deadlock(&mut self, session: u32, out: &mut Vec<Turn>) -> Option<Vec<Edge>> {
        let circle = self.circle(session, &Orders::new())?;
        let mut wanted = Vec::new();
        if self.is_doomed(session, &mut wanted) {
            self.deadlocks += 1;
            let blockers = circle.sessions.iter().cycle().skip(1);
            return Some(
                circle.sessions.iter().zip(blockers).map(|(&session, &other)| self.edge(session, other)).collect(),
            );
        }
        for (table, order) in self.orders(&wanted).unwrap_or_default() {
            if let Some(locked) = self.tables.get_mut(&table) {
                let place = |session: u32| order.iter().position(|&other| other == session);
                locked.waiters.make_contiguous().sort_by_key(|waiter| place(waiter.session));
            }
            self.wake(table, out);
        }
        None
    }

    /// The two edges of a circle that a session would close by waiting for a table.
    #[must_use]
    pub fn refused_circle(&self, session: u32, awaited: Awaited, with: u32) -> [Edge; 2] {
        let transaction = |session: u32| self.sessions.get(&session).map_or(0, |session| session.transaction);
        let own = Edge { session, awaited, next: false, blocker: with, transaction: transaction(with) };
        [own, self.edge(with, session)]
    }

    /// Counts a deadlock that was found before anybody waited.
    pub fn note_refused(&mut self) {
        self.deadlocks += 1;
    }

    fn edge(&self, session: u32, blocker: u32) -> Edge {
        let awaited = self.sessions.get(&session).and_then(|session| session.waits_for);
        let awaited = awaited.expect("whoever is in a circle waits for something");
        let next = matches!(awaited, Awaited::Row(row) if self.rows[&row].holder == blocker);
        let transaction = self.sessions.get(&blocker).map_or(0, |session| session.transaction);
        Edge { session, awaited, next, blocker, transaction }
    }

    /// Whether no order of queues leaves a session out of every circle; else `wanted` is what leads to one.
    fn is_doomed(&self, session: u32, wanted: &mut Vec<Before>) -> bool {
        match self.try_out(session, wanted) {
            Verdict::Hard => true,
            Verdict::Fine => false,
            Verdict::Soft(soft) => {
                for edge in soft {
                    wanted.push(edge);
                    if wanted.len() <= self.sessions.len() && !self.is_doomed(session, wanted) {
                        return false;
                    }
                    wanted.pop();
                }
                true
            }
        }
    }

    fn try_out(&self, session: u32, wanted: &[Before]) -> Verdict {
        let Some(orders) = self.orders(wanted) else { return Verdict::Hard };
        let mut soft = Vec::new();
        let moved = wanted.iter().flat_map(|edge| [edge.waiter, edge.blocker]);
        for looked_at in moved.chain([session]) {
            match self.circle(looked_at, &orders) {
                None => {}
                Some(circle) if circle.soft.is_empty() => return Verdict::Hard,
                Some(circle) => soft = circle.soft,
            }
        }
        if soft.is_empty() { Verdict::Fine } else { Verdict::Soft(soft) }
    }

    /// Queues in which everybody goes before whom it is to, and else as they are; none where that cannot be.
    fn orders(&self, wanted: &[Before]) -> Option<Orders> {
        let mut orders = Orders::new();
        for table in wanted.iter().map(|edge| edge.table) {
            if orders.contains_key(&table) {
                continue;
            }
            let mut left: Vec<u32> = self.tables.get(&table)?.waiters.iter().map(|waiter| waiter.session).collect();
            let mut order = Vec::with_capacity(left.len());
            // From the back: whoever has to be before nobody that is left.
            while !left.is_empty() {
                let stays = |&session: &u32| {
                    !wanted
                        .iter()
                        .any(|edge| edge.table == table && edge.waiter == session && left.contains(&edge.blocker))
                };
                let last = left.iter().rposition(stays)?;
                order.push(left.remove(last));
            }
            order.reverse();
            orders.insert(table, order);
        }
        Some(orders)
    }

    /// A circle that a session is in.
    fn circle(&self, session: u32, orders: &Orders) -> Option<Circle> {
        let mut search = Search { locks: self, orders, start: session, seen: BTreeSet::new() };
        let mut circle = Circle { sessions: Vec::new(), soft: Vec::new() };
        search.follow(session, &mut circle).then_some(circle)
    }

    /// For whom a session waits, in orders of queues: those who have what it wants, then those before it, as such.
    fn blockers(&self, session: u32, orders: &Orders) -> Vec<(u32, Option<Before>)> {
        match self.sessions.get(&session).and_then(|session| session.waits_for) {
            None => Vec::new(),
            Some(Awaited::Row(row)) => {
                let locked = &self.rows[&row];
                let first = locked.waiters.front().map(|waiter| waiter.session).filter(|&first| first != session);
                vec![(first.unwrap_or(locked.holder), None)]
            }
            Some(Awaited::Table { table, mode }) => {
                let locked = &self.tables[&table];
                let mut blockers: Vec<_> = locked.excluding(session, mode).map(|holder| (holder, None)).collect();
                let excludes = |other: u32| {
                    locked.waiters.iter().any(|waiter| waiter.session == other && mode.excludes(waiter.mode))
                };
                let own = || locked.waiters.iter().map(|waiter| waiter.session).collect::<Vec<_>>();
                let queue = orders.get(&table).cloned().unwrap_or_else(own);
                let before = queue.into_iter().take_while(|&other| other != session).filter(|&other| excludes(other));
                blockers.extend(before.map(|blocker| (blocker, Some(Before { table, waiter: session, blocker }))));
                blockers
            }
        }
    }
}

struct Search<'l> {
    locks: &'l Locks,
    orders: &'l Orders,
    start: u32,
    seen: BTreeSet<u32>,
}

impl Search<'_> {
    /// Whether a way from a session leads back to the start; it is what `circle` is then.
    fn follow(&mut self, session: u32, circle: &mut Circle) -> bool {
        if !self.seen.insert(session) {
            return session == self.start;
        }
        circle.sessions.push(session);
        for (blocker, soft) in self.locks.blockers(session, self.orders) {
            circle.soft.extend(soft);
            if self.follow(blocker, circle) {
                return true;
            }
            if soft.is_some() {
                circle.soft.pop();
            }
        }
        circle.sessions.pop();
        false
    }
}
