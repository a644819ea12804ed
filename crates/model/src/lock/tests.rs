use super::*;
use proptest::prelude::*;

mod tables;

fn frame(session: u32) -> FrameRef {
    FrameRef { slot: session, generation: 1 }
}

fn row(number: u32) -> RowId {
    RowId { table: 7, number }
}

fn at(ns: u64) -> Time {
    Time::from_nanos(ns)
}

struct Bench(Locks);

impl Bench {
    fn new() -> Self {
        Self(Locks::default())
    }

    fn asks(&mut self, time: u64, session: u32, number: u32) -> Request {
        self.0.request(at(time), session, frame(session), row(number))
    }

    fn ends(&mut self, time: u64, session: u32) -> Vec<Turn> {
        let mut out = Vec::new();
        self.0.end(at(time), session, &mut out);
        out
    }

    fn leaves(&mut self, time: u64, session: u32) -> Vec<Turn> {
        let mut out = Vec::new();
        self.0.leave(at(time), session, &mut out);
        out
    }
}

fn granted(session: u32, since: u64, transaction: u32) -> Turn {
    Turn::Granted { frame: frame(session), since: at(since), transaction }
}

fn next(session: u32, since: u64, row: u32) -> Turn {
    Turn::Next { frame: frame(session), since: at(since), row }
}

#[test]
fn a_row_passes_from_session_to_session_in_the_order_of_asking() {
    let mut bench = Bench::new();
    assert_eq!(bench.asks(0, 1, 0), Request::Granted);
    assert_eq!(bench.asks(1, 1, 0), Request::Granted, "it is its own");
    assert_eq!(bench.asks(2, 2, 0), Request::Next);
    assert_eq!(bench.asks(3, 3, 0), Request::Queued);
    assert_eq!(bench.asks(4, 4, 0), Request::Queued);
    assert_eq!(bench.asks(5, 5, 1), Request::Granted, "another row is free");
    assert_eq!(bench.0.readings(), Readings { holding: 2, sessions: 5, next: 1, queued: 2, for_tables: 0 });
    assert_eq!(bench.ends(10, 1), [granted(2, 2, 1), next(3, 3, 0)]);
    assert_eq!(bench.ends(20, 2), [granted(3, 10, 3), next(4, 4, 0)]);
    assert_eq!(bench.ends(30, 3), [granted(4, 20, 4)]);
    assert_eq!(bench.ends(40, 4), []);
    assert_eq!(bench.asks(41, 6, 0), Request::Granted);
}

#[test]
fn a_wait_has_two_stages_and_the_second_begins_when_the_one_before_leaves() {
    let mut bench = Bench::new();
    bench.asks(0, 1, 0);
    for session in 2..=4 {
        bench.asks(u64::from(session), session, 0);
    }
    assert_eq!(bench.0.awaited(3), Some((1, row(0), false)));
    assert_eq!(bench.leaves(300, 2), [next(3, 3, 0)]);
    assert_eq!(bench.0.awaited(3), Some((1, row(0), true)));
    assert_eq!(bench.leaves(304, 4), [], "one that is queued leaves nobody waiting for another reason");
    assert_eq!(bench.ends(400, 1), [granted(3, 300, 1)]);
    assert_eq!(bench.0.awaited(3), None);
}

#[test]
fn the_end_of_a_transaction_frees_all_of_its_rows_and_its_place_among_the_waiters() {
    let mut bench = Bench::new();
    bench.asks(0, 1, 0);
    bench.asks(0, 2, 1);
    bench.asks(0, 2, 2);
    bench.asks(1, 2, 0);
    bench.asks(2, 3, 2);
    bench.asks(3, 4, 1);
    bench.asks(4, 5, 0);
    assert_eq!(bench.ends(9, 2), [next(5, 4, 0), granted(4, 3, 2), granted(3, 2, 2)]);
    assert_eq!(bench.ends(10, 2), [], "a session without a transaction ends none");
    assert_eq!(bench.ends(11, 1), [granted(5, 9, 1)]);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Ask { session: u32, row: u32 },
    Leave { session: u32 },
    End { session: u32 },
}

