//! Tables and deadlocks beside lists that are searched from end to end, and circles that are looked for in all orders of queues.

use super::super::*;
use super::{at, frame, row};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SESSIONS: u32 = 6;
const TABLES: u32 = 2;
const ROWS: u32 = 2;

/// Table 13.2 of PostgreSQL's manual: "X" where two modes exclude each other, from ACCESS SHARE to ACCESS EXCLUSIVE.
const MANUAL: [&str; 8] =
    [".......X", "......XX", "....XXXX", "...XXXXX", "..XX.XXX", "..XXXXXX", ".XXXXXXX", "XXXXXXXX"];

fn excludes(a: LockMode, b: LockMode) -> bool {
    MANUAL[a as usize].as_bytes()[b as usize] == b'X'
}

#[test]
fn modes_exclude_each_other_as_the_manual_says() {
    for a in LockMode::ALL {
        for b in LockMode::ALL {
            assert_eq!(a.excludes(b), excludes(a, b), "{a:?} and {b:?}");
            assert_eq!(a.excludes(b), b.excludes(a), "{a:?} and {b:?}");
        }
    }
}

fn table(locks: &mut Locks, time: u64, session: u32, mode: LockMode) -> Request {
    locks.request_table(at(time), session, frame(session), 0, mode)
}

fn ended(locks: &mut Locks, time: u64, session: u32) -> Vec<u32> {
    let mut out = Vec::new();
    locks.end(at(time), session, &mut out);
    out.iter().map(slot).collect()
}

fn slot(turn: &Turn) -> u32 {
    match turn {
        Turn::Granted { frame, .. } | Turn::Next { frame, .. } | Turn::Table { frame, .. } => frame.slot,
    }
}

#[test]
fn readers_wait_behind_one_that_waits_to_alter_the_table_and_go_on_together() {
    let mut locks = Locks::of_things(2);
    use LockMode::{AccessExclusive, AccessShare};
    assert_eq!(table(&mut locks, 0, 1, AccessShare), Request::Granted, "a long report");
    assert_eq!(table(&mut locks, 1, 2, AccessShare), Request::Granted);
    assert_eq!(table(&mut locks, 2, 3, AccessExclusive), Request::Queued, "ALTER TABLE");
    assert_eq!(table(&mut locks, 3, 4, AccessShare), Request::Queued, "it excludes nobody who has the table");
    assert_eq!(table(&mut locks, 4, 5, AccessShare), Request::Queued);
    assert_eq!((locks.holder_before(3), locks.holder_before(4)), (Some(1), Some(3)));
    assert!(ended(&mut locks, 5, 2).is_empty());
    assert_eq!(ended(&mut locks, 6, 1), [3]);
    assert_eq!(locks.of_mode(AccessShare), 2);
    assert_eq!(ended(&mut locks, 7, 3), [4, 5]);
    assert_eq!(locks.waiting(), 0);
}

#[test]
fn when_the_one_that_waits_to_alter_the_table_gives_up_readers_go_on() {
    let mut locks = Locks::of_things(2);
    use LockMode::{AccessExclusive, AccessShare};
    table(&mut locks, 0, 1, AccessShare);
    table(&mut locks, 1, 2, AccessExclusive);
    table(&mut locks, 2, 3, AccessShare);
    let mut out = Vec::new();
    locks.leave(at(9), 2, &mut out);
    assert_eq!(out, [Turn::Table { frame: frame(3), since: at(2), table: 0, mode: AccessShare }]);
}

#[test]
fn two_that_lock_rows_crosswise_are_found_by_the_one_that_looks() {
    let mut locks = Locks::of_things(2);
    let mut out = Vec::new();
    for session in [1, 2] {
        assert_eq!(locks.request(at(0), session, frame(session), row(session)), Request::Granted);
    }
    locks.request(at(1), 1, frame(1), row(2));
    assert_eq!(locks.look_for_deadlock(1, &mut out), None, "the other one does not wait yet");
    locks.request(at(2), 2, frame(2), row(1));
    let edge = |session, row, blocker, transaction| Edge {
        session,
        awaited: Awaited::Row(row),
        next: true,
        blocker,
        transaction,
    };
    let circle = locks.look_for_deadlock(2, &mut out);
    assert_eq!(circle, Some(vec![edge(2, row(1), 1, 1), edge(1, row(2), 2, 2)]));
    assert_eq!(ended(&mut locks, 3, 2), [1], "the victim's rows go on");
    assert_eq!(locks.look_for_deadlock(1, &mut out), None);
    assert_eq!(locks.deadlocks(), 1);
}

