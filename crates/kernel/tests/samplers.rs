//! Samplers against the formulas of their laws: mean, distribution function, exact probabilities of ranks.
//!
//! Seeds are fixed, so a test passes or fails for good; the bands are four standard deviations wide.

use knockon_kernel::math::{erf, erfc, exp, ln, sqrt};
use knockon_kernel::{Duration, Key, Sampler};

const COUNT: u64 = 200_000;
const SQRT_2: f64 = core::f64::consts::SQRT_2;

fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / SQRT_2)
}

fn draws(sampler: &Sampler, seed: u64) -> Vec<f64> {
    let key = Key::new(seed);
    (0..COUNT).map(|n| sampler.draw(key.with(n))).collect()
}

type Cdf = Box<dyn Fn(f64) -> f64>;

/// A sampler, its standard deviation, its distribution function, and where to look at that.
fn laws() -> Vec<(&'static str, Sampler, f64, Cdf, Vec<f64>)> {
    let sigma = ln(8.0) / 2.326_347_874_040_841;
    let mean_of_half_normal = sqrt(2.0 / core::f64::consts::PI);
    let (log_variance, log_mean) = (ln(3.0), ln(5.0) - 0.5 * ln(3.0));
    vec![
        (
            "uniform",
            Sampler::uniform(2.0, 6.0).unwrap(),
            4.0 / sqrt(12.0),
            Box::new(|x| (x - 2.0) / 4.0),
            vec![2.1, 4.0, 5.9],
        ),
        (
            "exponential",
            Sampler::exponential(3.0).unwrap(),
            3.0,
            Box::new(|x| 1.0 - exp(-x / 3.0)),
            // The last points lie in the ziggurat's tail, which begins at 7.7 means.
            vec![0.01, 0.5, 3.0, 9.0, 23.0, 24.5],
        ),
        (
            "normal, cut in the middle",
            Sampler::normal(0.0, 1.0).unwrap(),
            sqrt(1.0 - mean_of_half_normal * mean_of_half_normal),
            Box::new(|x| erf(x / SQRT_2)),
            vec![0.05, 0.5, 1.0, 2.0, 3.0, 3.7],
        ),
        (
            "normal, hardly cut",
            Sampler::normal(10.0, 1.0).unwrap(),
            1.0,
            Box::new(|x| normal_cdf(x - 10.0)),
            vec![6.4, 8.0, 9.0, 10.0, 11.0, 12.0, 13.6],
        ),
        (
            "log-normal by median and p99",
            Sampler::log_normal_median_p99(10.0, 80.0).unwrap(),
            10.0 * exp(0.5 * sigma * sigma) * sqrt(exp(sigma * sigma) - 1.0),
            Box::new(move |x| normal_cdf(ln(x / 10.0) / sigma)),
            vec![2.0, 5.0, 10.0, 30.0, 80.0],
        ),
        (
            "log-normal by mean and variation",
            Sampler::log_normal(5.0, 2.0).unwrap(),
            5.0 * SQRT_2,
            Box::new(move |x| normal_cdf((ln(x) - log_mean) / sqrt(log_variance))),
            vec![1.0, 3.0, 10.0],
        ),
        (
            "gamma of shape 3",
            Sampler::gamma(3.0, 6.0).unwrap(),
            sqrt(12.0),
            Box::new(|x| 1.0 - exp(-x / 2.0) * (1.0 + x / 2.0 + x * x / 8.0)),
            vec![1.0, 4.0, 6.0, 15.0],
        ),
        (
            "gamma of shape 1/2",
            Sampler::gamma(0.5, 1.0).unwrap(),
            SQRT_2,
            Box::new(|x| erf(sqrt(0.5 * x))),
            vec![0.01, 0.2, 1.0, 4.0],
        ),
        (
            "Pareto",
            Sampler::pareto(2.0, 5.0).unwrap(),
            sqrt(4.0 * 5.0 / (16.0 * 3.0)),
            Box::new(|x| 1.0 - exp(-5.0 * ln(x / 2.0))),
            vec![2.05, 2.5, 4.0],
        ),
        (
            "Weibull",
            Sampler::weibull(4.0, 2.0).unwrap(),
            4.0 * sqrt(1.0 - core::f64::consts::FRAC_PI_4),
            Box::new(|x| 1.0 - exp(-(x / 4.0) * (x / 4.0))),
            vec![0.5, 3.0, 8.0],
        ),
        (
            "empirical",
            Sampler::empirical(vec![1.0, 2.0, 2.0, 7.0]).unwrap(),
            sqrt(5.5),
            Box::new(|x| if x < 2.0 { 0.25 } else { 0.75 }),
            vec![1.5, 3.0],
        ),
        (
            "mixture",
            Sampler::mixture(vec![
                (3.0, Sampler::constant(1.0).unwrap()),
                (0.0, Sampler::constant(100.0).unwrap()),
                (1.0, Sampler::exponential(5.0).unwrap()),
            ])
            .unwrap(),
            sqrt(0.75 + 12.5 - 4.0),
            Box::new(|x| 0.25 * (1.0 - exp(-x / 5.0)) + if x >= 1.0 { 0.75 } else { 0.0 }),
            vec![0.5, 1.5, 10.0],
        ),
    ]
}

