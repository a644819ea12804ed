//! A Redis server's keys against a map of expiries: what is there, what goes, and that victims are just enough.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const POLICIES: [Eviction; 8] = [
    Eviction::NoEviction,
    Eviction::AllKeysLru,
    Eviction::AllKeysLfu,
    Eviction::AllKeysRandom,
    Eviction::VolatileLru,
    Eviction::VolatileLfu,
    Eviction::VolatileRandom,
    Eviction::VolatileTtl,
];

#[derive(Clone, Copy, Debug)]
enum Act {
    Get(u32, u32),
    Set(u32, u32),
    Read,
    Flush,
    Warm(u32),
    SetMaxmemory(Option<u64>),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        10 => (0..3u32, 0..8u32).prop_map(|(space, key)| Act::Get(space, key)),
        10 => (0..3u32, 0..8u32).prop_map(|(space, key)| Act::Set(space, key)),
        3 => Just(Act::Read),
        1 => prop::bool::weighted(0.2).prop_map(|flush| if flush { Act::Flush } else { Act::Read }),
        1 => (0..3u32).prop_map(Act::Warm),
        1 => prop::option::of(0..2_000u64).prop_map(Act::SetMaxmemory),
    ]
}

proptest! {
    #[test]
    fn as_a_map_of_expiries(
        eviction in prop::sample::select(POLICIES.to_vec()),
        maxmemory in prop::option::of(0..2_000u64),
        acts in prop::collection::vec((prop_oneof![Just(0), 1..30u64, 1..400u64], act()), 1..200),
    ) {
        let spaces = [keyspace(8, Some(70), 90), keyspace(8, None, 40), keyspace(8, Some(900), 240)];
        let mut store = store(&redis(maxmemory, eviction), &spaces);
        let bytes = |space: u32| spaces[space as usize].value_bytes + 10;
        // By space and key: when it expires.
        let mut map: BTreeMap<(u32, u32), Time> = BTreeMap::new();
        let (mut maxmemory, mut expected, mut now) = (maxmemory.unwrap_or(u64::MAX), Readings::default(), ms(0));
        for (gap, act) in acts {
            now += Duration::from_millis(gap);
            let cycle = ms(now.as_nanos() / 100_000_000 * 100);
            let used = |map: &BTreeMap<(u32, u32), Time>| map.keys().map(|&(space, _)| bytes(space)).sum::<u64>();
            if matches!(act, Act::Get(..) | Act::Set(..) | Act::Read) {
                let before = map.len();
                map.retain(|_, &mut expires| expires >= cycle);
                expected.expired += (before - map.len()) as u64;
            }
            let over = used(&map) > maxmemory && eviction != Eviction::NoEviction;
            // Victims of the volatile policies are keys that expire; where they do not suffice, writes fail.
            let volatile = matches!(
                eviction,
                Eviction::VolatileLru | Eviction::VolatileLfu | Eviction::VolatileRandom | Eviction::VolatileTtl
            );
            let may_go = |(space, _): (u32, u32)| !volatile || spaces[space as usize].ttl.is_some();
            let can_go = map.keys().any(|&place| may_go(place));
            let fixed: u64 = map.keys().filter(|&&place| !may_go(place)).map(|&(space, _)| bytes(space)).sum();
            let evicted_before = expected.evicted;
            let mut answer = None;
            match act {
                Act::Get(space, key) => answer = Some(store.get(now, space, key)),
                Act::Set(space, key) => {
                    let full = used(&map) > maxmemory && (eviction == Eviction::NoEviction || fixed > maxmemory);
                    let stored = store.set(now, space, key);
                    prop_assert_eq!(stored == Stored::Full, full);
                    if let Stored::Stored { evicted } = stored {
                        prop_assert_eq!(evicted > 0, over && can_go);
                    }
                }
                Act::Read => {}
                Act::Flush => {
                    store.flush();
                    map.clear();
                }
                Act::Warm(space) => {
                    store.warm(now, space);
                    map.retain(|&(other, _), _| other != space);
                    let room = maxmemory.saturating_sub(used(&map)) / bytes(space);
                    for key in 0..8.min(room) as u32 {
                        let expires = store.slots[(space * 8 + key) as usize].expires;
                        match spaces[space as usize].ttl {
                            Some(ttl) => prop_assert!(now < expires && expires <= now + ttl),
                            None => prop_assert_eq!(expires, Time::MAX),
                        }
                        map.insert((space, key), expires);
                    }
                }
                Act::SetMaxmemory(limit) => {
                    store.set_maxmemory(limit);
                    maxmemory = limit.unwrap_or(u64::MAX);
                }
            }
            // Victims are drawn: any will do, as long as there are just enough.
            if over && matches!(act, Act::Get(..) | Act::Set(..)) {
                let asked = match act { Act::Get(space, key) | Act::Set(space, key) => (space, key), _ => unreachable!() };
                let mut victims: Vec<_> =
                    map.keys().copied().filter(|&(space, key)| !store.slots[(space * 8 + key) as usize].is_present()).collect();
                let count = (store.readings.evicted - evicted_before) as usize;
                // The key that was asked for may have been a victim and be there again, or gone for its age.
                if victims.len() < count {
                    victims.push(asked);
                } else if victims.len() > count {
                    victims.retain(|&victim| victim != asked);
                }
                prop_assert_eq!(victims.len(), count);
                let least = victims.iter().map(|&(space, _)| bytes(space)).min().unwrap_or(0);
                let most = victims.iter().map(|&(space, _)| bytes(space)).max().unwrap_or(0);
                let mut left = map.clone();
                left.retain(|place, _| !victims.contains(place));
                prop_assert!(victims.iter().all(|&victim| may_go(victim)), "none but those that may go");
                prop_assert!(used(&left) <= maxmemory || !left.keys().any(|&place| may_go(place)), "enough");
                prop_assert!(victims.is_empty() || used(&left) + most > maxmemory && least > 0, "and no more");
                map = left;
                expected.evicted += count as u64;
            }
            match act {
                Act::Get(space, key) => {
                    let alive = map.get(&(space, key)).is_some_and(|&expires| now <= expires);
                    prop_assert_eq!(answer, Some(if alive { Lookup::Hit } else { Lookup::Miss }));
                    expected.hits += u64::from(alive);
                    expected.misses += u64::from(!alive);
                    if !alive {
                        expected.expired += u64::from(map.remove(&(space, key)).is_some());
                    }
                }
                Act::Set(space, key) if used(&map) <= maxmemory => {
                    let expires = spaces[space as usize].ttl.map_or(Time::MAX, |ttl| now + ttl);
                    let before = map.insert((space, key), expires);
                    expected.expired += u64::from(before.is_some_and(|expires| expires < now));
                }
                _ => {}
            }
            if matches!(act, Act::Read) {
                let readings = Readings { keys: map.len() as u64, used_bytes: used(&map), ..expected };
                prop_assert_eq!(store.readings(now), readings);
                if now >= store.next_cycle {
                    store.cycle(now);
                }
                prop_assert_eq!(store.readings(now), readings, "reading is like playing the cycles");
            }
            prop_assert_eq!(store.used(), used(&map));
            let Candidates::Any(present) = &store.candidates else { panic!("keys are sampled") };
            let mut present = present.clone();
            present.sort_unstable();
            prop_assert!(present.into_iter().eq(map.keys().map(|&(space, key)| space * 8 + key)));
        }
    }
}
