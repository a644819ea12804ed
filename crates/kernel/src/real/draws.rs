//! The elementary draws over [`Real`] that `rand_distr` builds its distributions from.

use super::Real;
use super::ziggurat::{EXPONENTIAL, NORMAL, Ziggurat};
use rand::Rng;
use rand_distr::{Distribution, Exp1, Open01, OpenClosed01, StandardNormal, StandardUniform};

/// 2^-53.
const STEP: f64 = 1.0 / (1_u64 << 53) as f64;

/// In [0, 1), 53 random bits.
impl Distribution<Real> for StandardUniform {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Real {
        Real((rng.next_u64() >> 11) as f64 * STEP)
    }
}

/// In (0, 1], 53 random bits.
impl Distribution<Real> for OpenClosed01 {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Real {
        Real(((rng.next_u64() >> 11) + 1) as f64 * STEP)
    }
}

/// In (0, 1), 52 random bits.
impl Distribution<Real> for Open01 {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Real {
        Real(((rng.next_u64() >> 12) as f64 + 0.5) * (2.0 * STEP))
    }
}

/// The exponential distribution of mean 1.
impl Distribution<Real> for Exp1 {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Real {
        loop {
            let bits = rng.next_u64();
            let layer = (bits & 0xff) as usize;
            let x = ((bits >> 12) as f64 + 0.5) * (2.0 * STEP) * EXPONENTIAL.x[layer];
            // Nearly always; what follows is kept out of line, so that this is short enough to be where it is needed.
            if x < EXPONENTIAL.x[layer + 1] {
                return Real(x);
            }
            if let Some(x) = edge_of_exponential(rng, layer, x) {
                return Real(x);
            }
        }
    }
}

/// A draw that fell beside the rectangle of its layer: into the tail, below the curve, or above it and so nowhere.
#[cold]
fn edge_of_exponential<R: Rng + ?Sized>(rng: &mut R, layer: usize, x: f64) -> Option<f64> {
    let tables: &Ziggurat = &EXPONENTIAL;
    if layer == 0 {
        // The tail of an exponential is an exponential.
        let Real(u) = OpenClosed01.sample(rng);
        return Some(tables.x[1] - libm::log(u));
    }
    let Real(u) = StandardUniform.sample(rng);
    tables.is_below(layer, u, libm::exp(-x)).then_some(x)
}

/// The normal distribution of mean 0 and variance 1.
impl Distribution<Real> for StandardNormal {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Real {
        let tables: &Ziggurat = &NORMAL;
        loop {
            let bits = rng.next_u64();
            let layer = (bits & 0xff) as usize;
            // In (-1, 1), symmetric.
            let u = ((bits >> 12) as f64 + 0.5) * (4.0 * STEP) - 1.0;
            let x = u * tables.x[layer];
            if x.abs() < tables.x[layer + 1] {
                return Real(x);
            }
            if layer == 0 {
                return Real(tail_of_normal(rng, tables.x[1], u < 0.0));
            }
            let Real(v) = StandardUniform.sample(rng);
            if tables.is_below(layer, v, libm::exp(-0.5 * x * x)) {
                return Real(x);
            }
        }
    }
}

/// Marsaglia, "Generating a variable from the tail of the normal distribution", 1964.
#[cold]
fn tail_of_normal<R: Rng + ?Sized>(rng: &mut R, start: f64, negative: bool) -> f64 {
    loop {
        let Real(u) = OpenClosed01.sample(rng);
        let Real(v) = OpenClosed01.sample(rng);
        let beyond = -libm::log(u) / start;
        if -2.0 * libm::log(v) >= beyond * beyond {
            let x = start + beyond;
            return if negative { -x } else { x };
        }
    }
}