/// One list of sessions a row: the first holds it.
#[derive(Default)]
struct Naive(BTreeMap<u32, Vec<u32>>);

impl Naive {
    fn waits(&self, session: u32) -> Option<u32> {
        self.0.iter().find(|(_, list)| list[1..].contains(&session)).map(|(&row, _)| row)
    }

    /// Takes a session out of the lists of some rows; says who got a row and who is next by that.
    fn drop(&mut self, session: u32, rows: impl Fn(&Vec<u32>) -> bool) -> (Vec<u32>, Vec<u32>) {
        let (mut holders, mut nexts) = (Vec::new(), Vec::new());
        for list in self.0.values_mut().filter(|list| list.contains(&session) && rows(list)) {
            let before = (list[0], list.get(1).copied());
            list.retain(|&other| other != session);
            if let Some(&holder) = list.first()
                && holder != before.0
            {
                holders.push(holder);
            }
            if let Some(&next) = list.get(1)
                && Some(next) != before.1
            {
                nexts.push(next);
            }
        }
        self.0.retain(|_, list| !list.is_empty());
        holders.sort_unstable();
        nexts.sort_unstable();
        (holders, nexts)
    }
}

fn split(turns: &[Turn]) -> (Vec<u32>, Vec<u32>) {
    let mut holders: Vec<u32> = Vec::new();
    let mut nexts: Vec<u32> = Vec::new();
    for turn in turns {
        match turn {
            Turn::Granted { frame, .. } => holders.push(frame.slot),
            Turn::Next { frame, .. } => nexts.push(frame.slot),
            Turn::Table { .. } => unreachable!("nobody locks a table here"),
        }
    }
    holders.sort_unstable();
    nexts.sort_unstable();
    (holders, nexts)
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1..8u32, 0..4u32).prop_map(|(session, row)| Act::Ask { session, row }),
        1 => (1..8u32).prop_map(|session| Act::Leave { session }),
        2 => (1..8u32).prop_map(|session| Act::End { session }),
    ]
}

proptest! {
    #[test]
    fn rows_change_hands_as_in_lists_of_sessions(acts in prop::collection::vec(act(), 1..200)) {
        let (mut bench, mut naive) = (Bench::new(), Naive::default());
        for (time, act) in (0u64..).zip(acts) {
            match act {
                Act::Ask { session, row } => {
                    if naive.waits(session).is_some() {
                        continue;
                    }
                    let list = naive.0.entry(row).or_default();
                    let expected = match list.iter().position(|&other| other == session) {
                        Some(_) => Request::Granted,
                        None => {
                            list.push(session);
                            [Request::Granted, Request::Next, Request::Queued][list.len().min(3) - 1]
                        }
                    };
                    prop_assert_eq!(bench.asks(time, session, row), expected);
                }
                Act::Leave { session } => {
                    let row = naive.waits(session);
                    let expected = naive.drop(session, |list| list[0] != session);
                    prop_assert_eq!(split(&bench.leaves(time, session)), expected, "{:?}", row);
                }
                Act::End { session } => {
                    let left = naive.drop(session, |list| list[0] != session);
                    let mut expected = naive.drop(session, |_| true);
                    expected.1.extend(left.1);
                    expected.1.sort_unstable();
                    prop_assert_eq!(split(&bench.ends(time, session)), expected);
                }
            }
            let waiting: usize = naive.0.values().map(|list| list.len() - 1).sum();
            prop_assert_eq!(bench.0.waiting() as usize, waiting);
            for session in 1..8 {
                let row = naive.waits(session);
                prop_assert_eq!(bench.0.awaited(session).map(|(_, row, _)| row.number), row);
            }
        }
    }
}