#[test]
fn a_circle_over_a_place_in_a_queue_is_broken_by_changing_the_order() {
    let mut locks = Locks::of_things(3);
    use LockMode::{AccessExclusive, AccessShare};
    table(&mut locks, 0, 1, AccessShare);
    locks.request(at(0), 3, frame(3), row(0));
    table(&mut locks, 1, 2, AccessExclusive);
    table(&mut locks, 2, 3, AccessShare);
    locks.request(at(3), 1, frame(1), row(0));
    // 1 waits for 3, which waits behind 2, which waits for 1.
    let mut out = Vec::new();
    assert_eq!(locks.look_for_deadlock(1, &mut out), None);
    assert_eq!(out, [Turn::Table { frame: frame(3), since: at(2), table: 0, mode: AccessShare }]);
    assert_eq!(ended(&mut locks, 4, 3), [1]);
    assert_eq!(ended(&mut locks, 5, 1), [2]);
}

#[test]
fn two_that_have_a_table_and_want_it_in_a_stronger_mode_do_not_wait_for_each_other() {
    let mut locks = Locks::of_things(2);
    use LockMode::{RowExclusive, Share};
    table(&mut locks, 0, 1, Share);
    table(&mut locks, 0, 2, Share);
    assert_eq!(table(&mut locks, 1, 1, RowExclusive), Request::Queued);
    assert_eq!(table(&mut locks, 2, 2, RowExclusive), Request::Deadlock { with: 1 });
    assert_eq!(ended(&mut locks, 3, 2), [1]);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Row { session: u32, row: u32 },
    Table { session: u32, table: u32, mode: LockMode },
    Leave { session: u32 },
    End { session: u32 },
    Look { session: u32 },
}

fn act() -> impl Strategy<Value = Act> {
    let session = || 1..=SESSIONS;
    prop_oneof![
        4 => (session(), 0..ROWS).prop_map(|(session, row)| Act::Row { session, row }),
        6 => (session(), 0..TABLES, 0..8usize)
            .prop_map(|(session, table, mode)| Act::Table { session, table, mode: LockMode::ALL[mode] }),
        1 => session().prop_map(|session| Act::Leave { session }),
        2 => session().prop_map(|session| Act::End { session }),
        3 => session().prop_map(|session| Act::Look { session }),
    ]
}

/// Everything in lists: who has what, and who waits for what in which order.
#[derive(Clone, Default, Debug)]
struct Naive {
    held: Vec<(u32, u32, LockMode)>,
    queues: BTreeMap<u32, Vec<(u32, LockMode)>>,
    /// For each row, its holder and then who waits.
    rows: BTreeMap<u32, Vec<u32>>,
}

impl Naive {
    fn waits(&self, session: u32) -> bool {
        self.queues.values().any(|queue| queue.iter().any(|&(other, _)| other == session))
            || self.rows.values().any(|list| list[1..].contains(&session))
    }

    fn is_kept_out(&self, table: u32, session: u32, mode: LockMode) -> bool {
        self.held.iter().any(|&(other, of, held)| of == table && other != session && excludes(mode, held))
    }

    fn ask(&mut self, session: u32, table: u32, mode: LockMode) -> Option<Request> {
        if self.held.contains(&(session, table, mode)) {
            return Some(Request::Granted);
        }
        let queue = self.queues.get(&table).cloned().unwrap_or_default();
        let keeps_out = |other: LockMode| {
            self.held.iter().any(|&(holder, of, held)| of == table && holder == session && excludes(other, held))
        };
        // The first that waits for this session: it goes before that one.
        let place = queue.iter().position(|&(_, wanted)| keeps_out(wanted)).unwrap_or(queue.len());
        if let Some(&(other, _)) = queue.get(place)
            && self.held.iter().any(|&(holder, of, held)| holder == other && of == table && excludes(mode, held))
        {
            return Some(Request::Deadlock { with: other });
        }
        let behind = queue[..place].iter().any(|&(_, wanted)| excludes(mode, wanted));
        if !behind && !self.is_kept_out(table, session, mode) {
            self.held.push((session, table, mode));
            return Some(Request::Granted);
        }
        self.queues.entry(table).or_default().insert(place, (session, mode));
        Some(Request::Queued)
    }

