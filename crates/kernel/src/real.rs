//! [`Real`]: a float whose transcendental functions come from `libm`, so that `rand_distr`'s distributions over it give the
//! same bits on every host.
//!
//! `rand_distr` is generic over `num_traits::Float`, which for `f64` means the host's C library. Here are the trait for
//! our own type, and the elementary draws that its distributions are built from: uniforms, and by ziggurat the exponential
//! and the normal one.

mod draws;
mod float;
mod ziggurat;

use serde::{Deserialize, Serialize};

/// An `f64` with the functions of the `libm` crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Real(pub f64);

#[cfg(test)]
mod tests;
