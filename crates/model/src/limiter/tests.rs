//! The limiters against naive ones: a bucket that is filled millisecond by millisecond, and the formula of `limit_req` in signed
//! integers.

use super::*;
use proptest::prelude::*;

fn at(ms: u64) -> Time {
    Time::from_nanos(ms * 1_000_000)
}

fn bucket(rate_milli: u64, burst: u32) -> RateLimit {
    RateLimit { kind: RateLimitKind::TokenBucket, rate_milli, burst, status: 429 }
}

fn limit_req(rate_milli: u64, burst: u32, undelayed: Option<u32>) -> RateLimit {
    RateLimit { kind: RateLimitKind::LimitReq { undelayed }, rate_milli, burst, status: 503 }
}

#[test]
fn a_bucket_lets_its_burst_through_and_then_its_rate() {
    let mut limiter = Limiter::new(at(0), &bucket(2_000, 3));
    let verdicts: Vec<_> = [0, 0, 0, 0, 499, 500, 501, 10_000].map(|ms| limiter.ask(at(ms))).into();
    let reject = |ms: u64| Verdict::Reject(Some(Duration::from_millis(ms)));
    let pass = Verdict::Pass;
    assert_eq!(verdicts, [pass, pass, pass, reject(500), reject(1), pass, reject(499), pass]);
    assert_eq!(limiter.tokens(at(10_000)), 2, "a full bucket less one");
    assert_eq!(limiter.counts, [5, 0, 3]);
}

#[test]
fn a_new_rate_counts_from_now_on() {
    let mut limiter = Limiter::new(at(0), &bucket(1_000, 1));
    assert_eq!(limiter.ask(at(0)), Verdict::Pass);
    limiter.set_rate(at(500), 100_000);
    // Half a token from before, and another half within 5 ms.
    assert_eq!(limiter.ask(at(504)), Verdict::Reject(Some(Duration::from_millis(1))));
    assert_eq!(limiter.ask(at(505)), Verdict::Pass);
    limiter.set_burst(at(505), 5);
    assert_eq!(limiter.tokens(at(1000)), 5);
}

#[test]
fn limit_req_delays_what_is_within_the_burst() {
    // 10 a second, burst 3, one of them at once.
    let mut limiter = Limiter::new(at(0), &limit_req(10_000, 3, Some(1)));
    let verdicts: Vec<_> = [0, 0, 0, 0, 0, 100].map(|ms| limiter.ask(at(ms))).into();
    let delay = |ms: u64| Verdict::Delay(Duration::from_millis(ms));
    let (pass, reject) = (Verdict::Pass, Verdict::Reject(None));
    assert_eq!(verdicts, [pass, pass, delay(100), delay(200), reject, delay(200)]);
    assert_eq!(limiter.excess_milli(), 3000);
}

#[test]
fn limit_req_sees_whole_milliseconds_of_its_clock() {
    let just = |ns: u64| Time::from_nanos(ns);
    let mut limiter = Limiter::new(at(0), &limit_req(1_000_000, 0, None));
    assert_eq!(limiter.ask(just(999_999)), Verdict::Pass);
    assert_eq!(limiter.ask(just(1_000_000)), Verdict::Pass, "a nanosecond later, but the next millisecond");
    assert_eq!(limiter.ask(just(1_999_999)), Verdict::Reject(None), "a millisecond later, but the same one");
}

/// The formula as nginx computes it: signed, in thousandths.
#[derive(Default)]
struct Formula {
    excess: i64,
    last_ms: Option<i64>,
}

impl Formula {
    fn ask(&mut self, now_ms: i64, rate: i64, burst: i64, delay: i64) -> Verdict {
        let excess = match self.last_ms {
            None => 0,
            Some(last) => (self.excess - rate * (now_ms - last) / 1000 + 1000).max(0),
        };
        if excess > burst * 1000 {
            return Verdict::Reject(None);
        }
        (self.excess, self.last_ms) = (excess, Some(now_ms));
        match if excess <= delay * 1000 { 0 } else { (excess - delay * 1000) * 1000 / rate } {
            0 => Verdict::Pass,
            ms => Verdict::Delay(Duration::from_millis(ms as u64)),
        }
    }
}

/// What happens to a limiter after so many milliseconds.
#[derive(Clone, Copy, Debug)]
enum Act {
    Ask,
    Rate(u64),
    Burst(u32),
}

fn acts(gaps: impl Strategy<Value = u64>, rates: std::ops::Range<u64>) -> impl Strategy<Value = Vec<(u64, Act)>> {
    let act = prop_oneof![
        20 => Just(Act::Ask),
        1 => rates.prop_map(Act::Rate),
        1 => (1..20u32).prop_map(Act::Burst),
    ];
    prop::collection::vec((gaps, act), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn limit_req_is_the_formula(
        (mut rate, mut burst, delay) in (1..200_000u64, 0..20u32, 0..20u32),
        acts in acts(prop_oneof![0..5u64, 0..300u64, 0..20_000u64], 1..200_000),
    ) {
        let mut limiter = Limiter::new(at(0), &limit_req(rate, burst, Some(delay)));
        let mut formula = Formula::default();
        let mut now = 0;
        for (gap, act) in acts {
            now += gap;
            match act {
                Act::Rate(to) => {
                    rate = to;
                    limiter.set_rate(at(now), rate);
                }
                Act::Burst(to) => {
                    burst = to;
                    limiter.set_burst(at(now), burst);
                }
                Act::Ask => {
                    let expected = formula.ask(now as i64, rate as i64, i64::from(burst), i64::from(delay));
                    prop_assert_eq!(limiter.ask(at(now)), expected);
                }
            }
        }
    }

    #[test]
    fn a_bucket_is_one_that_is_filled_step_by_step(
        (mut rate, mut burst) in (1..5_000u64, 1..20u32),
        acts in acts(0..2_000u64, 1..5_000),
    ) {
        let mut limiter = Limiter::new(at(0), &bucket(rate, burst));
        // In millionths of a token: a thousandth of a request a second is one of them a millisecond.
        let mut level = u64::from(burst) * 1_000_000;
        let mut now = 0;
        for (gap, act) in acts {
            for _ in 0..gap {
                level = (level + rate).min(u64::from(burst) * 1_000_000);
            }
            now += gap;
            let passes = level >= 1_000_000;
            match act {
                Act::Rate(to) => {
                    rate = to;
                    limiter.set_rate(at(now), rate);
                    continue;
                }
                Act::Burst(to) => {
                    burst = to;
                    level = level.min(u64::from(burst) * 1_000_000);
                    limiter.set_burst(at(now), burst);
                    continue;
                }
                Act::Ask => level -= if passes { 1_000_000 } else { 0 },
            }
            match limiter.ask(at(now)) {
                Verdict::Pass => prop_assert!(passes),
                Verdict::Delay(_) => prop_assert!(false, "a bucket delays nobody"),
                Verdict::Reject(after) => {
                    prop_assert!(!passes);
                    let after = after.unwrap();
                    let early = at(now) + after.saturating_sub(Duration::from_nanos(1));
                    prop_assert_ne!(limiter.clone().ask(early), Verdict::Pass);
                    prop_assert_eq!(limiter.clone().ask(at(now) + after), Verdict::Pass);
                }
            }
            prop_assert_eq!(limiter.tokens(at(now)), level / 1_000_000);
        }
    }
}
