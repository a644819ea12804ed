//! Identifiers as hexadecimal digits.

use serde::ser::{Serialize, Serializer};
use std::fmt;

/// An identifier of so many bytes, in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hex<const BYTES: usize>(u128);

pub(crate) type TraceId = Hex<16>;
pub(crate) type SpanId = Hex<8>;

impl<const BYTES: usize> Hex<BYTES> {
    pub(crate) const fn new(number: u128) -> Self {
        Self(number)
    }

    /// Its number.
    pub(crate) const fn number(self) -> u128 {
        self.0
    }

    /// The digits, in a buffer of the most there are.
    pub(crate) fn digits(self, buffer: &mut [u8; 32]) -> &str {
        let digits = &mut buffer[..2 * BYTES];
        for (n, digit) in digits.iter_mut().rev().enumerate() {
            *digit = b"0123456789abcdef"[(self.0 >> (4 * n) & 0xf) as usize];
        }
        std::str::from_utf8(digits).expect("digits are ASCII")
    }
}

impl<const BYTES: usize> Serialize for Hex<BYTES> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.digits(&mut [0; 32]))
    }
}

impl<const BYTES: usize> fmt::Display for Hex<BYTES> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.digits(&mut [0; 32]))
    }
}
