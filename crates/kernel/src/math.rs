//! The transcendental functions of the simulator, from the `libm` crate: the same bits on every host.
//!
//! The functions of the standard library come from the host's C library and differ between versions, processors and
//! targets, so lints keep them out. [`powf`] is the slow one: where the base is positive prefer `exp(a * ln(x))`.

pub use libm::{
    cbrt, ceil, cos, erf, erfc, exp, exp2, expm1, floor, lgamma, log as ln, log1p as ln_1p, log2, log10, pow as powf,
    sin, sqrt, tan, tanh, tgamma,
};
use ordered_float::OrderedFloat;

/// The greater of two floats in a total order: +0 is above -0 nowhere relied upon, NaN is above everything.
#[must_use]
pub fn max(a: f64, b: f64) -> f64 {
    OrderedFloat(a).max(OrderedFloat(b)).0
}

/// The smaller of two floats in a total order in which NaN is above everything.
#[must_use]
pub fn min(a: f64, b: f64) -> f64 {
    OrderedFloat(a).min(OrderedFloat(b)).0
}
