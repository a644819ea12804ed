//! The pause before a further attempt: exponential, capped, with jitter.

use crate::blueprint::{Backoff, Jitter};
use crate::purpose;
use knockon_kernel::{Duration, Key};

/// The pause before a further attempt: `retry` is 1 before the second attempt. `key` is the address of the call, `previous` the pause
/// before the attempt that failed (zero for the first), which only [`Jitter::Decorrelated`] looks at.
///
/// Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
#[must_use]
pub fn delay(backoff: &Backoff, retry: u32, previous: Duration, key: Key) -> Duration {
    let unit = || key.purpose(purpose::JITTER).with(u64::from(retry)).unit();
    let nanos = match backoff.jitter {
        Jitter::None => return exponential(backoff, retry),
        Jitter::Full => unit() * exponential(backoff, retry).as_nanos() as f64,
        Jitter::Equal => (1.0 + unit()) * (exponential(backoff, retry).as_nanos() as f64 / 2.0),
        Jitter::Decorrelated => {
            let base = backoff.base.as_nanos() as f64;
            let highest = previous.max(backoff.base).as_nanos() as f64 * 3.0;
            base + unit() * (highest - base)
        }
    };
    Duration::from_real_nanos(nanos).map_or(backoff.maximum, |delay| delay.min(backoff.maximum))
}

/// `min(maximum, base · factor^(retry − 1))`.
fn exponential(backoff: &Backoff, retry: u32) -> Duration {
    let maximum = backoff.maximum.as_nanos() as f64;
    let mut nanos = backoff.base.as_nanos() as f64;
    for _ in 1..retry {
        // Neither a factor of 1 nor the cap leaves anything to multiply: the loop stays short however many retries there are.
        if backoff.factor == 1.0 || nanos >= maximum {
            break;
        }
        nanos *= backoff.factor;
    }
    Duration::from_real_nanos(nanos).map_or(backoff.maximum, |delay| delay.min(backoff.maximum))
}
