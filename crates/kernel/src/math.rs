//! The transcendental functions of the simulator, from the `libm` crate: the same bits on every host.
//!
//! The functions of the standard library come from the host's C library and differ between versions, processors and
//! targets, so lints keep them out. [`powf`] is the slow one: where the base is positive prefer `exp(a * ln(x))`.

pub use libm::{
    cbrt, ceil, cos, erf, erfc, exp, exp2, expm1, floor, lgamma, log as ln, log1p as ln_1p, log2, log10, pow as powf,
    sin, sqrt, tan, tanh, tgamma,
};
use ordered_float::OrderedFloat;

/// The greater of two floats, where NaN is above all; `b` if they are equal, so that zeros of either sign are decided too.
#[must_use]
pub fn max(a: f64, b: f64) -> f64 {
    OrderedFloat(a).max(OrderedFloat(b)).0
}

/// The smaller of two floats, where NaN is above all; `a` if they are equal.
#[must_use]
pub fn min(a: f64, b: f64) -> f64 {
    OrderedFloat(a).min(OrderedFloat(b)).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_decided_for_every_pair() {
        let table = [(1.0, 2.0), (2.0, 1.0), (0.0, -0.0), (-0.0, 0.0), (f64::NAN, 1.0), (1.0, f64::NAN)];
        for (a, b) in table {
            let (greater, smaller) = (max(a, b), min(a, b));
            let pair = [a.to_bits(), b.to_bits()];
            assert_eq!([smaller.to_bits(), greater.to_bits()].map(|bits| pair.contains(&bits)), [true; 2]);
            assert!(a.is_nan() || b.is_nan() || smaller <= greater);
            assert!(!smaller.is_nan());
        }
        assert_eq!(max(0.0, -0.0).to_bits(), (-0.0_f64).to_bits());
        assert_eq!(min(0.0, -0.0).to_bits(), 0.0_f64.to_bits());
    }

    /// Values that the host's C library gets wrong by a last bit on some processors.
    #[test]
    fn functions_have_these_bits_everywhere() {
        let table: [(&str, f64, u64); 6] = [
            ("ln", ln(0.1), 0xc002_6bb1_bbb5_5515),
            ("exp", exp(0.1), 0x3ff1_aec7_b35a_00d4),
            ("powf", powf(1.1, 3.3), 0x3ff5_e9e8_addf_30c8),
            ("sin", sin(1e6), 0xbfd6_664b_2568_d867),
            ("cbrt", cbrt(0.3), 0x3fe5_6bfe_a66e_f78d),
            ("tgamma", tgamma(4.5), 0x4027_4371_e786_6c64),
        ];
        for (name, value, bits) in table {
            assert_eq!(value.to_bits(), bits, "{name}: {value:?} {:#018x}", value.to_bits());
        }
    }
}
