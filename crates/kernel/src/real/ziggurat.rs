//! The tables of the ziggurat method (Marsaglia and Tsang, 2000, in the variant of Doornik, 2005) with 256 layers.
//!
//! The area under a falling density is covered by layers of one area. Nearly every draw lands in the part of a layer that lies
//! wholly under the density, and costs a multiplication and a comparison. The tables are computed once, with `libm`.

use core::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2};
use std::sync::LazyLock;

/// Layers from the bottom, which holds the tail, to the top.
#[derive(Debug)]
pub(super) struct Ziggurat {
    /// Right edge of each layer, falling; the bottom one's is that of a rectangle of the same area.
    pub(super) x: [f64; 257],
    /// The density at each edge.
    pub(super) density: [f64; 257],
}

impl Ziggurat {
    /// The tables for a density that falls from 1 at 0, where the tail begins at `start` and has the area `tail`.
    fn new(start: f64, tail: f64, density: impl Fn(f64) -> f64, inverse: impl Fn(f64) -> f64) -> Self {
        let area = start * density(start) + tail;
        let mut x = [0.0; 257];
        x[0] = area / density(start);
        x[1] = start;
        for layer in 2..256 {
            x[layer] = inverse(area / x[layer - 1] + density(x[layer - 1]));
        }
        let density = x.map(density);
        Self { x, density }
    }

    /// Whether a point at height `u` within the layer lies below the density.
    #[inline]
    pub(super) fn is_below(&self, layer: usize, u: f64, density: f64) -> bool {
        self.density[layer + 1] + (self.density[layer] - self.density[layer + 1]) * u < density
    }
}

/// exp(-x). The tail begins where 256 layers of equal area end exactly at the top.
pub(super) static EXPONENTIAL: LazyLock<Ziggurat> = LazyLock::new(|| {
    let start = 7.697_117_470_131_05;
    Ziggurat::new(start, libm::exp(-start), |x| libm::exp(-x), |y| -libm::log(y))
});

/// exp(-x²/2), likewise.
pub(super) static NORMAL: LazyLock<Ziggurat> = LazyLock::new(|| {
    let start = 3.654_152_885_361_009;
    let tail = libm::sqrt(FRAC_PI_2) * libm::erfc(start * FRAC_1_SQRT_2);
    Ziggurat::new(start, tail, |x| libm::exp(-0.5 * x * x), |y| libm::sqrt(-2.0 * libm::log(y)))
});
