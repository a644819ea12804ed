use super::*;
use proptest::prelude::*;

const INTERVAL: u64 = 1_000;

fn ms(ms: u64) -> Time {
    Time::from_nanos(ms * 1_000_000)
}

/// The same millisecond by millisecond: at each the timer runs if it is due and it is a turn's end or nobody keeps the loop.
struct Naive {
    ran: u64,
    window: Vec<u64>,
}

impl Naive {
    fn millisecond(&mut self, at: u64, may_run: bool) {
        if (at - 1).is_multiple_of(INTERVAL) {
            self.window.clear();
        }
        if may_run && at - self.ran >= 10 {
            self.window.push(at - self.ran);
            self.ran = at;
        }
    }
}

proptest! {
    #[test]
    fn it_counts_what_a_timer_sees_that_is_looked_at_every_millisecond(
        // Times in which it is free, and callbacks that then keep it one after another.
        spells in prop::collection::vec((1u64..300, prop::collection::vec(1u64..400, 1..4)), 1..12)
    ) {
        let mut delay = LoopDelay::new(ms(0), Duration::from_millis(INTERVAL));
        let mut naive = Naive { ran: 0, window: Vec::new() };
        let mut now = 0;
        let scrape = |at: u64, delay: &LoopDelay, naive: &Naive| {
            if !at.is_multiple_of(INTERVAL) {
                return Ok(());
            }
            let told = delay.readings(ms(at));
            prop_assert_eq!(told.is_some(), !naive.window.is_empty(), "at {}", at);
            if let Some(told) = told {
                let all = naive.window.len() as f64;
                let mean = naive.window.iter().sum::<u64>() as f64 / all * 1e6;
                prop_assert!((told.mean / mean - 1.0).abs() < 1e-3, "{told:?} against {mean}");
                let mut sorted = naive.window.clone();
                sorted.sort_unstable();
                prop_assert_eq!(told.minimum, lowest(sorted[0] * 1_000_000));
                prop_assert_eq!(told.maximum, highest(lowest(sorted[sorted.len() - 1] * 1_000_000)));
                let median = sorted[(sorted.len() * 50 + 50) / 100 - 1];
                prop_assert_eq!(told.quantiles[0], highest(lowest(median * 1_000_000)));
            }
            Ok(())
        };
        for (free, callbacks) in spells {
            for _ in 0..free {
                now += 1;
                naive.millisecond(now, true);
                scrape(now, &delay, &naive)?;
            }
            delay.keep(ms(now));
            let last = callbacks.len() - 1;
            for (n, callback) in callbacks.into_iter().enumerate() {
                for passed in 1..=callback {
                    now += 1;
                    naive.millisecond(now, passed == callback);
                    if passed == callback {
                        delay.turn(ms(now), n < last);
                    }
                    scrape(now, &delay, &naive)?;
                }
            }
        }
    }
}

#[test]
fn a_free_loop_shows_the_resolution_and_one_that_was_kept_for_a_second_that_too() {
    let mut delay = LoopDelay::new(ms(0), Duration::from_secs(15));
    let told = delay.readings(ms(15_000)).expect("it ran");
    assert_eq!((told.minimum, told.deviation), (lowest(10_000_000), 0.0));
    delay.keep(ms(16_000));
    delay.turn(ms(17_000), false);
    let told = delay.readings(ms(30_000)).expect("it ran");
    assert_eq!(told.maximum, highest(lowest(1_000_000_000)));
    assert_eq!(told.quantiles[2], highest(lowest(10_000_000)), "one in 1 400 is beyond p99");
}

#[test]
fn a_loop_that_is_kept_all_the_time_tells_nothing() {
    let mut delay = LoopDelay::new(ms(0), Duration::from_secs(1));
    delay.keep(ms(900));
    assert!(delay.readings(ms(1_000)).is_some());
    assert_eq!(delay.readings(ms(2_000)), None);
}
