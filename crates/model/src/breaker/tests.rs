use super::*;
use crate::blueprint::{Hystrix as HystrixConfig, Resilience4j as Resilience4jConfig};
use BreakerState::{Closed, HalfOpen, Open};
use proptest::prelude::*;

fn resilience4j() -> Resilience4jConfig {
    Resilience4jConfig {
        window: 100,
        minimum_calls: 100,
        failure_permille: 500,
        slow: None,
        wait: Duration::from_secs(60),
        half_open_calls: 10,
    }
}

fn hystrix() -> HystrixConfig {
    HystrixConfig {
        volume: 20,
        error_permille: 500,
        sleep: Duration::from_secs(5),
        window: Duration::from_secs(10),
        snapshot: Duration::from_millis(500),
    }
}

fn at(milliseconds: u64) -> Time {
    Time::from_nanos(milliseconds * 1_000_000)
}

/// Sends so many calls that all end at once; how many were let through.
fn calls(breaker: &mut Breaker, now: Time, n: u32, verdict: Verdict) -> u32 {
    let permitted = (0..n).filter(|_| {
        let permitted = breaker.permit(now);
        if permitted {
            breaker.record(now, verdict, Duration::ZERO);
        }
        permitted
    });
    permitted.count() as u32
}

#[test]
fn resilience4j_needs_its_hundred_calls_and_then_half_of_them_failing() {
    let mut breaker = Breaker::new(Config::Resilience4j(resilience4j()), at(0));
    assert_eq!(calls(&mut breaker, at(1), 99, Verdict::Failure), 99);
    assert_eq!(breaker.state(), Closed, "99 calls are too few for a rate");
    calls(&mut breaker, at(2), 1, Verdict::Failure);
    assert_eq!(breaker.state(), Open);
    let mut half = Breaker::new(Config::Resilience4j(resilience4j()), at(0));
    calls(&mut half, at(1), 51, Verdict::Success);
    calls(&mut half, at(2), 49, Verdict::Failure);
    assert_eq!(half.state(), Closed, "49 %");
    calls(&mut half, at(3), 1, Verdict::Failure);
    assert_eq!(half.state(), Open, "the oldest success has left the window: 50 %");
}

#[test]
fn resilience4j_waits_a_minute_then_lets_ten_calls_decide() {
    for (failing, expected) in [(4, Closed), (5, Open), (10, Open), (0, Closed)] {
        let mut breaker = Breaker::new(Config::Resilience4j(resilience4j()), at(0));
        calls(&mut breaker, at(1_000), 100, Verdict::Failure);
        assert_eq!(calls(&mut breaker, at(61_000), 5, Verdict::Success), 0, "after the wait, not with its end");
        assert_eq!(breaker.state(), Open);
        let permitted = (0..30).filter(|_| breaker.permit(at(61_001))).count();
        assert_eq!((permitted, breaker.state()), (10, HalfOpen));
        for n in 0..10 {
            assert_eq!(breaker.state(), HalfOpen);
            let verdict = if n < failing { Verdict::Failure } else { Verdict::Success };
            breaker.record(at(61_500), verdict, Duration::ZERO);
        }
        assert_eq!(breaker.state(), expected, "{failing} of ten failed");
        if expected == Closed {
            assert_eq!(calls(&mut breaker, at(62_000), 99, Verdict::Failure), 99, "a closed breaker begins afresh");
            assert_eq!(breaker.state(), Closed);
        } else {
            assert_eq!(calls(&mut breaker, at(121_500), 5, Verdict::Success), 0, "and waits another minute");
        }
    }
}

#[test]
fn resilience4j_opens_for_slow_calls_where_it_is_told_what_is_slow() {
    let config = Resilience4jConfig { slow: Some((Duration::from_secs(2), 800)), minimum_calls: 10, ..resilience4j() };
    let mut breaker = Breaker::new(Config::Resilience4j(config), at(0));
    for n in 0..10 {
        assert_eq!(breaker.state(), Closed);
        let took = if n < 2 { Duration::from_secs(2) } else { Duration::from_millis(2_001) };
        breaker.record(at(n), Verdict::Success, took);
    }
    assert_eq!(breaker.state(), Open, "eight of ten took longer than two seconds");
}

#[test]
fn a_cancelled_trial_gives_its_permit_back() {
    let mut breaker = Breaker::new(Config::Resilience4j(resilience4j()), at(0));
    calls(&mut breaker, at(0), 100, Verdict::Failure);
    assert_eq!((0..20).filter(|_| breaker.permit(at(60_001))).count(), 10);
    breaker.record(at(60_002), Verdict::Cancelled, Duration::ZERO);
    assert_eq!((0..20).filter(|_| breaker.permit(at(60_003))).count(), 1);
}

#[test]
fn hystrix_looks_at_the_end_of_each_half_second() {
    let mut breaker = Breaker::new(Config::Hystrix(hystrix()), at(0));
    calls(&mut breaker, at(100), 10, Verdict::Success);
    calls(&mut breaker, at(200), 10, Verdict::Failure);
    assert_eq!(calls(&mut breaker, at(499), 1, Verdict::Success), 1);
    assert_eq!(calls(&mut breaker, at(499), 1, Verdict::Failure), 1);
    assert_eq!(calls(&mut breaker, at(500), 1, Verdict::Success), 0, "11 of 22 in the bucket that has just ended");
    assert_eq!(breaker.state(), Open);
    let mut few = Breaker::new(Config::Hystrix(hystrix()), at(0));
    assert_eq!(calls(&mut few, at(100), 19, Verdict::Failure), 19);
    assert_eq!(calls(&mut few, at(900), 5, Verdict::Success), 5, "19 calls are below the volume");
}

