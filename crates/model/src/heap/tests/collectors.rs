//! Each collector's rules, one at a time.

use super::super::{Heap, Outcome, Share};
use super::{MIB, jvm};
use crate::blueprint::Collector;
use crate::record::{CollectionCause, CollectionKind};
use knockon_kernel::{Duration, Time};

/// Allocates and drops `bytes` at once.
fn churn(heap: &mut Heap, now: Time, bytes: u64) -> Outcome {
    let mut share = Share::default();
    let outcome = heap.allocate(now, &mut share, bytes);
    heap.release(&mut share);
    outcome
}

fn kinds(outcome: &Outcome) -> Vec<CollectionKind> {
    outcome.collections.iter().map(|collection| collection.kind).collect()
}

/// Churns until a young collection has run.
fn collect_young(heap: &mut Heap) -> Outcome {
    loop {
        let outcome = churn(heap, Time::ZERO, MIB / 4);
        if !outcome.is_quiet() {
            return outcome;
        }
    }
}

#[test]
fn all_but_the_survivor_spaces_is_usable() {
    let mib_of = |collector| Heap::jvm(&jvm(collector)).usable().unwrap() * 10 / MIB;
    assert_eq!(mib_of(Collector::Serial), 1237, "measured: 123.8 MB of 128");
    assert_eq!(mib_of(Collector::G1), 1260, "measured: 126 MB of 128");
}

#[test]
fn what_is_garbage_costs_nothing() {
    for collector in [Collector::Serial, Collector::Parallel, Collector::G1] {
        let config = jvm(collector);
        let mut heap = Heap::jvm(&config);
        for _ in 0..100 {
            let outcome = collect_young(&mut heap);
            assert_eq!(kinds(&outcome), [CollectionKind::Young], "{collector:?}");
            let collection = outcome.collections[0];
            // The allocation that waits is in part there already.
            assert!(collection.after - collection.live_after == 0 && collection.after <= config.base + MIB / 4);
            assert!(collection.pause < Duration::from_micros(1400), "{:?}", collection.pause);
        }
    }
}

#[test]
fn survivors_of_fifteen_collections_are_promoted() {
    let mut heap = Heap::jvm(&jvm(Collector::Serial));
    let mut share = Share::default();
    heap.allocate(Time::ZERO, &mut share, MIB);
    for collection in 1..=15 {
        collect_young(&mut heap);
        assert!((MIB..2 * MIB).contains(&heap.survivor_used()), "after {collection} collections");
        assert_eq!(heap.old_used(), MIB);
    }
    collect_young(&mut heap);
    assert_eq!(heap.old_used(), 2 * MIB);
    heap.release(&mut share);
    assert_eq!((heap.live(), heap.old_used()), (MIB, 2 * MIB), "garbage of the old space waits for a full collection");
}

#[test]
fn survivors_of_half_the_space_are_promoted_at_once_the_second_time() {
    let mut heap = Heap::jvm(&jvm(Collector::Serial));
    let mut share = Share::default();
    heap.allocate(Time::ZERO, &mut share, 3 * MIB);
    collect_young(&mut heap);
    assert_eq!(heap.old_used(), MIB);
    collect_young(&mut heap);
    assert_eq!(heap.old_used(), 4 * MIB);
    assert_eq!(heap.promoted(), 3 * MIB);
}

#[test]
fn what_the_survivor_space_cannot_take_is_promoted() {
    let mut heap = Heap::jvm(&jvm(Collector::Serial));
    heap.retain(Time::ZERO, 10 * MIB);
    collect_young(&mut heap);
    let survivor = heap.maximum().unwrap() - heap.committed();
    assert_eq!(heap.survivor_used(), survivor);
    assert!((MIB + 10 * MIB - survivor..MIB + 11 * MIB - survivor).contains(&heap.old_used()));
}

#[test]
fn serial_refuses_a_young_collection_that_may_not_fit_and_collects_fully() {
    let mut heap = Heap::jvm(&jvm(Collector::Serial));
    let mut full = None;
    for _ in 0..110 {
        let outcome = heap.retain(Time::ZERO, MIB);
        if outcome.collections.iter().any(|collection| collection.kind == CollectionKind::Full) {
            full = Some(outcome);
            break;
        }
    }
    let full = full.expect("110 MiB do not fit into the old space");
    assert_eq!(kinds(&full), [CollectionKind::Young, CollectionKind::Full]);
    let [young, full] = full.collections[..] else { unreachable!() };
    assert_eq!((young.before, young.after), (young.before, young.before));
    assert_eq!(full.cause, CollectionCause::AllocationFailure);
    assert_eq!(full.after, full.live_after);
    // From here on eden is in use after each collection, and no young one is tried.
    let next = heap.retain(Time::ZERO, heap.usable().unwrap() - heap.used() + 1);
    assert!(next.out_of_memory.is_some());
    assert_eq!(kinds(&next), [CollectionKind::Full, CollectionKind::Full]);
}

