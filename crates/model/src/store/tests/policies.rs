//! Hit ratios against closed forms, and what sets each policy apart.

use super::*;
use crate::purpose;
use knockon_kernel::Sampler;

/// A cache within a process with one key space.
fn local(eviction: Eviction, entries: Option<u64>, space: Keyspace) -> Store {
    let cache = LocalCache {
        service: CACHE,
        name: "users".into(),
        maximum_entries: entries,
        maximum_bytes: None,
        eviction,
        entry_overhead: 0,
    };
    Store::local(&cache, LocalCacheId(0), &[Keyspace { local: Some(LocalCacheId(0)), ..space }], Key::new(3))
}

/// Share of hits of so many look-asides of Zipf keys, a millisecond apart, after as many have filled it.
fn zipf_hits(store: &mut Store, keys: u32, exponent: f64, reads: u64) -> f64 {
    let popularity = Sampler::zipf(keys, exponent).unwrap();
    let mut hits = 0;
    for read in 0..2 * reads {
        let key = popularity.rank(Key::new(9).with(read).purpose(purpose::POPULARITY));
        if store.get(ms(read), 0, key) == Lookup::Miss {
            store.set(ms(read), 0, key);
        } else {
            hits += u64::from(read >= reads);
        }
    }
    hits as f64 / reads as f64
}

#[test]
fn least_recently_used_hits_as_ches_approximation_says() {
    // Che, Tung and Wang (2002); true LRU lies within 5e-4 of it. The band is four standard errors of a million reads.
    for (entries, expected) in [(100, 0.156_625), (1_000, 0.436_660)] {
        let mut store = local(Eviction::Lru, Some(entries), keyspace(10_000, None, 90));
        let hits = zipf_hits(&mut store, 10_000, 0.8, 1_000_000);
        let error = 4.0 * (expected * (1.0 - expected) / 1e6_f64).sqrt() + 5e-4;
        assert!((hits - expected).abs() < error, "{entries} entries hit {hits}, expected {expected} ± {error}");
        assert_eq!(store.readings(ms(0)).keys, entries, "full, and never over");
    }
}

#[test]
fn what_is_used_often_stays_where_frequency_counts() {
    // One who knew the frequencies would keep the hundred most popular keys: Σ p of them is 0.526 of 1000 keys by Zipf 0.8; LRU
    // hits 0.378 (Che). Frequency since the entry was stored lies between.
    let hits = |eviction| zipf_hits(&mut local(eviction, Some(100), keyspace(1_000, None, 90)), 1_000, 0.8, 200_000);
    let (lru, lfu) = (hits(Eviction::Lru), hits(Eviction::Lfu));
    assert!((0.372..0.384).contains(&lru), "{lru}");
    assert!((0.44..0.526).contains(&lfu), "{lfu}");
}

#[test]
fn redis_counters_keep_what_is_used_often() {
    let redis = |eviction| {
        let config = Redis { maxkeys: Some(100), eviction, ..Redis::default() };
        let mut store = Store::new(&config, CACHE, &[keyspace(1_000, None, 90)], Key::new(5));
        zipf_hits(&mut store, 1_000, 0.8, 200_000)
    };
    let (random, lru, lfu) = (redis(Eviction::AllKeysRandom), redis(Eviction::AllKeysLru), redis(Eviction::AllKeysLfu));
    assert!(random < lru && lru < lfu, "{random} {lru} {lfu}");
    assert!((0.42..0.526).contains(&lfu), "{lfu}");
}

/// Redis' documentation gives the counter after so many hits, by factor: 10 → 10, 18, 142, 255 for 100, 1000, 100 k, 1 M.
#[test]
fn the_counter_grows_logarithmically() {
    let config = Redis { eviction: Eviction::AllKeysLfu, ..Redis::default() };
    let mut store = Store::new(&config, CACHE, &[keyspace(20, None, 90)], Key::new(5));
    let (mut after_hundred, mut after_thousand) = (0, 0);
    for key in 0..20 {
        store.set(ms(0), 0, key);
        for hit in 0..1_000u64 {
            store.get(Time::from_nanos(hit * 1_000), 0, key);
            after_hundred += if hit == 99 { store.slots[key as usize].clock & 255 } else { 0 };
        }
        after_thousand += store.slots[key as usize].clock & 255;
    }
    assert!((9.0..11.0).contains(&(f64::from(after_hundred) / 20.0)), "{after_hundred}");
    assert!((17.0..20.0).contains(&(f64::from(after_thousand) / 20.0)), "{after_thousand}");
    // An hour without use takes sixty away, and never more than there is.
    let hour = Time::ZERO + Duration::from_secs(3_600);
    store.get(hour, 0, 0);
    assert!(store.slots[0].clock & 255 <= 1, "it had fallen to nothing before this use");
    let minute = hour + Duration::from_secs(60);
    store.set(minute, 0, 0);
    assert!(store.slots[0].clock & 255 <= 1, "one that is overwritten keeps its counter");
}