#[test]
fn hystrix_forgets_after_ten_seconds() {
    let mut breaker = Breaker::new(Config::Hystrix(hystrix()), at(0));
    calls(&mut breaker, at(100), 19, Verdict::Failure);
    // The first bucket has left the window as the twenty-first ends.
    assert_eq!(calls(&mut breaker, at(10_100), 1, Verdict::Failure), 1);
    assert_eq!(calls(&mut breaker, at(10_600), 1, Verdict::Failure), 1);
    assert_eq!(breaker.state(), Closed);
}

#[test]
fn hystrix_sleeps_five_seconds_and_lets_one_trial_decide() {
    let mut breaker = Breaker::new(Config::Hystrix(hystrix()), at(0));
    calls(&mut breaker, at(100), 20, Verdict::Failure);
    assert!(!breaker.permit(at(5_500)), "opened at 500 ms, so it sleeps up to and with 5.5 s");
    assert!(breaker.permit(at(5_501)) && !breaker.permit(at(5_502)), "one trial at a time");
    assert_eq!(breaker.state(), HalfOpen);
    breaker.record(at(6_000), Verdict::Failure, Duration::ZERO);
    assert_eq!(breaker.state(), Open);
    assert!(!breaker.permit(at(11_000)) && breaker.permit(at(11_001)));
    breaker.record(at(11_100), Verdict::Success, Duration::ZERO);
    assert_eq!(breaker.state(), Closed);
    assert_eq!(calls(&mut breaker, at(11_600), 19, Verdict::Failure), 19);
    assert!(breaker.permit(at(12_000)), "the failure of 6 s is forgotten: 19 calls are below the volume");
}

/// Both libraries once more, keeping every outcome for ever.
#[derive(Debug)]
struct Naive {
    state: BreakerState,
    outcomes: Vec<(u64, bool)>,
    permits: u32,
    since_ms: u64,
    looked_ms: u64,
}

impl Naive {
    fn resilience4j(&mut self, now: u64, permits: bool, ended: Option<bool>) -> bool {
        let (window, minimum) = (8, 5);
        if permits && self.state == Open && now > self.since_ms + 60_000 {
            (self.state, self.permits) = (HalfOpen, 3);
            self.outcomes.clear();
        }
        if let Some(failed) = ended {
            self.outcomes.push((now, failed));
            let (size, enough) = if self.state == HalfOpen { (3, 3) } else { (window, minimum) };
            let last: Vec<bool> = self.outcomes.iter().rev().take(size).map(|&(_, failed)| failed).collect();
            let failures = last.iter().filter(|&&failed| failed).count();
            if self.state != Open && last.len() >= enough {
                if failures * 2 >= last.len() {
                    (self.state, self.since_ms) = (Open, now);
                } else if self.state == HalfOpen {
                    self.state = Closed;
                    self.outcomes.clear();
                }
            }
        }
        match self.state {
            _ if !permits => false,
            Closed => true,
            Open => false,
            HalfOpen => {
                let permitted = self.permits > 0;
                self.permits -= u32::from(permitted);
                permitted
            }
        }
    }

    fn hystrix(&mut self, now: u64, permits: bool, ended: Option<bool>) -> bool {
        while self.looked_ms + 500 <= now {
            self.looked_ms += 500;
            let end = self.looked_ms;
            let seen = self.outcomes.iter().filter(|&&(at, _)| at < end && at + 10_000 >= end);
            let (calls, errors) =
                seen.fold((0, 0), |(calls, errors), &(_, failed)| (calls + 1, errors + u32::from(failed)));
            if self.state == Closed && calls >= 6 && errors * 2 >= calls {
                (self.state, self.since_ms) = (Open, end);
            }
        }
        if let Some(failed) = ended {
            self.outcomes.push((now, failed));
            if self.state == HalfOpen {
                (self.state, self.since_ms) = if failed { (Open, now) } else { (Closed, 0) };
                if !failed {
                    self.outcomes.clear();
                }
            }
        }
        if permits && self.state == Open && now > self.since_ms + 5_000 {
            self.state = HalfOpen;
            return true;
        }
        permits && self.state == Closed
    }
}

proptest! {
    #[test]
    fn breakers_do_what_their_naive_models_do(
        of_hystrix: bool,
        steps in proptest::collection::vec((0..2_000u64, proptest::bool::ANY, proptest::option::of(proptest::bool::weighted(0.6))), 1..300),
    ) {
        let config = if of_hystrix {
            Config::Hystrix(HystrixConfig { volume: 6, ..hystrix() })
        } else {
            Config::Resilience4j(Resilience4jConfig { window: 8, minimum_calls: 5, half_open_calls: 3, ..resilience4j() })
        };
        let mut breaker = Breaker::new(config, at(0));
        let mut naive = Naive { state: Closed, outcomes: Vec::new(), permits: 0, since_ms: 0, looked_ms: 0 };
        let mut now = 0;
        for (gap, permits, ended) in steps {
            now += if gap > 1_950 { gap * 40 } else { gap / 10 };
            if let Some(failed) = ended {
                breaker.record(at(now), if failed { Verdict::Failure } else { Verdict::Success }, Duration::ZERO);
                if of_hystrix { naive.hystrix(now, false, ended) } else { naive.resilience4j(now, false, ended) };
            }
            if permits {
                let expected = if of_hystrix { naive.hystrix(now, true, None) } else { naive.resilience4j(now, true, None) };
                prop_assert_eq!(breaker.permit(at(now)), expected);
            }
            prop_assert_eq!(breaker.state(), naive.state);
        }
    }
}