#[test]
fn parallel_says_ergonomics_and_tries_no_young_collection() {
    let mut heap = Heap::jvm(&jvm(Collector::Parallel));
    loop {
        let outcome = heap.retain(Time::ZERO, MIB);
        if let Some(full) = outcome.collections.iter().find(|collection| collection.kind == CollectionKind::Full) {
            assert_eq!(full.cause, CollectionCause::Ergonomics);
            break;
        }
    }
}

#[test]
fn memory_is_out_only_when_a_full_collection_does_not_help() {
    for collector in [Collector::Serial, Collector::Parallel, Collector::G1] {
        let mut heap = Heap::jvm(&jvm(collector));
        let mut held = Share::default();
        heap.allocate(Time::ZERO, &mut held, 70 * MIB);
        let mut failed = Share::default();
        let outcome = heap.allocate(Time::ZERO, &mut failed, 70 * MIB);
        assert!(outcome.out_of_memory.is_some_and(|out| !out.overhead_limit), "{collector:?}");
        let fulls = outcome.collections.iter().filter(|collection| collection.kind == CollectionKind::Full).count();
        assert!(fulls >= 2, "{collector:?} tries again before it gives up");
        heap.release(&mut failed);
        heap.release(&mut held);
        assert!(heap.allocate(Time::ZERO, &mut failed, 70 * MIB).out_of_memory.is_none(), "{collector:?}");
    }
}

#[test]
fn a_failed_retain_keeps_nothing() {
    let mut heap = Heap::jvm(&jvm(Collector::G1));
    assert!(heap.retain(Time::ZERO, 200 * MIB).out_of_memory.is_some());
    assert_eq!(heap.live(), MIB);
}

#[test]
fn without_pauses_the_same_collections_take_no_time() {
    for collector in [Collector::Serial, Collector::G1] {
        let runs = [1.0, 0.0].map(|scale| {
            let mut heap = Heap::jvm(&jvm(collector));
            heap.set_pause_scale(scale);
            let mut collections = Vec::new();
            for call in 0..3000u64 {
                let mut outcome = churn(&mut heap, Time::ZERO, (call * 7919) % MIB);
                collections.append(&mut outcome.collections);
                let mut outcome = heap.retain(Time::ZERO, 36 << 10);
                collections.append(&mut outcome.collections);
                if outcome.concurrent.is_some() {
                    collections.append(&mut heap.mark_finished(Time::ZERO).collections);
                }
            }
            assert!(collections.len() > 20);
            collections
        });
        let [with, mut without] = runs;
        assert!(with.iter().all(|collection| collection.pause > Duration::ZERO));
        assert!(without.iter().all(|collection| collection.pause == Duration::ZERO));
        without.iter_mut().zip(&with).for_each(|(without, with)| without.pause = with.pause);
        assert_eq!(with, without);
    }
}

#[test]
fn g1_starts_to_mark_after_the_initiating_occupancy() {
    let config = jvm(Collector::G1);
    let threshold = config.maximum / 100 * 45;
    let mut heap = Heap::jvm(&config);
    let mut old_after_young = 0;
    for _ in 0..10_000 {
        let mut outcome = churn(&mut heap, Time::ZERO, MIB / 8);
        if outcome.is_quiet() {
            outcome = heap.retain(Time::ZERO, MIB / 64);
        }
        for collection in &outcome.collections {
            if collection.kind == CollectionKind::ConcurrentStart {
                assert!(old_after_young > threshold);
                let mark = outcome.concurrent.expect("marking begins with it");
                assert_eq!(mark.milli_cores, 1000);
                let live_ms = collection.live_after / MIB * 1000 / 4096;
                assert!(mark.duration >= Duration::from_millis(live_ms));
                assert!(mark.duration <= Duration::from_millis(live_ms + 1));
                let remark = heap.mark_finished(Time::ZERO);
                assert_eq!(kinds(&remark), [CollectionKind::Remark]);
                return;
            }
            assert!(old_after_young <= threshold, "the young collection before asked for it");
            old_after_young = heap.old_used();
        }
    }
    panic!("no marking though {old_after_young} bytes of old space are in use");
}

