//! Cycles that take time: their limits as Redis has them, which keys go, and how many, beside a list of keys that is shuffled for each sample.

use super::*;
use crate::blueprint::Expiry;
use knockon_kernel::Key;
use proptest::prelude::*;
use std::collections::BTreeMap;

const PLAIN: Expiry = Expiry { hz: 10, effort: 1, look: Duration::from_nanos(100), delete: Duration::from_micros(1) };

fn with(expiry: Expiry, keyspaces: &[Keyspace], seed: u64) -> Store {
    let config = Redis { expiry: Some(expiry), ..redis(None, Eviction::NoEviction) };
    Store::new(&config, CACHE, keyspaces, Key::new(seed))
}

#[test]
fn a_cycle_goes_on_for_its_quarter_of_the_time_and_fast_ones_for_half_of_the_rest() {
    let mut store = with(PLAIN, &[keyspace(50_000, Some(1_000), 90)], 5);
    for key in 0..50_000 {
        store.set(ms(0), 0, key);
    }
    assert_eq!(store.expire_cycle(ms(900), false), Duration::from_micros(2), "20 keys are looked at, and none is dead");
    assert!(!store.wants_fast_cycle(ms(900)));
    assert_eq!(
        (store.readings(ms(1_500)).keys, store.used()),
        (50_000, 5_000_000),
        "they are there until they are deleted"
    );
    assert_eq!(store.get(ms(1_500), 0, 7), Lookup::Miss, "but nobody reads them");
    // 16 samples take 16 · 20 · 1.1 µs: the first multiple of 352 µs over 25 ms is 72 of them.
    assert_eq!(store.expire_cycle(ms(1_500), false), Duration::from_micros(72 * 352));
    assert_eq!(store.readings(ms(1_500)).keys, 50_000 - 1 - 72 * 320);
    assert_eq!(store.expiring(), store.readings(ms(1_500)).keys);
    assert!(store.wants_fast_cycle(ms(1_526)), "the last one was capped");
    assert_eq!(
        store.expire_cycle(ms(1_526), true),
        Duration::from_micros(3 * 352),
        "a millisecond, and what it took to see that"
    );
    assert!(!store.wants_fast_cycle(ms(1_527)) && store.wants_fast_cycle(ms(1_528)));
    let readings = store.expiry_readings().expect("it has cycles");
    assert_eq!((readings.capped, readings.spent), (2, Duration::from_micros(2 + 75 * 352)));
    assert!((readings.stale_share - (0.05 * 0.95 + 0.05)).abs() < 1e-12);
    let mut now = 1_600;
    while store.expiring() > 0 {
        store.expire_cycle(ms(now), false);
        now += 125;
    }
    assert!(!store.wants_fast_cycle(ms(now)), "nothing is left");
    assert_eq!(store.readings(ms(now)).expired, 50_000);
}

#[test]
fn more_effort_looks_at_more_keys_for_longer_and_leaves_fewer() {
    let hardest = Expiry { effort: 10, ..PLAIN };
    let of = |expiry: Expiry| {
        (expiry.keys_per_sample(), expiry.slow_limit(), expiry.fast_limit(), expiry.acceptable_percent())
    };
    assert_eq!(of(PLAIN), (20, Duration::from_millis(25), Duration::from_micros(1_000), 10));
    assert_eq!(of(hardest), (65, Duration::from_millis(43), Duration::from_micros(3_250), 1));
    assert_eq!(Expiry { hz: 100, ..PLAIN }.slow_limit(), Duration::from_micros(2_500));
    let left = |expiry| {
        let mut store = with(expiry, &[keyspace(5_000, Some(100), 90), keyspace(5_000, Some(9_000), 90)], 5);
        for key in 0..5_000 {
            store.set(ms(0), 0, key);
            store.set(ms(0), 1, key);
        }
        store.expire_cycle(ms(200), false);
        store.expiring() - 5_000
    };
    assert!(left(PLAIN) > 300 && left(hardest) < 250, "{} and {}", left(PLAIN), left(hardest));
}

#[test]
fn so_many_keys_go_as_of_a_list_that_is_shuffled_for_each_sample() {
    // 80 of 200 keys are dead: cycles end when two at most of twenty are.
    let runs = 2_000;
    let machine = |seed: u64| {
        let mut store = with(PLAIN, &[keyspace(80, Some(50), 90), keyspace(120, Some(9_000), 90)], seed);
        (0..80).for_each(|key| assert_eq!(store.set(ms(0), 0, key), STORED));
        (0..120).for_each(|key| assert_eq!(store.set(ms(0), 1, key), STORED));
        store.expire_cycle(ms(100), false);
        200 - store.expiring()
    };
    let naive = |seed: u64| {
        let mut draws = Key::new(seed).with(99).stream();
        let mut keys: Vec<bool> = (0..200).map(|key| key < 80).collect();
        let mut gone = 0;
        loop {
            for last in (1..keys.len()).rev() {
                keys.swap(last, draws.below(last as u64 + 1) as usize);
            }
            let dead = keys[..20].iter().filter(|dead| **dead).count();
            keys = keys.iter().enumerate().filter(|(n, dead)| *n >= 20 || !**dead).map(|(_, dead)| *dead).collect();
            gone += dead as u64;
            if dead <= 2 {
                return gone;
            }
        }
    };
    let moments = |of: &dyn Fn(u64) -> u64| {
        let all: Vec<f64> = (0..runs).map(|seed| of(seed) as f64).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        (mean, all.iter().map(|gone| (gone - mean) * (gone - mean)).sum::<f64>() / all.len() as f64)
    };
    let ((mean, variance), (expected, other)) = (moments(&machine), moments(&naive));
    let deviation = ((variance + other) / runs as f64).sqrt();
    assert!((mean - expected).abs() < 4.0 * deviation, "{mean} beside {expected} ± {deviation}");
    assert!((variance / other - 1.0).abs() < 0.2, "{variance} beside {other}");
}

