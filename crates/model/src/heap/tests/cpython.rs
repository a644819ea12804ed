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

#[test]
fn millions_of_collections_are_told_as_a_few() {
    let mut heap = Heap::cpython(&CPython { object_bytes: 50, thresholds: [1, 1, 1], ..config() });
    let outcome = heap.churn(Time::ZERO, 1 << 30);
    assert!(outcome.collections.len() < 300, "{}", outcome.collections.len());
    let told: u64 = outcome.collections.iter().map(|collection| collection.times).sum();
    assert!(told > 20_000_000, "{told}");
    assert_eq!(heap.live(), 0);
}

/// Objects one by one, by the rules of `gcmodule.c`.
#[derive(Default)]
struct Naive {
    thresholds: [u64; 3],
    /// Objects in each generation.
    generations: [u64; 3],
    /// Allocations less frees since a collection of generation 0, then collections of each since one of the next.
    counts: [u64; 3],
    long_lived_total: u64,
    long_lived_pending: u64,
    live: u64,
    peak: u64,
    /// Collections of each generation, and objects that they examined.
    collected: [(u64, u64); 3],
}

impl Naive {
    fn new(config: &CPython) -> Self {
        let base = config.base / config.object_bytes;
        Self {
            thresholds: config.thresholds.map(u64::from),
            generations: [0, 0, base],
            long_lived_total: base,
            live: base,
            peak: base,
            ..Self::default()
        }
    }

    fn allocate(&mut self, objects: u64) {
        for _ in 0..objects {
            if self.counts[0] >= self.thresholds[0] {
                self.collect();
            }
            self.counts[0] += 1;
            self.generations[0] += 1;
            self.live += 1;
            self.peak = self.peak.max(self.live);
        }
    }

    fn free(&mut self, objects: u64) {
        for _ in 0..objects {
            let youngest =
                self.generations.iter_mut().find(|objects| **objects > 0).expect("only what is there is freed");
            *youngest -= 1;
            self.counts[0] = self.counts[0].saturating_sub(1);
            self.live -= 1;
        }
    }

    fn collect(&mut self) {
        let oldest = self.counts[2] > self.thresholds[2] && self.long_lived_pending > self.long_lived_total / 4;
        let generation = if oldest { 2 } else { usize::from(self.counts[1] > self.thresholds[1]) };
        let examined: u64 = self.generations[..=generation].iter().sum();
        self.collected[generation].0 += 1;
        self.collected[generation].1 += examined;
        self.counts[..=generation].fill(0);
        self.generations[..=generation].fill(0);
        match generation {
            2 => {
                self.generations[2] = examined;
                (self.long_lived_total, self.long_lived_pending) = (examined, 0);
            }
            younger => {
                self.generations[younger + 1] += examined;
                self.counts[younger + 1] += 1;
                self.long_lived_pending += if younger == 1 { examined } else { 0 };
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn as_objects_one_by_one(
        thresholds in (1..6u32, 0..4u32, 0..4u32),
        base in 0..3000u64,
        steps in prop::collection::vec((0..3usize, 0..5u8, prop_oneof![0..20u64, 0..900u64, 0..60_000u64]), 0..30),
    ) {
        // As many as fit into what lives at a time while objects churn.
        let bytes = 8;
        let config = CPython { base: base * bytes, object_bytes: bytes, thresholds: thresholds.into(), ..config() };
        let (mut heap, mut naive) = (Heap::cpython(&config), Naive::new(&config));
        let (mut shares, mut held, mut retained) = ([Share::default(); 3], [0u64; 3], base);
        for (frame, operation, objects) in steps {
            let before = naive.collected;
            let outcome = match operation {
                0 => {
                    naive.allocate(objects);
                    held[frame] += objects;
                    heap.allocate(Time::ZERO, &mut shares[frame], objects * bytes)
                }
                1 => {
                    naive.allocate(objects);
                    retained += objects;
                    heap.retain(Time::ZERO, objects * bytes)
                }
                2 => {
                    let mut left = objects;
                    while left > 0 {
                        let piece = left.min((128 << 10) / bytes);
                        naive.allocate(piece);
                        naive.free(piece);
                        left -= piece;
                    }
                    heap.churn(Time::ZERO, objects * bytes)
                }
                3 => {
                    let dropped = objects.min(retained);
                    naive.free(dropped);
                    retained -= dropped;
                    heap.discard(objects * bytes);
                    Outcome::default()
                }
                _ => {
                    naive.free(std::mem::take(&mut held[frame]));
                    heap.release(&mut shares[frame]);
                    Outcome::default()
                }
            };
            prop_assert!(outcome.collections.len() <= 256 + 3);
            for generation in 0..3u8 {
                let kind = CollectionKind::Generation(generation);
                let (count, examined) = naive.collected[usize::from(generation)];
                let (counted, paused) = (heap.collections(kind).count, heap.collections(kind).paused);
                prop_assert_eq!((counted, paused), (count, Duration::from_nanos(examined * 50)));
                let told = outcome.collections.iter().filter(|collection| collection.kind == kind);
                let told = told.fold((0, 0), |(times, ns), told| (times + told.times, ns + told.pause.as_nanos()));
                let (count_before, examined_before) = before[usize::from(generation)];
                prop_assert_eq!(told, (count - count_before, (examined - examined_before) * 50));
            }
            prop_assert_eq!((heap.live(), heap.resident()), (naive.live * bytes, naive.peak * bytes));
        }
    }

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