/// A G1 heap that is half full, and marks.
fn marking() -> Heap {
    let mut heap = Heap::jvm(&jvm(Collector::G1));
    heap.retain(Time::ZERO, 70 * MIB);
    loop {
        if churn(&mut heap, Time::ZERO, MIB / 4).concurrent.is_some() {
            return heap;
        }
    }
}

#[test]
fn remark_frees_what_lies_together_and_mixed_collections_the_rest_down_to_the_waste() {
    let mut heap = Heap::jvm(&jvm(Collector::G1));
    // The oldest batch dies as a whole, and half of the next one.
    for batch in [10, 20, 20] {
        heap.retain(Time::ZERO, batch * MIB);
        let promoted = heap.old_used() + batch * MIB;
        while heap.old_used() < promoted {
            collect_young(&mut heap);
        }
    }
    let mut share = Share::default();
    heap.allocate(Time::ZERO, &mut share, 30 * MIB);
    while heap.old_used() < 75 * MIB {
        collect_young(&mut heap);
    }
    heap.release(&mut share);
    heap.discard(20 * MIB);
    while churn(&mut heap, Time::ZERO, MIB / 4).concurrent.is_none() {}
    let garbage = heap.used() - heap.live();
    let remark = heap.mark_finished(Time::ZERO).collections[0];
    assert_eq!(remark.before - remark.after, 11 * MIB, "the base, and the batch of which nothing lives");
    let kinds: Vec<_> = (0..2).flat_map(|_| kinds(&collect_young(&mut heap))).collect();
    assert_eq!(kinds, [CollectionKind::Young, CollectionKind::Mixed]);
    let waste = heap.maximum().unwrap() / 20;
    assert!(garbage > 40 * MIB);
    assert!((waste..waste + MIB).contains(&(heap.used() - heap.live())), "{}", heap.used() - heap.live());
}

#[test]
fn a_full_collection_overtakes_marking() {
    let mut heap = marking();
    let mut outcome = Outcome::default();
    while !kinds(&outcome).contains(&CollectionKind::Full) {
        outcome = churn(&mut heap, Time::ZERO, 50 * MIB);
    }
    while outcome.concurrent.is_none() && churn(&mut heap, Time::ZERO, MIB / 4).concurrent.is_none() {}
    assert!(heap.mark_finished(Time::ZERO).is_quiet(), "the first mark was given up");
    assert_eq!(kinds(&heap.mark_finished(Time::ZERO)), [CollectionKind::Remark], "the second has come to its end");
    assert!(heap.mark_finished(Time::ZERO).is_quiet());
}

/// Collects fully `times` times with `free` bytes left after each, `idle` per cent of the time in between; whether the overhead
/// limit threw.
fn overhead(collector: Collector, limit: bool, free_percent: u64, idle_percent: u64, times: usize) -> bool {
    let mut config = jvm(collector);
    config.overhead_limit = limit;
    let mut heap = Heap::jvm(&config);
    let mut now = Time::from_nanos(1);
    while heap.usable().unwrap() - heap.live() > heap.usable().unwrap() * free_percent / 100 + MIB / 4 {
        heap.retain(now, MIB / 8);
        now = now.saturating_add(Duration::from_millis(50));
    }
    let mut share = Share::default();
    let mut fulls = 0;
    while fulls < times {
        heap.release(&mut share);
        let outcome = heap.allocate(now, &mut share, MIB / 8);
        if outcome.out_of_memory.is_some_and(|out| out.overhead_limit) {
            return true;
        }
        let full = kinds(&outcome).contains(&CollectionKind::Full);
        fulls += usize::from(full);
        let pause = outcome.pause().as_nanos();
        let idle = if full { pause * idle_percent / (100 - idle_percent) } else { 0 };
        now = now.saturating_add(Duration::from_nanos(pause + idle));
    }
    false
}

#[test]
fn the_overhead_limit_fires_only_under_its_rule() {
    assert!(overhead(Collector::Parallel, true, 1, 1, 40));
    assert!(!overhead(Collector::Parallel, true, 1, 1, 8), "the average share of the time takes longer to rise");
    assert!(!overhead(Collector::Parallel, true, 1, 3, 40), "97 % of the time");
    assert!(!overhead(Collector::Parallel, true, 4, 1, 40), "4 % of the heap free");
    assert!(!overhead(Collector::Parallel, false, 1, 1, 40), "switched off");
    assert!(!overhead(Collector::Serial, true, 1, 1, 40), "Serial has no such limit");
}