#[test]
fn draws_follow_their_laws() {
    for (name, sampler, sd, cdf, points) in laws() {
        let values = draws(&sampler, 42);
        assert!(values.iter().all(|value| value.is_finite() && *value >= 0.0), "{name}");
        let mean = values.iter().sum::<f64>() / COUNT as f64;
        let band = 4.0 * sd / sqrt(COUNT as f64);
        assert!((mean - sampler.mean()).abs() < band, "{name}: mean {mean}, expected {} ± {band}", sampler.mean());
        let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / COUNT as f64;
        // Loose, for laws with heavy tails: the distribution function is the sharper test.
        assert!((sqrt(variance) / sd - 1.0).abs() < 0.05, "{name}: sd {}, expected {sd}", sqrt(variance));
        for point in points {
            let below = values.iter().filter(|&&value| value <= point).count() as f64 / COUNT as f64;
            let expected = cdf(point);
            let band = 4.0 * sqrt(expected * (1.0 - expected) / COUNT as f64) + 1.0 / COUNT as f64;
            assert!((below - expected).abs() < band, "{name}: P(X ≤ {point}) is {below}, expected {expected} ± {band}");
        }
    }
}

#[test]
fn ranks_have_zipf_probabilities() {
    // Up to 65 536 ranks by table, beyond by rejection.
    for (n, exponent) in [
        (2, 1.0),
        (10, 0.0),
        (1_000, 0.8),
        (1_000, 1.2),
        (65_536, 1.0),
        (65_537, 1.0),
        (1_000_000, 1.2),
        (200_000, 0.0),
    ] {
        let sampler = Sampler::zipf(n, exponent).unwrap();
        let weight = |rank: u32| exp(-exponent * ln(f64::from(rank + 1)));
        let total: f64 = (0..n).rev().map(weight).sum();
        let key = Key::new(9).with(u64::from(n));
        let ranks: Vec<u32> = (0..COUNT).map(|draw| sampler.rank(key.with(draw))).collect();
        assert!(ranks.iter().all(|&rank| rank < n));
        for rank in [0, 1, 2, 5, n / 100].into_iter().filter(|&rank| rank < n) {
            let expected = weight(rank) / total;
            let seen = ranks.iter().filter(|&&other| other == rank).count() as f64 / COUNT as f64;
            let band = 4.0 * sqrt(expected / COUNT as f64) + 2.0 / COUNT as f64;
            assert!((seen - expected).abs() < band, "P({rank}) of {n}, {exponent}: {seen}, expected {expected}");
        }
        // The rest in one: ranks in the lower half.
        let expected: f64 = (0..n / 2).map(weight).sum::<f64>() / total;
        let seen = ranks.iter().filter(|&&rank| rank < n / 2).count() as f64 / COUNT as f64;
        let band = 4.0 * sqrt(expected * (1.0 - expected) / COUNT as f64);
        assert!((seen - expected).abs() <= band, "lower half of {n}, {exponent}: {seen}, expected {expected}");
        let mean = ranks.iter().map(|&rank| f64::from(rank)).sum::<f64>() / COUNT as f64;
        let squares = ranks.iter().map(|&rank| f64::from(rank) * f64::from(rank)).sum::<f64>() / COUNT as f64;
        let band = 4.0 * sqrt((squares - mean * mean) / COUNT as f64);
        assert!((mean - sampler.mean()).abs() < band, "mean of {n}, {exponent}: {mean}, expected {}", sampler.mean());
    }
}

