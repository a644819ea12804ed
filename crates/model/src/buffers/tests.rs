use super::*;
use knockon_kernel::Key;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// PostgreSQL's clock, buffer by buffer and page by page.
struct Clock {
    buffers: Vec<(usize, u64, u8)>,
    places: BTreeMap<(usize, u64), usize>,
    capacity: usize,
    hand: usize,
}

impl Clock {
    fn read(&mut self, table: usize, page: u64) -> bool {
        if let Some(&at) = self.places.get(&(table, page)) {
            let count = &mut self.buffers[at].2;
            *count = (*count + 1).min(5);
            return true;
        }
        let at = if self.buffers.len() < self.capacity {
            self.buffers.push((table, page, 1));
            self.buffers.len() - 1
        } else {
            loop {
                self.hand = (self.hand + 1) % self.capacity;
                let (.., count) = &mut self.buffers[self.hand];
                if *count == 0 {
                    break self.hand;
                }
                *count -= 1;
            }
        };
        let (of, old, _) = self.buffers[at];
        self.places.remove(&(of, old));
        self.buffers[at] = (table, page, 1);
        self.places.insert((table, page), at);
        false
    }
}

/// Shares that the counts and the clock find, after as many reads again as it takes to warm up.
fn shares(capacity: u64, tables: &[(u64, u32)]) -> (f64, f64) {
    let pages: Vec<u64> = tables.iter().map(|&(pages, _)| pages).collect();
    let mut buffers = Buffers::cold(capacity, &pages);
    let mut clock = Clock { buffers: Vec::new(), places: BTreeMap::new(), capacity: capacity as usize, hand: 0 };
    let mut draws = Key::new(7).stream();
    let weight: u32 = tables.iter().map(|&(_, weight)| weight).sum();
    let (mut hits, mut found) = ((0, 0), 0);
    let reads = 120_000;
    for n in 0..reads {
        if n == reads / 2 {
            (hits.0, found) = (buffers.tally().0, 0);
        }
        let mut at = draws.below(weight.into()) as u32;
        let table = tables.iter().position(|&(_, weight)| {
            let here = at < weight;
            at = at.saturating_sub(weight);
            here
        });
        let table = table.expect("weights sum to all");
        buffers.read(table, 1, &mut draws);
        found += u64::from(clock.read(table, draws.below(pages[table])));
    }
    hits.1 = buffers.tally().0;
    let half = f64::from(reads / 2);
    ((hits.1 - hits.0) as f64 / half, found as f64 / half)
}

#[test]
fn counts_find_what_the_clock_finds_page_by_page() {
    for (capacity, tables) in [
        (1_000, vec![(4_000, 1)]),
        (1_000, vec![(500, 1), (10_000, 1)]),
        (1_000, vec![(900, 5), (2_000, 1)]),
        (500, vec![(100, 3), (400, 2), (5_000, 5)]),
        (2_000, vec![(600, 1), (700, 4)]),
    ] {
        let (counts, clock) = shares(capacity, &tables);
        assert!((counts - clock).abs() < 0.015, "{tables:?} in {capacity}: {counts} by counts, {clock} by the clock");
    }
}

#[test]
fn pages_of_one_table_are_found_as_often_as_there_is_room_for_them() {
    let (counts, _) = shares(1_000, &[(4_000, 1)]);
    assert!((counts - 0.25).abs() < 0.01, "{counts}");
    let (counts, _) = shares(2_000, &[(600, 1), (700, 1)]);
    assert!(counts > 0.999, "{counts}: all of it has room");
}

#[test]
fn a_scan_of_a_large_table_leaves_what_is_there_and_one_of_a_small_table_stays() {
    let mut buffers = Buffers::cold(1_000, &[200, 5_000]);
    let mut draws = Key::new(1).stream();
    assert_eq!(buffers.scan(0, &mut draws), 200);
    assert_eq!(buffers.scan(1, &mut draws), 5_000);
    assert_eq!((buffers.resident(), buffers.scan(0, &mut draws)), (200, 0));
    assert_eq!(buffers.tally(), (200, 5_200));
}

proptest! {
    #[test]
    fn there_are_never_more_pages_than_buffers_nor_than_tables_have(
        capacity in 0..60u64, sizes in prop::collection::vec(0..50u64, 1..4), acts in prop::collection::vec((0..4usize, 0..9u64), 1..120)
    ) {
        let mut buffers = Buffers::new(capacity, &sizes);
        let mut draws = Key::new(3).stream();
        let mut asked = 0;
        for (table, pages) in acts {
            let table = table % sizes.len();
            if pages == 0 {
                let missing = sizes[table] - buffers.tables[table].resident();
                prop_assert_eq!(buffers.scan(table, &mut draws), missing);
                asked += sizes[table];
            } else {
                buffers.read(table, pages, &mut draws);
                asked += if sizes[table] == 0 { 0 } else { pages };
            }
            let resident: u64 = buffers.tables.iter().map(Table::resident).sum();
            prop_assert_eq!(resident, buffers.resident());
            prop_assert!(resident <= capacity);
            prop_assert!(buffers.tables.iter().zip(&sizes).all(|(table, &size)| table.resident() <= size));
            let (hits, misses) = buffers.tally();
            prop_assert_eq!(hits + misses, asked);
        }
    }
}
