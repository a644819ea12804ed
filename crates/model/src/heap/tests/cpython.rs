//! CPython: what resides only grows, and generations are examined by the rules of `gcmodule.c`.

use super::super::{Heap, Outcome, Share};
use crate::blueprint::CPython;
use crate::record::CollectionKind;
use knockon_kernel::{Duration, Time};
use proptest::prelude::*;

const OBJECT: u64 = 500;

fn config() -> CPython {
    CPython { base: 0, object_bytes: OBJECT, thresholds: [700, 10, 10], per_object: Duration::from_nanos(50) }
}

fn generations(outcome: &Outcome) -> impl Iterator<Item = u8> + '_ {
    outcome.collections.iter().map(|collection| match collection.kind {
        CollectionKind::Generation(generation) => generation,
        kind => panic!("{kind:?} is not CPython's"),
    })
}

#[test]
fn generations_take_turns() {
    let mut heap = Heap::cpython(&config());
    let outcome = heap.retain(Time::ZERO, 700 * OBJECT * 133 + 1);
    let seen: Vec<_> = generations(&outcome).collect();
    let expected = (1..=133).map(|turn| match turn {
        133 => 2,
        turn if turn % 12 == 0 => 1,
        _ => 0,
    });
    assert_eq!(seen, expected.collect::<Vec<_>>());
    let pauses: Vec<_> = outcome.collections.iter().map(|collection| collection.pause).collect();
    assert_eq!(pauses[0], Duration::from_nanos(50 * 700));
    assert_eq!(pauses[11], Duration::from_nanos(50 * 700 * 12));
    assert_eq!(pauses[132], Duration::from_nanos(50 * 700 * 133));
    assert_eq!(heap.collections(CollectionKind::Generation(1)).count, 11);
}

#[test]
fn all_is_examined_only_when_it_has_grown_by_a_quarter() {
    let mut heap = Heap::cpython(&config());
    let mut lives = Vec::new();
    for _ in 0..200_000 {
        let outcome = heap.retain(Time::ZERO, 10 * OBJECT);
        lives.extend(generations(&outcome).filter(|generation| *generation == 2).map(|_| heap.live()));
    }
    assert!(lives.len() > 5);
    assert!(lives.windows(2).all(|pair| pair[1] * 4 > pair[0] * 5), "{lives:?}");
}

#[test]
fn what_is_freed_at_once_is_never_examined() {
    let mut heap = Heap::cpython(&config());
    for _ in 0..10_000 {
        let mut share = Share::default();
        assert!(heap.allocate(Time::ZERO, &mut share, 600 * OBJECT).is_quiet());
        heap.release(&mut share);
    }
    assert_eq!((heap.live(), heap.resident()), (0, 600 * OBJECT));
}

#[test]
fn a_threshold_of_zero_switches_the_collector_off() {
    let mut heap = Heap::cpython(&CPython { thresholds: [0, 10, 10], ..config() });
    assert!(heap.retain(Time::ZERO, 1 << 30).is_quiet());
}

proptest! {
    #[test]
    fn resident_is_the_high_water_mark(
        calls in prop::collection::vec((0..4usize, 0..4u8, 0..2_000_000u64), 0..200),
        base in 0..50_000_000u64,
    ) {
        let mut heap = Heap::cpython(&CPython { base, ..config() });
        let mut shares = [Share::default(); 4];
        let (mut held, mut retained, mut peak) = ([0u64; 4], base, base);
        for (frame, operation, bytes) in calls {
            match operation {
                0 | 1 => {
                    let outcome = heap.allocate(Time::ZERO, &mut shares[frame], bytes);
                    prop_assert!(outcome.out_of_memory.is_none());
                    held[frame] += bytes;
                }
                2 => {
                    heap.retain(Time::ZERO, bytes / 4);
                    retained += bytes / 4;
                }
                _ => {
                    heap.release(&mut shares[frame]);
                    heap.discard(bytes);
                    held[frame] = 0;
                    retained -= bytes.min(retained);
                }
            }
            let live = retained + held.iter().sum::<u64>();
            peak = peak.max(live);
            prop_assert_eq!(heap.live(), live);
            prop_assert_eq!(heap.resident(), peak);
        }
    }
}