#[test]
fn another_mean_with_the_same_key_scales_the_draw() {
    let pairs = [
        (Sampler::exponential(1.0), Sampler::exponential(2.0)),
        (Sampler::gamma(2.5, 1.0), Sampler::gamma(2.5, 2.0)),
        (Sampler::log_normal(1.0, 3.0), Sampler::log_normal(2.0, 3.0)),
        (Sampler::weibull(1.0, 0.7), Sampler::weibull(2.0, 0.7)),
        (Sampler::pareto(1.0, 1.5), Sampler::pareto(2.0, 1.5)),
    ];
    for (one, two) in pairs {
        let (one, two) = (one.unwrap(), two.unwrap());
        for n in 0..1_000 {
            let key = Key::new(3).with(n);
            assert_eq!((2.0 * one.draw(key)).to_bits(), two.draw(key).to_bits(), "{:?}", two.law());
        }
    }
}

#[test]
fn durations_are_rounded_and_end_at_a_hundred_years() {
    let key = Key::new(1);
    let table = [
        (Sampler::constant(0.5), 0),
        (Sampler::constant(1.5), 2),
        (Sampler::constant(1e9), 1_000_000_000),
        (Sampler::constant(1e300), Sampler::LONGEST.as_nanos()),
        // e^(draw / 0.0001) overflows to infinity.
        (Sampler::pareto(1.0, 1e-4), Sampler::LONGEST.as_nanos()),
    ];
    for (sampler, nanos) in table {
        assert_eq!(sampler.unwrap().duration(key), Duration::from_nanos(nanos));
    }
}

#[test]
fn means_have_their_closed_forms() {
    let table = [
        (Sampler::constant(3.0), 3.0),
        (Sampler::pareto(2.0, 3.0), 3.0),
        (Sampler::pareto(2.0, 1.0), f64::INFINITY),
        (Sampler::weibull(2.0, 1.0), 2.0),
        (Sampler::log_normal(7.0, 4.0), 7.0),
        (Sampler::zipf(3, 0.0), 1.0),
        (Sampler::normal(0.0, 1.0), sqrt(2.0 / core::f64::consts::PI)),
        (Sampler::normal(50.0, 1.0), 50.0),
    ];
    for (sampler, expected) in table {
        let mean = sampler.unwrap().mean();
        assert!(mean == expected || (mean / expected - 1.0).abs() < 1e-12, "{mean}, expected {expected}");
    }
}

#[test]
fn a_stored_sampler_draws_the_same() {
    for (name, sampler, ..) in laws() {
        let stored: Sampler = serde_json::from_str(&serde_json::to_string(&sampler).unwrap()).unwrap();
        assert_eq!(stored, sampler, "{name}");
        for n in 0..100 {
            assert_eq!(stored.draw(Key::new(n)).to_bits(), sampler.draw(Key::new(n)).to_bits(), "{name}");
        }
    }
    let error = serde_json::from_str::<Sampler>(r#"{"Exponential":{"mean":-1.0}}"#).unwrap_err();
    assert!(error.to_string().starts_with("exponential law: mean is -1"), "{error}");
}