#[test]
fn time_to_live_hits_as_renewal_theory_says() {
    // λT = 1: from insertion λT/(1 + λT); renewed by each read 1 − e^(−λT) (Fofack et al., 2014).
    for (renewed, expected) in [(false, 0.5), (true, 0.632_121)] {
        let space = Keyspace { renewed, ..keyspace(1, Some(1_000), 90) };
        let mut store = local(Eviction::Lru, None, space);
        let gaps = Sampler::exponential(1e9).unwrap();
        let (mut now, mut hits) = (Time::ZERO, 0);
        for read in 0..400_000u64 {
            now += gaps.duration(Key::new(7).with(read));
            if store.get(now, 0, 0) == Lookup::Hit {
                hits += 1;
            } else {
                store.set(now, 0, 0);
            }
        }
        let share = f64::from(hits) / 400_000.0;
        assert!((share - expected).abs() < 4.0 * (0.25 / 4e5_f64).sqrt(), "{share}, expected {expected}");
    }
}

#[test]
fn a_value_is_stale_once_it_is_older_than_fresh_and_until_it_is_stored_again() {
    let mut store =
        local(Eviction::Lru, None, Keyspace { fresh: Some(Duration::from_millis(20)), ..keyspace(2, Some(70), 9) });
    store.set(ms(10), 0, 1);
    let answers = [30, 31, 80].map(|at| store.get(ms(at), 0, 1));
    assert_eq!(answers, [Lookup::Hit, Lookup::Stale, Lookup::Stale]);
    store.set(ms(80), 0, 1);
    assert_eq!([100, 101, 151].map(|at| store.get(ms(at), 0, 1)), [Lookup::Hit, Lookup::Stale, Lookup::Miss]);
    let tally = *store.tallies().next().unwrap().1;
    assert_eq!(tally, Tally { hits: 5, stale: 3, misses: 1, stored: 2, expired: 1, evicted: 0 });
}

#[test]
fn volatile_policies_take_none_but_keys_that_expire() {
    let spaces = [keyspace(50, Some(1_000_000), 90), keyspace(50, None, 90)];
    for eviction in [Eviction::VolatileLru, Eviction::VolatileLfu, Eviction::VolatileRandom, Eviction::VolatileTtl] {
        let config = Redis { maxkeys: Some(60), eviction, ..Redis::default() };
        let mut store = Store::new(&config, CACHE, &spaces, Key::new(5));
        for key in 0..50 {
            assert_ne!(store.set(ms(u64::from(key)), 0, key), Stored::Full);
            assert_ne!(store.set(ms(u64::from(key)), 1, key), Stored::Full);
        }
        let present = |space: usize| store.slots[space * 50..][..50].iter().filter(|slot| slot.is_present()).count();
        assert_eq!((present(0), present(1)), (11, 50), "{eviction:?}: the last write may go over the limit by one");
        if eviction == Eviction::VolatileTtl {
            let kept: usize = (0..50).filter(|&key| store.slots[key].is_present()).sum();
            assert!(kept > 11 * 35, "those that expire last are left: {kept}");
        }
    }
    let config = Redis { maxkeys: Some(10), eviction: Eviction::VolatileLru, ..Redis::default() };
    let mut store = Store::new(&config, CACHE, &spaces[1..], Key::new(5));
    let full = (0..20).filter(|&key| store.set(ms(0), 0, key) == Stored::Full).count();
    assert_eq!(full, 9, "where nothing expires, nothing makes room");
}

#[test]
fn keys_that_are_there_at_the_start_expire_when_they_are_said_to() {
    let mut store = unlimited(&[keyspace(4, Some(50), 90)]);
    store.preload(ms(0), 0, &[Duration::from_millis(500), Duration::ZERO, Duration::MAX]);
    assert_eq!(store.readings(ms(0)).keys, 2);
    assert_eq!(
        [0, 1, 2, 3].map(|key| store.get(ms(1), 0, key)),
        [Lookup::Hit, Lookup::Miss, Lookup::Hit, Lookup::Miss]
    );
    assert_eq!(store.get(ms(500), 0, 0), Lookup::Hit, "longer than what is stored later");
    store.set(ms(500), 0, 0);
    assert_eq!(store.get(ms(551), 0, 0), Lookup::Miss);
    assert_eq!(store.get(ms(9_000), 0, 2), Lookup::Hit);
}

#[test]
fn a_shorter_time_to_live_is_that_of_what_is_stored_from_then_on() {
    let mut store = unlimited(&[keyspace(3, None, 90)]);
    store.set(ms(0), 0, 0);
    store.set_ttl(0, Some(Duration::from_millis(100)));
    store.set(ms(0), 0, 1);
    store.set_ttl(0, Some(Duration::from_millis(20)));
    store.set(ms(10), 0, 2);
    assert_eq!([0, 1, 2].map(|key| store.get(ms(31), 0, key)), [Lookup::Hit, Lookup::Hit, Lookup::Miss]);
    assert_eq!([0, 1, 2].map(|key| store.get(ms(101), 0, key)), [Lookup::Hit, Lookup::Miss, Lookup::Miss]);
}
