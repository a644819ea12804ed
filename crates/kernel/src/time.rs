//! Simulated time: [`Time`] is an instant, [`Duration`] a length, both whole nanoseconds in a `u64` (584 years).
//!
//! Integers make sums exact and order total, so that the parts of a span add up to it and two hosts agree. Arithmetic is
//! checked: an overflow is a broken invariant and panics. The only way in from a float is
//! [`Duration::from_real_nanos`]. Deliberately not here: calendars, epochs and the parsing of "250ms".

use core::fmt;
use core::ops::{Add, AddAssign, Div, Mul, Sub, SubAssign};
use serde::{Deserialize, Serialize};

/// An instant: nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(u64);

impl Time {
    /// The start of the run.
    pub const ZERO: Self = Self(0);
    /// The last instant that can be expressed, 584 years after the start.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the start of the run.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start of the run.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`, or zero if `earlier` is in fact later.
    #[must_use]
    pub const fn saturating_sub(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// This instant moved by `by`, or `None` beyond [`Time::MAX`].
    #[must_use]
    pub const fn checked_add(self, by: Duration) -> Option<Self> {
        match self.0.checked_add(by.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// This instant moved by `by`, at most [`Time::MAX`].
    #[must_use]
    pub const fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by.0))
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest duration that can be expressed, 584 years.
    pub const MAX: Self = Self(u64::MAX);

    /// A duration of `nanos` nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A duration of `micros` microseconds.
    ///
    /// # Panics
    /// If it is longer than [`Duration::MAX`].
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self::from_units(micros, 1_000)
    }

    /// A duration of `millis` milliseconds.
    ///
    /// # Panics
    /// If it is longer than [`Duration::MAX`].
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self::from_units(millis, 1_000_000)
    }

    /// A duration of `secs` seconds.
    ///
    /// # Panics
    /// If it is longer than [`Duration::MAX`].
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self::from_units(secs, 1_000_000_000)
    }

    const fn from_units(count: u64, nanos_each: u64) -> Self {
        match count.checked_mul(nanos_each) {
            Some(nanos) => Self(nanos),
            None => panic!("a duration is longer than 584 years"),
        }
    }

    /// A duration of `nanos` nanoseconds, rounded to the nearest one (ties to even): the only way in from a float.
    ///
    /// `None` if `nanos` is not a number, negative, or longer than [`Duration::MAX`]. Negative zero is zero.
    #[inline]
    #[must_use]
    pub fn from_real_nanos(nanos: f64) -> Option<Self> {
        // 2^64 as a float; the largest float below it rounds to itself and fits.
        const LIMIT: f64 = 18_446_744_073_709_551_616.0;
        // NaN lies in no range.
        (0.0..LIMIT).contains(&nanos).then(|| Self(round(nanos) as u64))
    }

    /// The length in nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The length in seconds, for display and statistics (53 bits: exact up to 104 days).
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The difference, or zero where `other` is longer.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The sum, at most [`Duration::MAX`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The sum, or `None` beyond [`Duration::MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// Whether this is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// The nearest whole number, ties to even, of a float that is not negative.
///
/// Floats from 2^52 on are whole. Below, adding 2^52 leaves no bits for a fraction, so the sum is rounded; taking it away again is
/// exact. On the baseline of x86-64 the function of the standard library is a call and several times slower.
#[inline]
fn round(value: f64) -> f64 {
    const WHOLE: f64 = (1_u64 << 52) as f64;
    if value < WHOLE { (value + WHOLE) - WHOLE } else { value }
}

#[cold]
#[inline(never)]
fn overflow(left: u64, operator: &str, right: u64) -> ! {
    panic!("simulated time left its range: {left} ns {operator} {right} ns does not lie in 0..=2^64-1 ns")
}

impl Add<Duration> for Time {
    type Output = Self;
    #[inline]
    fn add(self, by: Duration) -> Self {
        self.checked_add(by).unwrap_or_else(|| overflow(self.0, "+", by.0))
    }
}

impl AddAssign<Duration> for Time {
    #[inline]
    fn add_assign(&mut self, by: Duration) {
        *self = *self + by;
    }
}

impl Sub for Time {
    type Output = Duration;
    #[inline]
    fn sub(self, earlier: Self) -> Duration {
        Duration(self.0.checked_sub(earlier.0).unwrap_or_else(|| overflow(self.0, "-", earlier.0)))
    }
}

impl Add for Duration {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        self.checked_add(other).unwrap_or_else(|| overflow(self.0, "+", other.0))
    }
}

impl AddAssign for Duration {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Duration {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).unwrap_or_else(|| overflow(self.0, "-", other.0)))
    }
}

impl SubAssign for Duration {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Mul<u64> for Duration {
    type Output = Self;
    #[inline]
    fn mul(self, times: u64) -> Self {
        Self(self.0.checked_mul(times).unwrap_or_else(|| overflow(self.0, "times", times)))
    }
}

impl Div<u64> for Duration {
    type Output = Self;
    /// Whole nanoseconds, rounded down.
    #[inline]
    fn div(self, parts: u64) -> Self {
        Self(self.0 / parts)
    }
}

impl core::iter::Sum for Duration {
    fn sum<I: Iterator<Item = Self>>(durations: I) -> Self {
        durations.fold(Self::ZERO, Add::add)
    }
}

/// For people: the largest unit that is at most the value, exact, without trailing zeros: "1.5 s", "250 ms", "2 h".
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 7] = [
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "min"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "µs"),
            (1, "ns"),
        ];
        if self.0 == 0 {
            return f.pad("0 s");
        }
        // Minutes and more only where they divide the value well: 90 s reads better than 1.5 min, 2 h than 7200 s.
        let unit = UNITS.iter().position(|&(nanos, _)| {
            let decimal = nanos <= 1_000_000_000;
            self.0 >= nanos && (decimal || self.0.is_multiple_of(nanos))
        });
        let (nanos, name) = UNITS[unit.unwrap_or(UNITS.len() - 1)];
        let (whole, rest) = (self.0 / nanos, self.0 % nanos);
        if rest == 0 {
            return f.pad(&format!("{whole} {name}"));
        }
        let digits = nanos.ilog10() as usize;
        let fraction = format!("{rest:0digits$}");
        f.pad(&format!("{whole}.{} {name}", fraction.trim_end_matches('0')))
    }
}

/// As a duration since the start of the run.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Duration(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests;
