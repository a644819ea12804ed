//! How far apart two worlds are that differ in nothing but the phases of their components: the noise that an effect must rise above.
//!
//! Bands are conformal: the placebo's distance from the twin and the fact's distance from it, if the fault does nothing, are
//! exchangeable, so a further distance exceeds the ⌈(n + 1)(1 − α)⌉-th smallest of n with a probability of at most α, whatever the law
//! (Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", 2005, §2). Where n is too small for that rank, the largest of
//! them is stretched as the tail of an exponential law is, by ln(1/α) / ln(n + 1). That is an assumption about the tail, and the
//! only one; tests of faults that do nothing hold it to account.
//!
//! Distances lie in buckets of 1/32 of an octave, the upper edge of which is what counts: bands are at most 3 % wider than the
//! distances say, and memory does not grow with their number.

/// Many distances.
#[derive(Clone, Debug, Default)]
pub struct Noise {
    count: u64,
    zeros: u64,
    /// How many, by the leading bits of the number, in their order, which is that of size.
    buckets: Vec<(u16, u64)>,
    /// Beyond any number: something was in one world and not in the other.
    infinite: u64,
}

/// Bits of the mantissa that a bucket keeps not.
const DROPPED_BITS: u32 = 52 - 5;

impl Noise {
    /// Takes one distance in; its sign does not matter.
    pub fn add(&mut self, distance: f64) {
        let distance = distance.abs();
        self.count += 1;
        if distance == 0.0 {
            self.zeros += 1;
        } else if distance.is_finite() {
            let bucket = (distance.to_bits() >> DROPPED_BITS) as u16;
            match self.buckets.binary_search_by_key(&bucket, |&(known, _)| known) {
                Ok(at) => self.buckets[at].1 += 1,
                Err(at) => self.buckets.insert(at, (bucket, 1)),
            }
        } else {
            self.infinite += 1;
        }
    }

    /// Takes in so many distances of nothing.
    pub(super) fn add_silence(&mut self, distances: u64) {
        self.count += distances;
        self.zeros += distances;
    }

    /// Whether some were endless, and so many that one more may be by chance.
    pub(super) fn is_boundless(&self, alpha: f64) -> bool {
        self.infinite > 0 && self.band(alpha).is_infinite()
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether none was more than nothing.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.zeros == self.count
    }

    /// What one more distance exceeds with a probability of at most `alpha`, if it is one of them; infinite where nothing is known.
    #[must_use]
    pub fn band(&self, alpha: f64) -> f64 {
        if self.count == 0 {
            return f64::INFINITY;
        }
        let places = (self.count + 1) as f64;
        let rank = (places * (1.0 - alpha)).ceil();
        if rank <= self.count as f64 {
            return self.smallest(rank as u64);
        }
        let largest = self.smallest(self.count);
        if largest == 0.0 {
            return 0.0;
        }
        largest * libm::log(1.0 / alpha) / libm::log(places)
    }

    /// The `rank`-th smallest, counted from 1.
    fn smallest(&self, rank: u64) -> f64 {
        let mut below = self.zeros;
        if rank <= below {
            return 0.0;
        }
        for &(bucket, count) in &self.buckets {
            below += count;
            if rank <= below {
                return f64::from_bits((u64::from(bucket) + 1) << DROPPED_BITS);
            }
        }
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(distances: impl IntoIterator<Item = f64>) -> Noise {
        let mut noise = Noise::default();
        distances.into_iter().for_each(|distance| noise.add(distance));
        noise
    }

    #[test]
    fn a_band_is_the_order_statistic_up_to_its_bucket() {
        let noise = noise((1..=999).map(f64::from));
        for (alpha, exact) in [(0.5, 500.0), (0.1, 900.0), (0.005, 995.0)] {
            let band = noise.band(alpha);
            assert!(band >= exact && band <= exact * 1.04, "α {alpha}: {band} for {exact}");
        }
    }

    #[test]
    fn one_more_of_the_same_law_exceeds_the_band_as_often_as_said() {
        // Of n + 1 places in order, each is as likely for the next one: count those over the band, leaving one out at a time.
        let distances: Vec<f64> = (0..400u64).map(|n| ((n * 7919 % 1009) as f64).powi(3)).collect();
        let over = (0..distances.len()).filter(|&left_out| {
            let others = noise(distances.iter().enumerate().filter(|(n, _)| *n != left_out).map(|(_, d)| *d));
            distances[left_out] > others.band(0.02)
        });
        assert!(over.count() <= 8);
    }

    #[test]
    fn few_distances_make_a_band_that_is_wider_than_any_of_them() {
        let noise = noise([1.0, -2.0, 4.0]);
        let band = noise.band(0.005);
        // 4 × ln 200 / ln 4, at the upper edge of its bucket.
        assert!(band > 15.2 && band < 15.9, "{band}");
        assert!(noise.band(1e-6) > 2.0 * band);
    }

    #[test]
    fn silence_has_no_band_and_ignorance_an_endless_one() {
        assert_eq!(noise([0.0; 7]).band(1e-9), 0.0);
        assert!(noise([0.0; 7]).is_silent());
        assert_eq!(Noise::default().band(0.1), f64::INFINITY);
    }

    #[test]
    fn what_is_in_one_world_only_is_beyond_every_number() {
        let noise = noise([1.0, f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!(noise.band(0.5), f64::INFINITY, "two of three are");
        assert!(noise.band(0.75).is_finite());
    }
}