    /// Lets go on whoever can, again and again from the front.
    fn settle(&mut self) {
        for table in 0..TABLES {
            loop {
                let queue = self.queues.get(&table).cloned().unwrap_or_default();
                let can = |n: usize| {
                    let (session, mode) = queue[n];
                    !queue[..n].iter().any(|&(_, ahead)| excludes(mode, ahead))
                        && !self.is_kept_out(table, session, mode)
                };
                let Some(n) = (0..queue.len()).find(|&n| can(n)) else { break };
                let (session, mode) = queue[n];
                self.queues.get_mut(&table).unwrap().remove(n);
                self.held.push((session, table, mode));
            }
        }
    }

    fn leave(&mut self, session: u32) {
        self.queues.values_mut().for_each(|queue| queue.retain(|&(other, _)| other != session));
        for list in self.rows.values_mut() {
            let holder = list[0];
            list.retain(|&other| other == holder || other != session);
        }
        self.settle();
    }

    fn end(&mut self, session: u32) {
        self.held.retain(|&(other, ..)| other != session);
        self.rows.values_mut().for_each(|list| list.retain(|&other| other != session));
        self.rows.retain(|_, list| !list.is_empty());
        self.leave(session);
    }

    /// Whom each session waits for; without places in queues only those who have what it wants.
    fn edges(&self, places: bool) -> Vec<(u32, u32)> {
        let mut edges = Vec::new();
        for list in self.rows.values() {
            // The first who waits has the tuple lock.
            for (n, &session) in list.iter().enumerate().skip(1) {
                edges.push((session, list[usize::from(n > 1)]));
            }
        }
        for (&table, queue) in &self.queues {
            for (n, &(session, mode)) in queue.iter().enumerate() {
                let holders = self
                    .held
                    .iter()
                    .filter(|&&(other, of, held)| of == table && other != session && excludes(mode, held));
                edges.extend(holders.map(|&(other, ..)| (session, other)));
                if places {
                    let ahead = queue[..n].iter().filter(|&&(_, wanted)| excludes(mode, wanted));
                    edges.extend(ahead.map(|&(other, _)| (session, other)));
                }
            }
        }
        edges
    }

    fn is_in_circle(&self, session: u32, places: bool) -> bool {
        let edges = self.edges(places);
        let mut reached = vec![session];
        let mut next = 0;
        while let Some(&from) = reached.get(next) {
            next += 1;
            for &(_, to) in edges.iter().filter(|&&(of, _)| of == from) {
                if to == session {
                    return true;
                }
                if !reached.contains(&to) {
                    reached.push(to);
                }
            }
        }
        false
    }

    /// Whether in some order of all queues neither the session nor anybody who is moved is in a circle.
    fn can_be_saved(&self, session: u32) -> bool {
        let orders = self.queues.iter().map(|(&table, queue)| (table, permutations(queue)));
        let orders: Vec<_> = orders.collect();
        let mut chosen = vec![0; orders.len()];
        loop {
            let mut other = self.clone();
            let mut moved = vec![session];
            for ((table, orders), &n) in orders.iter().zip(&chosen) {
                other.queues.insert(*table, orders[n].clone());
                let before = &self.queues[table];
                let place = |list: &[(u32, LockMode)], who: u32| list.iter().position(|&(session, _)| session == who);
                for &(a, _) in before {
                    for &(b, _) in before {
                        let flipped =
                            (place(before, a) < place(before, b)) != (place(&orders[n], a) < place(&orders[n], b));
                        if a != b && flipped {
                            moved.extend([a, b]);
                        }
                    }
                }
            }
            if moved.iter().all(|&session| !other.is_in_circle(session, true)) {
                return true;
            }
            let Some(turn) = (0..orders.len()).find(|&n| chosen[n] + 1 < orders[n].1.len()) else { return false };
            chosen[turn] += 1;
            chosen[..turn].fill(0);
        }
    }
}

