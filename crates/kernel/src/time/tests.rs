use super::*;

#[test]
fn a_float_is_rounded_once_or_refused() {
    let table = [
        (0.0, Some(0)),
        (-0.0, Some(0)),
        (0.49, Some(0)),
        (0.5, Some(0)),
        (0.51, Some(1)),
        (1.5, Some(2)),
        (2.5, Some(2)),
        (1e9 + 0.4, Some(1_000_000_000)),
        (18_446_744_073_709_549_568.0, Some(18_446_744_073_709_549_568)),
        (18_446_744_073_709_551_616.0, None),
        (-1e-300, None),
        (-1.0, None),
        (f64::NAN, None),
        (f64::INFINITY, None),
        (f64::NEG_INFINITY, None),
    ];
    for (nanos, expected) in table {
        assert_eq!(Duration::from_real_nanos(nanos).map(Duration::as_nanos), expected, "{nanos:?}");
    }
}

#[test]
fn rounding_is_that_of_the_standard_library() {
    let mut bits = 1_u64;
    for _ in 0..100_000 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Exponents from 2^-3 to 2^60, with fractions of few and of many bits.
        let scale = (1_u64 << (bits >> 58)) as f64 / 8.0;
        for value in [(bits >> 12) as f64 * scale / (1_u64 << 52) as f64, (bits >> 50 & 0xff) as f64 * 0.25] {
            assert_eq!(round(value).to_bits(), value.round_ties_even().to_bits(), "{value:?}");
        }
    }
}

#[test]
fn durations_read_well() {
    let table = [
        (0, "0 s"),
        (1, "1 ns"),
        (1_500, "1.5 µs"),
        (250_000_000, "250 ms"),
        (1_500_000_000, "1.5 s"),
        (1_000_000_001, "1.000000001 s"),
        (90_000_000_000, "90 s"),
        (120_000_000_000, "2 min"),
        (7_200_000_000_000, "2 h"),
        (5_400_000_000_000, "90 min"),
        (86_400_000_000_000, "1 d"),
    ];
    for (nanos, expected) in table {
        assert_eq!(Duration::from_nanos(nanos).to_string(), expected);
    }
}

#[test]
fn arithmetic_is_exact() {
    let at = Time::from_nanos(5) + Duration::from_micros(1);
    assert_eq!(at - Time::from_nanos(5), Duration::from_nanos(1_000));
    assert_eq!(Time::ZERO.saturating_sub(at), Duration::ZERO);
    assert_eq!(Time::MAX.checked_add(Duration::from_nanos(1)), None);
    assert_eq!(Time::MAX.saturating_add(Duration::MAX), Time::MAX);
    assert_eq!(Duration::from_secs(3) / 2, Duration::from_millis(1_500));
    assert_eq!(Duration::from_millis(250) * 4, Duration::from_secs(1));
    assert_eq!([Duration::from_secs(1); 3].into_iter().sum::<Duration>(), Duration::from_secs(3));
}

#[test]
#[should_panic(expected = "simulated time left its range: 18446744073709551615 ns + 1 ns")]
fn overflow_panics() {
    let _ = Time::MAX + Duration::from_nanos(1);
}

#[test]
#[should_panic(expected = "simulated time left its range: 1 ns - 2 ns")]
fn negative_durations_panic() {
    let _ = Time::from_nanos(1) - Time::from_nanos(2);
}
