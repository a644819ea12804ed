//! A cache within a process against a list of entries that is searched from end to end.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Act {
    Get(u32, u32),
    Set(u32, u32),
    Flush,
    Limit(u64),
    Live(u32, Option<u64>),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        20 => (0..2u32, 0..8u32).prop_map(|(space, key)| Act::Get(space, key)),
        20 => (0..2u32, 0..8u32).prop_map(|(space, key)| Act::Set(space, key)),
        1 => Just(Act::Flush),
        1 => (0..12u64).prop_map(Act::Limit),
        1 => (0..2u32, prop::option::of(1..300u64)).prop_map(|(space, ttl)| Act::Live(space, ttl)),
    ]
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    place: (u32, u32),
    expires: Time,
    written: Time,
    /// Number of the command that used it last.
    used: usize,
    uses: u64,
}

/// The simplest that can be right: a list, looked through each time.
struct Naive {
    lfu: bool,
    maximum_entries: u64,
    maximum_bytes: u64,
    spaces: [Keyspace; 2],
    entries: Vec<Entry>,
    tallies: [Tally; 2],
}

impl Naive {
    fn bytes(&self, space: u32) -> u64 {
        self.spaces[space as usize].value_bytes + 10
    }

    fn used(&self) -> u64 {
        self.entries.iter().map(|entry| self.bytes(entry.place.0)).sum()
    }

    fn expires(&self, now: Time, space: u32) -> Time {
        self.spaces[space as usize].ttl.map_or(Time::MAX, |ttl| now + ttl)
    }

    /// Drops what has expired by an instant.
    fn cycle(&mut self, now: Time) {
        let cycle = ms(now.as_nanos() / 100_000_000 * 100);
        for entry in self.entries.extract_if(.., |entry| entry.expires < cycle) {
            self.tallies[entry.place.0 as usize].expired += 1;
        }
    }

    fn make_room(&mut self, bytes: u64, entries: u64) {
        while self.used() + bytes > self.maximum_bytes || self.entries.len() as u64 + entries > self.maximum_entries {
            let weight = |entry: &Entry| if self.lfu { (entry.uses, entry.used) } else { (0, entry.used) };
            let Some(victim) = self.entries.iter().enumerate().min_by_key(|(_, entry)| weight(entry)) else { return };
            let victim = self.entries.remove(victim.0);
            self.tallies[victim.place.0 as usize].evicted += 1;
        }
    }

    fn get(&mut self, now: Time, command: usize, place: (u32, u32)) -> Lookup {
        self.cycle(now);
        self.make_room(0, 0);
        let space = &self.spaces[place.0 as usize];
        let tally = &mut self.tallies[place.0 as usize];
        let Some(at) = self.entries.iter().position(|entry| entry.place == place) else {
            tally.misses += 1;
            return Lookup::Miss;
        };
        if now > self.entries[at].expires {
            self.entries.remove(at);
            tally.misses += 1;
            tally.expired += 1;
            return Lookup::Miss;
        }
        let entry = &mut self.entries[at];
        entry.used = command;
        entry.uses += 1;
        if space.renewed
            && let Some(ttl) = space.ttl
        {
            entry.expires = now + ttl;
        }
        tally.hits += 1;
        match space.fresh {
            Some(fresh) if now > entry.written + fresh => {
                tally.stale += 1;
                Lookup::Stale
            }
            _ => Lookup::Hit,
        }
    }

    fn set(&mut self, now: Time, command: usize, place: (u32, u32)) -> bool {
        self.cycle(now);
        self.make_room(0, 0);
        let mut uses = 1;
        if let Some(at) = self.entries.iter().position(|entry| entry.place == place) {
            let before = self.entries.remove(at);
            if now <= before.expires {
                uses = before.uses + 1;
            } else {
                self.tallies[place.0 as usize].expired += 1;
            }
        }
        if uses == 1 {
            self.make_room(self.bytes(place.0), 1);
        }
        let fits = self.used() + self.bytes(place.0) <= self.maximum_bytes
            && (self.entries.len() as u64) < self.maximum_entries;
        if fits {
            let expires = self.expires(now, place.0);
            self.entries.push(Entry { place, expires, written: now, used: command, uses });
            self.tallies[place.0 as usize].stored += 1;
        }
        fits
    }
}

proptest! {
    #[test]
    fn as_a_list_of_entries(
        lfu in prop::bool::ANY,
        entries in prop::option::of(0..12u64),
        bytes in prop::option::of(0..1_500u64),
        (renewed, fresh) in (prop::bool::ANY, prop::option::of(0..60u64)),
        acts in prop::collection::vec((prop_oneof![Just(0), 1..30u64, 1..400u64], act()), 1..250),
    ) {
        let cache = LocalCache {
            service: CACHE,
            name: "users".into(),
            maximum_entries: entries,
            maximum_bytes: bytes,
            eviction: if lfu { Eviction::Lfu } else { Eviction::Lru },
            entry_overhead: 10,
        };
        let local = Some(LocalCacheId(4));
        let aged = Keyspace { local, renewed, fresh: fresh.map(Duration::from_millis), ..keyspace(8, Some(70), 90) };
        let spaces = [aged, Keyspace { local, ..keyspace(8, None, 240) }];
        let foreign = keyspace(9, None, 1);
        let described = [spaces[0].clone(), foreign, spaces[1].clone()];
        let mut store = Store::local(&cache, LocalCacheId(4), &described, Key::new(1));
        let (maximum_entries, maximum_bytes) = (entries.unwrap_or(u64::MAX), bytes.unwrap_or(u64::MAX));
        let tallies = [Tally::default(); 2];
        let mut naive = Naive { lfu, maximum_entries, maximum_bytes, spaces, entries: Vec::new(), tallies };
        let mut now = ms(0);
        for (command, (gap, act)) in acts.into_iter().enumerate() {
            now += Duration::from_millis(gap);
            match act {
                Act::Get(space, key) => {
                    prop_assert_eq!(store.get(now, space * 2, key), naive.get(now, command, (space, key)));
                }
                Act::Set(space, key) => {
                    let stored = store.set(now, space * 2, key);
                    prop_assert_eq!(stored != Stored::Full, naive.set(now, command, (space, key)));
                    prop_assert!(store.used() <= naive.maximum_bytes, "never over its limit");
                }
                Act::Flush => {
                    store.flush();
                    naive.entries.clear();
                }
                Act::Limit(entries) => {
                    store.set_maximum_entries(Some(entries));
                    naive.maximum_entries = entries;
                }
                Act::Live(space, ttl) => {
                    let ttl = ttl.map(Duration::from_millis);
                    store.set_ttl(space * 2, ttl);
                    naive.spaces[space as usize].ttl = ttl;
                }
            }
            prop_assert_eq!(store.used(), naive.used());
            prop_assert_eq!(store.readings.keys, naive.entries.len() as u64);
            let tallies: Vec<Tally> = store.tallies().map(|(_, tally)| *tally).collect();
            prop_assert_eq!(&tallies[..], &naive.tallies[..]);
            for entry in &naive.entries {
                let at = entry.place.0 * 8 + entry.place.1;
                prop_assert_eq!(store.slots[at as usize].expires, entry.expires);
            }
        }
    }
}
