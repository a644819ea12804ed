//! Ranks with Zipf's law: by a table of cumulative probabilities where one fits, else by rejection.
//!
//! With the table a rank is the inverse of one uniform, so that it moves as little as possible when the law is changed. A
//! guide (Chen and Asau, 1974) leads to within a step or two of the place, whatever the length of the table.

use crate::math::{exp, ln};
use crate::real::Real;
use crate::stream::Stream;
use rand_distr::{Distribution, Zipf};
use std::sync::Arc;

/// Most ranks to make a table for: 12 bytes each.
const LONGEST_TABLE: u32 = 1 << 16;

#[derive(Clone, Debug)]
pub(super) struct Ranks {
    n: u32,
    exponent: f64,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Table(Arc<Table>),
    Rejection(Zipf<Real>),
}

#[derive(Debug)]
struct Table {
    /// P(rank ≤ r), ending with 1.
    cumulative: Vec<f64>,
    /// For each of as many equal parts of [0, 1): the rank of its lower end.
    guide: Vec<u32>,
}

impl Ranks {
    /// `n` is at least 1 and `exponent` finite and not negative.
    pub(super) fn new(n: u32, exponent: f64) -> Self {
        let way = if n <= LONGEST_TABLE {
            Way::Table(Arc::new(Table::new(n, exponent)))
        } else {
            let zipf = Zipf::new(Real(f64::from(n)), Real(exponent));
            Way::Rejection(zipf.expect("the law's parameters were checked"))
        };
        Self { n, exponent, way }
    }

    #[inline]
    pub(super) fn sample(&self, stream: &mut Stream) -> u32 {
        match self.way {
            Way::Table(ref table) => table.rank(stream.unit()),
            // Ranks there begin at 1. Rounding may take the largest one past n.
            Way::Rejection(ref zipf) => (zipf.sample(stream).0 as u32).clamp(1, self.n) - 1,
        }
    }

    pub(super) fn mean(&self) -> f64 {
        let (mut total, mut moment) = (0.0, 0.0);
        for rank in 0..self.n {
            let weight = weight(rank, self.exponent);
            total += weight;
            moment += weight * f64::from(rank);
        }
        moment / total
    }
}

fn weight(rank: u32, exponent: f64) -> f64 {
    exp(-exponent * ln(f64::from(rank) + 1.0))
}

impl Table {
    fn new(n: u32, exponent: f64) -> Self {
        // Summed from the smallest, for accuracy.
        let total: f64 = (0..n).rev().map(|rank| weight(rank, exponent)).sum();
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (0..n)
            .map(|rank| {
                sum += weight(rank, exponent);
                sum / total
            })
            .collect();
        cumulative[n as usize - 1] = 1.0;
        let mut rank = 0;
        let guide = (0..n)
            .map(|part| {
                let lower_end = f64::from(part) / f64::from(n);
                while cumulative[rank as usize] <= lower_end {
                    rank += 1;
                }
                rank
            })
            .collect();
        Self { cumulative, guide }
    }

    /// The least rank whose cumulative probability is above `u`.
    #[inline]
    fn rank(&self, u: f64) -> u32 {
        let part = (u * self.guide.len() as f64) as usize;
        let mut rank = self.guide[part];
        // The product may have been rounded up into the next part.
        while rank > 0 && self.cumulative[rank as usize - 1] > u {
            rank -= 1;
        }
        while self.cumulative[rank as usize] <= u {
            rank += 1;
        }
        rank
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_exact_at_every_edge() {
        for (n, exponent) in [(2, 1.0), (3, 1.0), (100, 0.0), (1_000, 1.2), (LONGEST_TABLE, 0.8)] {
            let table = Table::new(n, exponent);
            assert_eq!(table.rank(0.0), 0);
            for rank in 0..n - 1 {
                let edge = table.cumulative[rank as usize];
                assert_eq!((table.rank(edge.next_down()), table.rank(edge)), (rank, rank + 1), "{n}, {exponent}");
            }
            assert_eq!(table.rank(1.0_f64.next_down()), n - 1);
        }
    }

    #[test]
    fn probabilities_are_the_harmonic_fractions() {
        // 1 + 1/2 + 1/3 + 1/4 = 25/12.
        let table = Table::new(4, 1.0);
        for (cumulative, expected) in table.cumulative.iter().zip([12.0 / 25.0, 18.0 / 25.0, 22.0 / 25.0, 1.0]) {
            assert!((cumulative - expected).abs() < 1e-15, "{cumulative}, expected {expected}");
        }
    }
}
