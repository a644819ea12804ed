use super::*;
use proptest::prelude::*;

const PROCESS: u32 = 3;

fn frame(slot: u32, generation: u32) -> FrameRef {
    FrameRef { slot, generation: 2 * generation + 1 }
}

fn place(key: u32) -> Place {
    Place { process: PROCESS, keyspace: 1, key }
}

fn load(of: FrameRef, key: u32, fills: bool) -> Load {
    Load::new(of, place(key), 0, fills, Key::new(1), Key::new(2))
}

#[test]
fn a_frame_of_another_time_finds_nothing() {
    let mut loads = Loads::default();
    let (now, before) = (frame(7, 2), frame(7, 1));
    loads.begin(load(now, 0, false), true);
    loads.wait(before, frame(1, 0));
    assert!(!loads.leave(before, frame(1, 0)));
    assert_eq!((loads.end(before), loads.get(before)), (None, None));
    assert_eq!(loads.of(place(0)), Some(now));
    assert!(loads.end(now).is_some());
    assert_eq!(loads.of(place(0)), None);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Miss { key: u32, shares: bool, fills: bool },
    Refresh { key: u32 },
    Leave { nth: usize },
    Part { nth: usize },
    End { nth: usize },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..4u32, any::<bool>(), any::<bool>()).prop_map(|(key, shares, fills)| Act::Miss { key, shares, fills }),
        1 => (0..4u32).prop_map(|key| Act::Refresh { key }),
        3 => (0..9usize).prop_map(|nth| Act::Leave { nth }),
        1 => (0..9usize).prop_map(|nth| Act::Part { nth }),
        3 => (0..9usize).prop_map(|nth| Act::End { nth }),
    ]
}

/// A load as a naive list has it.
#[derive(Clone, Debug)]
struct Naive {
    frame: FrameRef,
    key: u32,
    fills: bool,
    joined: bool,
    waiters: Vec<FrameRef>,
}

proptest! {
    #[test]
    fn as_a_list_of_loads(acts in prop::collection::vec(act(), 1..150)) {
        let mut loads = Loads::default();
        let mut naive: Vec<Naive> = Vec::new();
        for (number, act) in acts.into_iter().enumerate() {
            let (newcomer, waiter) = (frame(number as u32, 0), frame(1_000 + number as u32, 0));
            match act {
                Act::Miss { key, shares, fills } => {
                    let known = naive.iter_mut().find(|load| load.key == key && load.joined);
                    prop_assert_eq!(loads.of(place(key)), known.as_ref().map(|load| load.frame));
                    match known {
                        Some(load) if shares => {
                            load.waiters.push(waiter);
                            loads.wait(load.frame, waiter);
                        }
                        known => {
                            let joined = shares && known.is_none();
                            loads.begin(load(newcomer, key, fills), joined);
                            loads.wait(newcomer, waiter);
                            naive.push(Naive { frame: newcomer, key, fills, joined, waiters: vec![waiter] });
                        }
                    }
                }
                Act::Refresh { key } => {
                    if !naive.iter().any(|load| load.key == key && load.joined) {
                        loads.begin(load(newcomer, key, true), true);
                        naive.push(Naive { frame: newcomer, key, fills: true, joined: true, waiters: Vec::new() });
                    }
                }
                Act::Leave { nth } => {
                    let mut waiting = naive.iter_mut().filter(|load| !load.waiters.is_empty());
                    if let Some(load) = waiting.nth(nth) {
                        let waiter = load.waiters.remove(nth % load.waiters.len());
                        prop_assert_eq!(loads.leave(load.frame, waiter), load.waiters.is_empty() && !load.fills);
                        prop_assert!(!loads.leave(load.frame, waiter), "nobody leaves twice");
                    }
                }
                Act::Part { nth } => {
                    if let Some(load) = naive.get_mut(nth) {
                        load.joined = false;
                        loads.part(load.frame);
                    }
                }
                Act::End { nth } => {
                    if nth < naive.len() {
                        let expected = naive.remove(nth);
                        let ended = loads.end(expected.frame).expect("it is under way");
                        prop_assert!(ended.waiters.into_iter().eq(expected.waiters), "in the order in which they came");
                        prop_assert_eq!(loads.end(expected.frame), None);
                    }
                }
            }
            prop_assert_eq!(loads.iter().count(), naive.len());
            for load in &naive {
                prop_assert_eq!(loads.is_wanted(load.frame), load.fills || !load.waiters.is_empty());
            }
            prop_assert_eq!(loads.shared.len(), naive.iter().filter(|load| load.joined).count());
        }
    }
}
