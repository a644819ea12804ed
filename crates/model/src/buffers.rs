//! `shared_buffers` of a database, as a pure state machine: which pages of which tables are in memory, by counts.
//!
//! PostgreSQL finds a buffer for a page that is not there by a clock sweep (`src/backend/storage/buffer/freelist.c`): a hand goes round, takes one from
//! the usage count of each buffer that it passes, and takes the first whose count is 0; a use adds one, up to 5. Here pages of a table are alike, so that it is enough to
//! know how many of each table are there with which count, and the hand meets buffers in a random order. What comes of it is exact for pages of a table that
//! are asked for equally often, but for the order of the hand. The share that is found is nowhere written down: it follows from the sizes
//! of tables and from how often which is read.
//!
//! A scan of a whole table larger than a quarter of the buffers goes through a ring of 256 KiB (`BAS_BULKREAD`): what is there it finds, but it leaves nothing behind;
//! one of a smaller table brings all of it in. Left out: pages of indexes apart from those of tables, the kernel's page cache, and that dirty buffers
//! are written before they are reused.

use knockon_kernel::Stream;
use serde::{Deserialize, Serialize};

/// Usage counts: 0 to 5 (`BM_MAX_USAGE_COUNT`).
const COUNTS: usize = 6;

/// Buffers of a database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Buffers {
    capacity: u64,
    resident: u64,
    tables: Vec<Table>,
    hits: u64,
    misses: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Table {
    pages: u64,
    /// Resident pages by usage count.
    counts: [u64; COUNTS],
}

impl Table {
    fn resident(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Buffers {
    /// So many buffers for tables of so many pages. At the beginning each table has its share of them, with a count of 1.
    #[must_use]
    pub fn new(capacity: u64, pages: &[u64]) -> Self {
        let mut buffers = Self::cold(capacity, pages);
        let all: u128 = pages.iter().map(|&pages| u128::from(pages)).sum();
        for table in &mut buffers.tables {
            let share = u128::from(table.pages) * u128::from(capacity) / all.max(1);
            table.counts[1] = table.pages.min(share as u64);
            buffers.resident += table.counts[1];
        }
        buffers
    }

    /// The same with nothing in them, as after a start.
    #[must_use]
    pub fn cold(capacity: u64, pages: &[u64]) -> Self {
        let tables = pages.iter().map(|&pages| Table { pages, ..Table::default() }).collect();
        Self { capacity, resident: 0, tables, hits: 0, misses: 0 }
    }

    /// Reads a number of pages of a table, each of them any. Returns how many were not there.
    pub fn read(&mut self, table: usize, pages: u64, draws: &mut Stream) -> u64 {
        (0..pages).map(|_| u64::from(self.read_page(table, draws))).sum()
    }

    fn read_page(&mut self, table: usize, draws: &mut Stream) -> bool {
        let described = &mut self.tables[table];
        if described.pages == 0 {
            return false;
        }
        let mut at = draws.below(described.pages);
        for count in 0..COUNTS {
            if at < described.counts[count] {
                self.hits += 1;
                described.counts[count] -= 1;
                described.counts[(count + 1).min(COUNTS - 1)] += 1;
                return false;
            }
            at -= described.counts[count];
        }
        self.misses += 1;
        self.bring_in(table, draws);
        true
    }

    /// Reads all pages of a table. Returns how many were not there.
    pub fn scan(&mut self, table: usize, draws: &mut Stream) -> u64 {
        let described = &mut self.tables[table];
        let missing = described.pages - described.resident();
        self.hits += described.pages - missing;
        self.misses += missing;
        if described.pages <= self.capacity / 4 {
            // All that were there are used once more.
            described.counts[COUNTS - 1] += described.counts[COUNTS - 2];
            described.counts.copy_within(..COUNTS - 2, 1);
            described.counts[0] = 0;
            (0..missing).for_each(|_| self.bring_in(table, draws));
        }
        missing
    }

    fn bring_in(&mut self, table: usize, draws: &mut Stream) {
        if self.capacity == 0 {
            return;
        }
        if self.resident == self.capacity {
            self.evict(draws);
        }
        self.resident += 1;
        self.tables[table].counts[1] += 1;
    }

    /// The hand goes on until it finds a buffer with a count of 0.
    fn evict(&mut self, draws: &mut Stream) {
        loop {
            let mut at = draws.below(self.resident);
            'found: for table in &mut self.tables {
                for count in 0..COUNTS {
                    if at >= table.counts[count] {
                        at -= table.counts[count];
                        continue;
                    }
                    table.counts[count] -= 1;
                    if count == 0 {
                        self.resident -= 1;
                        return;
                    }
                    table.counts[count - 1] += 1;
                    break 'found;
                }
            }
        }
    }

    /// Pages that were found and that were not, so far.
    #[must_use]
    pub fn tally(&self) -> (u64, u64) {
        (self.hits, self.misses)
    }

    /// Buffers in use.
    #[must_use]
    pub fn resident(&self) -> u64 {
        self.resident
    }
}

#[cfg(test)]
mod tests;
