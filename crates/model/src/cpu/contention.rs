//! Contention: the more jobs run at once, the longer each of them takes, however many cores there are.
//!
//! The universal scalability law (Gunther, "Guerrilla Capacity Planning", 2007, chapter 4): a job that takes S₀ alone takes
//! S(N) = S₀·(1 + σ(N − 1) + κN(N − 1)) among N. σ is the share that only one can do at a time (latches, the log); κ is
//! what each pays for each other (coherence, snapshots). Throughput N/S(N) is greatest at N* = √((1 − σ)/κ).
//!
//! A job's speed is S₀/S(N), times its share of the cores. It is a number of 2⁻⁴⁰, rounded down.

use serde::{Deserialize, Serialize};

/// Parts of a coefficient, and of the law's denominator.
const BILLION: u128 = 1_000_000_000;
/// A full speed.
pub(super) const FULL_SPEED: u64 = 1 << 40;

/// σ and κ, in thousand-millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contention {
    /// σ.
    pub sigma_nano: u64,
    /// κ.
    pub kappa_nano: u64,
}

impl Contention {
    /// Speed of each of `jobs`, in parts of [`FULL_SPEED`], where the cores alone would give it `numerator / denominator`.
    pub(super) fn speed(self, jobs: u64, numerator: u64, denominator: u64) -> u64 {
        let n = u128::from(jobs);
        let stretch = BILLION
            + u128::from(self.sigma_nano) * n.saturating_sub(1)
            + u128::from(self.kappa_nano) * n * n.saturating_sub(1);
        // At most 2⁴⁰ · 10⁹ · 2³² here.
        let scaled = u128::from(FULL_SPEED) * BILLION / stretch * u128::from(numerator.min(denominator));
        u64::try_from(scaled / u128::from(denominator)).unwrap_or(FULL_SPEED)
    }
}
