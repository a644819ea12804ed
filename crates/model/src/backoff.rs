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
        let next = nanos * backoff.factor;
        // Past the maximum, or where nothing changes any more, the loop ends, however many retries there are.
        if nanos >= maximum || next == nanos {
            break;
        }
        nanos = next;
    }
    Duration::from_real_nanos(nanos).map_or(backoff.maximum, |delay| delay.min(backoff.maximum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn backoff(factor: f64, jitter: Jitter) -> Backoff {
        Backoff { base: ms(100), factor, maximum: ms(1_000), jitter }
    }

    #[test]
    fn delays_grow_up_to_the_maximum() {
        let cases = [
            (2.0, [100, 200, 400, 800, 1_000, 1_000]),
            (1.0, [100, 100, 100, 100, 100, 100]),
            (1.5, [100, 150, 225, 337, 506, 759]),
            (20.0, [100, 1_000, 1_000, 1_000, 1_000, 1_000]),
        ];
        for (factor, expected) in cases {
            let delays = (1..=6).map(|retry| delay(&backoff(factor, Jitter::None), retry, ms(0), Key::new(1)));
            let delays: Vec<_> = delays.map(|delay| delay.as_nanos() / 1_000_000).collect();
            assert_eq!(delays, expected, "factor {factor}");
        }
        let never = Backoff { base: ms(0), ..backoff(2.0, Jitter::Full) };
        assert_eq!(delay(&never, u32::MAX, ms(0), Key::new(1)), ms(0), "however many retries");
        let huge = Backoff { maximum: Duration::MAX, ..backoff(1e300, Jitter::None) };
        assert_eq!(delay(&huge, 9, ms(0), Key::new(1)), Duration::MAX);
    }

    #[test]
    fn jitter_spreads_a_delay_evenly_over_its_interval() {
        // Kind, retry, previous delay, lowest and highest in ms.
        let cases = [
            (Jitter::Full, 1, 0, 0, 100),
            (Jitter::Full, 3, 0, 0, 400),
            (Jitter::Equal, 3, 0, 200, 400),
            (Jitter::Decorrelated, 1, 0, 100, 300),
            (Jitter::Decorrelated, 2, 250, 100, 750),
        ];
        for (jitter, retry, previous, lowest, highest) in cases {
            let draws = 4_000u64;
            let draw = |call| delay(&backoff(2.0, jitter), retry, ms(previous), Key::new(1).with(call));
            let delays: Vec<_> = (0..draws).map(draw).collect();
            assert!(delays.iter().all(|&delay| delay >= ms(lowest) && delay <= ms(highest)), "{jitter:?}");
            let width = (highest - lowest) as f64 / 1e3;
            let mean = delays.iter().map(|delay| delay.as_secs_f64()).sum::<f64>() / draws as f64;
            let off = mean - (lowest + highest) as f64 / 2e3;
            assert!(off.abs() < 4.0 * width / (12.0 * draws as f64).sqrt(), "{jitter:?} {retry}: off by {off} s");
            let below = delays.iter().filter(|delay| delay.as_secs_f64() < lowest as f64 / 1e3 + width / 4.0).count();
            assert!((900..1_100).contains(&below), "{jitter:?} {retry}: {below} of {draws} in the first quarter");
        }
    }

    #[test]
    fn a_decorrelated_delay_is_at_most_the_maximum() {
        let delays: Vec<_> = (0..1_000u64)
            .map(|call| delay(&backoff(2.0, Jitter::Decorrelated), 5, ms(900), Key::new(1).with(call)))
            .collect();
        assert!(delays.iter().all(|&delay| delay <= ms(1_000)));
        let capped = delays.iter().filter(|&&delay| delay == ms(1_000)).count();
        assert!((600..720).contains(&capped), "uniform in 100 … 2700 ms, so 65 % are cut off: {capped}");
    }

    #[test]
    fn a_delay_is_drawn_for_its_call_and_retry_alone() {
        let draw = |call, retry| delay(&backoff(1.0, Jitter::Full), retry, ms(0), Key::new(1).with(call));
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
    }
}