#[test]
fn keys_may_expire_at_full_multiples_only() {
    let hourly = Keyspace { expire_at: Some(Duration::from_millis(100)), ..keyspace(3, Some(30), 90) };
    let timeless = Keyspace { name: "timeless".into(), ttl: None, ..hourly.clone() };
    let mut store = unlimited(&[hourly, timeless]);
    for at in [0, 60, 80] {
        store.set(ms(at), 0, at as u32 / 40);
    }
    store.set(ms(10), 1, 0);
    let alive = |store: &mut Store, at, space, key| store.get(ms(at), space, key) == Lookup::Hit;
    assert!(alive(&mut store, 100, 0, 0) && alive(&mut store, 100, 0, 1) && alive(&mut store, 100, 1, 0));
    assert!(!alive(&mut store, 101, 0, 0) && !alive(&mut store, 101, 0, 1) && !alive(&mut store, 101, 1, 0));
    assert!(alive(&mut store, 200, 0, 2) && !alive(&mut store, 201, 0, 2), "110 ms are over at the next but one");
}

#[derive(Clone, Debug)]
enum Act {
    Set(u32, u32),
    Get(u32, u32),
    Delete(u32, u32),
    Flush,
    Cycle(bool),
    Wait(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..3u32, 0..30u32).prop_map(|(space, key)| Act::Set(space, key)),
        3 => (0..3u32, 0..30u32).prop_map(|(space, key)| Act::Get(space, key)),
        1 => (0..3u32, 0..30u32).prop_map(|(space, key)| Act::Delete(space, key)),
        1 => Just(Act::Flush),
        3 => proptest::bool::ANY.prop_map(Act::Cycle),
        2 => (0..60u64).prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 0..200)
}

proptest! {
    /// Beside a map of expiries: only what has expired goes, it takes the time that it must, and a cycle that was not cut short leaves few.
    #[test]
    fn cycles_take_what_has_expired(acts in acts(), volatile in proptest::bool::ANY, seed in 0..1_000u64) {
        let spaces = [keyspace(30, Some(40), 90), keyspace(30, Some(90), 90), keyspace(30, None, 90)];
        let eviction = if volatile { Eviction::VolatileRandom } else { Eviction::NoEviction };
        let maxmemory = volatile.then_some(4_000);
        let expiry = Expiry { delete: Duration::from_micros(7), ..PLAIN };
        let config = Redis { expiry: Some(expiry), ..redis(maxmemory, eviction) };
        let mut store = Store::new(&config, CACHE, &spaces, Key::new(seed));
        let mut naive: BTreeMap<(u32, u32), Time> = BTreeMap::new();
        let mut now = 0;
        for act in acts {
            let present = |store: &Store, space: u32, key: u32| store.slots[(30 * space + key) as usize].is_present();
            match act {
                Act::Wait(milliseconds) => now += milliseconds,
                Act::Flush => {
                    store.flush();
                    naive.clear();
                }
                Act::Delete(space, key) => {
                    store.delete(space, key);
                    naive.remove(&(space, key));
                }
                Act::Get(space, key) => {
                    let found = store.get(ms(now), space, key) == Lookup::Hit;
                    // What makes room for the read may be what was asked for.
                    naive.retain(|&(space, key), expires| !volatile || present(&store, space, key) || *expires < ms(now));
                    let expected = naive.get(&(space, key)).is_some_and(|&expires| ms(now) <= expires);
                    prop_assert_eq!(found, expected);
                    if !expected {
                        naive.remove(&(space, key));
                    }
                }
                Act::Set(space, key) => {
                    if let Stored::Stored { .. } = store.set(ms(now), space, key) {
                        let expires = spaces[space as usize].ttl.map_or(Time::MAX, |ttl| ms(now) + ttl);
                        naive.insert((space, key), expires);
                    }
                }
                Act::Cycle(fast) => {
                    let before = store.readings(ms(now));
                    let spent = store.expire_cycle(ms(now), fast).as_nanos();
                    let gone = store.readings(ms(now)).expired - before.expired;
                    let looked = (spent - 7_000 * gone) / 100;
                    prop_assert_eq!(spent, 7_000 * gone + 100 * looked);
                    prop_assert!(gone <= looked);
                    let dead: Vec<_> = naive.iter().filter(|(_, expires)| **expires < ms(now)).map(|(&at, _)| at).collect();
                    let left = dead.iter().filter(|(space, key)| present(&store, *space, *key)).count();
                    if !volatile {
                        prop_assert_eq!(dead.len() - left, gone as usize);
                    }
                    let volatile_keys = naive.keys().filter(|(space, _)| *space < 2).count();
                    if volatile_keys <= 20 && !volatile {
                        prop_assert_eq!(left, 0, "a sample of all keys leaves none");
                    }
                    naive.retain(|&(space, key), expires| *expires >= ms(now) || present(&store, space, key));
                }
            }
            // Evictions take any key that will expire.
            naive.retain(|&(space, key), _| !volatile || present(&store, space, key));
            let there: Vec<(u32, u32)> =
                (0..90).filter(|&at| store.slots[at as usize].is_present()).map(|at| (at / 30, at % 30)).collect();
            prop_assert_eq!(&there, &naive.keys().copied().collect::<Vec<_>>());
            let readings = store.readings(ms(now));
            prop_assert_eq!((readings.keys, readings.used_bytes), (there.len() as u64, 100 * there.len() as u64));
            prop_assert_eq!(store.expiring(), there.iter().filter(|(space, _)| *space < 2).count() as u64);
        }
    }
}