fn permutations<T: Copy>(of: &[T]) -> Vec<Vec<T>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for n in 0..of.len() {
        let mut rest = of.to_vec();
        let first = rest.remove(n);
        all.extend(permutations(&rest).into_iter().map(|mut order| {
            order.insert(0, first);
            order
        }));
    }
    all
}

/// The naive lists as the machine has them.
fn taken_from(locks: &Locks) -> Naive {
    let mut naive = Naive::default();
    for (&table, locked) in &locks.tables {
        for &(session, modes) in &locked.holders {
            naive
                .held
                .extend(LockMode::ALL.into_iter().filter(|&mode| modes.has(mode)).map(|mode| (session, table, mode)));
        }
        naive.queues.insert(table, locked.waiters.iter().map(|waiter| (waiter.session, waiter.mode)).collect());
    }
    for (row, locked) in &locks.rows {
        let list = std::iter::once(locked.holder).chain(locked.waiters.iter().map(|waiter| waiter.session));
        naive.rows.insert(row.number, list.collect());
    }
    naive
}

/// In an order of its own, so that two can be compared.
fn sorted(mut naive: Naive) -> Naive {
    naive.held.sort_unstable();
    naive.queues.retain(|_, queue| !queue.is_empty());
    naive
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn tables_and_rows_change_hands_as_in_lists_and_circles_are_those_that_no_order_breaks(
        acts in prop::collection::vec(act(), 1..80)
    ) {
        let (mut locks, mut naive) = (Locks::of_things(2), Naive::default());
        for (time, act) in (0u64..).zip(acts) {
            let mut out = Vec::new();
            match act {
                Act::Row { session, row: number } => {
                    if naive.waits(session) {
                        continue;
                    }
                    locks.request(at(time), session, frame(session), row(number));
                    let list = naive.rows.entry(number).or_default();
                    if list.first() != Some(&session) {
                        list.push(session);
                    }
                }
                Act::Table { session, table, mode } => {
                    if naive.waits(session) {
                        continue;
                    }
                    let got = locks.request_table(at(time), session, frame(session), table, mode);
                    prop_assert_eq!(Some(got), naive.ask(session, table, mode));
                }
                Act::Leave { session } => {
                    locks.leave(at(time), session, &mut out);
                    naive.leave(session);
                }
                Act::End { session } => {
                    locks.end(at(time), session, &mut out);
                    naive.end(session);
                }
                Act::Look { session } => {
                    if !naive.waits(session) {
                        continue;
                    }
                    let circle = locks.look_for_deadlock(session, &mut out);
                    let doomed = naive.is_in_circle(session, false) || !naive.can_be_saved(session);
                    prop_assert_eq!(circle.is_some(), doomed, "{:?}", naive);
                    if let Some(circle) = circle {
                        let edges = naive.edges(true);
                        prop_assert_eq!(circle[0].session, session);
                        for (n, edge) in circle.iter().enumerate() {
                            prop_assert_eq!(edge.blocker, circle[(n + 1) % circle.len()].session);
                            prop_assert!(edges.contains(&(edge.session, edge.blocker)));
                        }
                        locks.end(at(time), session, &mut out);
                        naive.end(session);
                    } else {
                        let found = taken_from(&locks);
                        prop_assert!(!found.is_in_circle(session, true), "{:?}", found);
                        if out.is_empty() {
                            let same = |naive: &Naive| {
                                let mut queues = naive.queues.clone();
                                queues.values_mut().for_each(|queue| queue.sort_unstable());
                                queues
                            };
                            prop_assert_eq!(same(&sorted(found.clone())), same(&sorted(naive.clone())));
                        }
                        // Which of several orders it takes is its own affair.
                        naive = found;
                    }
                }
            }
            let (found, expected) = (sorted(taken_from(&locks)), sorted(naive.clone()));
            prop_assert_eq!(&found.held, &expected.held);
            prop_assert_eq!(&found.queues, &expected.queues);
            prop_assert_eq!(&found.rows, &expected.rows);
            for &(a, table, mode) in &found.held {
                prop_assert!(!found.is_kept_out(table, a, mode), "{:?}", found);
            }
            let waiting: usize = found.queues.values().map(Vec::len).sum();
            prop_assert_eq!(locks.readings().for_tables as usize, waiting);
        }
    }
}
