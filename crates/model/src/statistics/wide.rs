//! Integers of 128 bits as two of 64, high and low: formats without wide numbers would make floats of them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A wide integer, by its bits.
pub(crate) trait Wide: Copy {
    fn to_bits(self) -> u128;
    fn from_bits(bits: u128) -> Self;
}

impl Wide for u128 {
    fn to_bits(self) -> u128 {
        self
    }
    fn from_bits(bits: u128) -> Self {
        bits
    }
}

impl Wide for i128 {
    fn to_bits(self) -> u128 {
        self.cast_unsigned()
    }
    fn from_bits(bits: u128) -> Self {
        bits.cast_signed()
    }
}

pub(crate) fn serialize<T: Wide, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let bits = value.to_bits();
    ((bits >> 64) as u64, bits as u64).serialize(serializer)
}

pub(crate) fn deserialize<'de, T: Wide, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let (high, low) = <(u64, u64)>::deserialize(deserializer)?;
    Ok(T::from_bits(u128::from(high) << 64 | u128::from(low)))
}
