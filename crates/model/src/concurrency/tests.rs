//! Each algorithm by hand-computed steps, and all of them in a closed loop with a server that queues.

use super::*;
use proptest::prelude::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn limit(algorithm: Algorithm, initial: u32, minimum: u32, maximum: u32) -> Limit {
    let config = ConcurrencyLimit { algorithm, initial, minimum, maximum, window: None, excess: None };
    Limit::new(&config, Key::new(7))
}

fn sample(limit: &mut Limit, time: Duration, in_flight: u32, dropped: bool) -> u32 {
    limit.sample(Time::ZERO, Sample { time, in_flight, dropped });
    limit.limit()
}

const AIMD: Algorithm = Algorithm::Aimd { backoff: 0.9, timeout: Duration::from_secs(5) };
const VEGAS: Algorithm = Algorithm::Vegas { smoothing: 1.0, probe_multiplier: 30 };
const GRADIENT: Algorithm = Algorithm::Gradient2 { smoothing: 0.2, queue: 4, long_window: 600, tolerance: 1.5 };

#[test]
fn aimd_grows_by_one_where_it_is_used_and_shrinks_by_its_factor() {
    let mut limit = limit(AIMD, 20, 10, 22);
    assert_eq!(sample(&mut limit, ms(10), 10, false), 21);
    assert_eq!(sample(&mut limit, ms(10), 10, false), 21, "not half used");
    assert_eq!(sample(&mut limit, ms(10), 11, false), 22);
    assert_eq!(sample(&mut limit, ms(10), 22, false), 22, "the maximum");
    assert_eq!(sample(&mut limit, ms(10), 22, true), 19);
    assert_eq!(sample(&mut limit, ms(5001), 19, false), 17, "as slow as dropped");
    for _ in 0..10 {
        sample(&mut limit, ms(1), 17, true);
    }
    assert_eq!(limit.limit(), 10, "the minimum");
}

#[test]
fn vegas_steers_by_the_queue_that_times_show() {
    // ⌊log₁₀ 100⌋ = 2: α 6, β 12, a step of 2.
    let mut limit = limit(VEGAS, 100, 1, 1000);
    assert_eq!(sample(&mut limit, ms(100), 100, false), 100, "the first time is the unloaded one");
    assert_eq!(sample(&mut limit, ms(100), 100, false), 112, "no queue: β more");
    assert_eq!(sample(&mut limit, ms(103), 100, false), 114, "a queue of 4: a step more");
    assert_eq!(sample(&mut limit, ms(108), 100, false), 114, "a queue of 9: as it should be");
    assert_eq!(sample(&mut limit, ms(150), 100, false), 112, "a queue of 38: a step less");
    assert_eq!(sample(&mut limit, ms(100), 20, false), 112, "not half used");
    assert_eq!(sample(&mut limit, ms(100), 20, true), 110, "a drop");
}

#[test]
fn vegas_forgets_the_unloaded_time_after_a_while() {
    let mut limit = limit(VEGAS, 10, 10, 10);
    sample(&mut limit, ms(1), 10, false);
    let mut probes = Vec::new();
    for n in 1..2000 {
        sample(&mut limit, ms(50), 10, false);
        if limit.unloaded.time == Some(ms(50)) {
            probes.push(n);
            limit.unloaded.time = Some(ms(1));
        }
    }
    let gaps: Vec<i32> = probes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() > 5 && gaps.iter().all(|gap| (150..=300).contains(gap)), "{gaps:?}");
}

#[test]
fn gradient_shrinks_as_time_grows_over_its_long_average() {
    let mut limit = limit(GRADIENT, 20, 20, 200);
    for _ in 0..10 {
        sample(&mut limit, ms(100), 1, false);
    }
    assert_eq!(limit.limit(), 20, "not used");
    sample(&mut limit, ms(100), 20, false);
    // 20 · 0.8 + (20 · 1 + 4) · 0.2 = 20.8
    assert!((limit.estimate - 20.8).abs() < 1e-9, "{}", limit.estimate);
    limit.estimate = 100.0;
    // The long average of 100 ms moves by 2/601 of 200 ms; 1.5 · 100.6656 / 300 = 0.5033.
    sample(&mut limit, ms(300), 100, false);
    let expected = 80.0 + 0.2 * (100.0 * (1.5 * (100.0 * 599.0 / 601.0 + 600.0 / 601.0) / 300.0) + 4.0);
    assert!((limit.estimate - expected).abs() < 1e-6, "{} {expected}", limit.estimate);
    let before = limit.estimate;
    sample(&mut limit, ms(3000), 100, false);
    assert!((limit.estimate - (0.8 * before + 0.2 * (0.5 * before + 4.0))).abs() < 1e-9, "at most by half");
}

#[test]
fn a_window_gives_one_sample_of_all_that_came() {
    let algorithm = Algorithm::Aimd { backoff: 0.5, timeout: ms(100) };
    let window = Some(Duration::from_secs(1));
    let config = ConcurrencyLimit { algorithm, initial: 40, minimum: 1, maximum: 100, window, excess: None };
    let mut limit = Limit::new(&config, Key::new(1));
    let at = |ms: u64| Time::from_nanos(ms * 1_000_000);
    limit.sample(at(1), Sample { time: ms(500), in_flight: 40, dropped: false });
    assert_eq!(limit.limit(), 40, "one sample shows nothing");
    for n in 0..11 {
        limit.sample(at(100 + n), Sample { time: ms(if n == 0 { 1000 } else { 50 }), in_flight: 30, dropped: false });
    }
    assert_eq!(limit.limit(), 40, "the window is open");
    limit.sample(at(1002), Sample { time: ms(50), in_flight: 1, dropped: false });
    assert_eq!(limit.limit(), 20, "1 550 ms in 12 samples are more than 100 ms each");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A server with `cores` workers whose times grow with what is in work, always used to the limit.
    #[test]
    fn a_limit_stays_within_its_bounds_and_finds_the_knee(
        which in 0..3usize, cores in 25..150u32, noise in prop::collection::vec(0..5u64, 4000),
    ) {
        let algorithm = [AIMD, VEGAS, GRADIENT][which];
        let (minimum, maximum) = (20, 400);
        let mut limit = limit(algorithm, 20, minimum, maximum);
        let mut tail = 0;
        for (n, noise) in noise.iter().enumerate() {
            let in_flight = limit.limit();
            prop_assert!((minimum..=maximum).contains(&in_flight));
            let work = ms(100) + Duration::from_micros(noise * 100);
            let time = Duration::from_nanos(work.as_nanos() * u64::from(in_flight.max(cores)) / u64::from(cores));
            // What is more than twice the capacity is dropped.
            let dropped = in_flight > 2 * cores;
            limit.sample(Time::ZERO, Sample { time, in_flight, dropped });
            if n >= 3000 {
                tail += in_flight;
            }
        }
        let mean = tail / 1000;
        // Gradient2's long average follows a load that grows slowly, and with it the limit: it has no upper end of its own.
        let most = if algorithm == GRADIENT { maximum } else { cores * 2 + 40 };
        prop_assert!(mean >= cores * 9 / 10 && mean <= most, "{mean} in work on {cores} cores");
    }
}
