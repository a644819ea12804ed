use super::Real;
use super::ziggurat::{EXPONENTIAL, NORMAL, Ziggurat};
use crate::key::Key;
use num_traits::{Float, NumCast};
use rand_distr::{Distribution, Exp1, Open01, OpenClosed01, StandardNormal, StandardUniform};

/// Every layer has the area that the start of the tail implies: else the ziggurat would not cover the density.
#[test]
fn layers_have_equal_areas() {
    let exponential_tail = libm::exp(-EXPONENTIAL.x[1]);
    let normal_tail = libm::sqrt(core::f64::consts::FRAC_PI_2) * libm::erfc(NORMAL.x[1] / core::f64::consts::SQRT_2);
    let tables: [(&Ziggurat, f64); 2] = [(&EXPONENTIAL, exponential_tail), (&NORMAL, normal_tail)];
    for (table, tail) in tables {
        let area = table.x[1] * table.density[1] + tail;
        for layer in 1..256 {
            let layer_area = table.x[layer] * (table.density[layer + 1] - table.density[layer]);
            assert!((layer_area / area - 1.0).abs() < 1e-11, "layer {layer}: {layer_area}, expected {area}");
        }
        assert!((table.x[0] * table.density[1] / area - 1.0).abs() < 1e-12);
    }
}

/// One draw in some thousands comes from a tail, so tails are looked at alone: their number and their mean excess.
#[test]
fn tails_have_their_weight_and_mean() {
    const COUNT: u32 = 6_000_000;
    let mut stream = Key::new(5).stream();
    let check = |name: &str, start: f64, weight: f64, mean: f64, beyond: &[f64]| {
        let count = beyond.len() as f64;
        let expected = weight * COUNT as f64;
        assert!(
            (count - expected).abs() < 4.0 * expected.sqrt(),
            "{name}: {count} beyond {start}, expected {expected}"
        );
        let seen = beyond.iter().sum::<f64>() / count - start;
        // The excess is nearly exponential: its standard deviation is at most its mean.
        assert!((seen - mean).abs() < 4.0 * mean / count.sqrt(), "{name}: mean excess {seen}, expected {mean}");
    };

    let start = EXPONENTIAL.x[1];
    let draws = (0..COUNT).map(|_| -> f64 { draw(&Exp1, &mut stream) });
    let beyond: Vec<f64> = draws.filter(|&x| x > start).collect();
    check("exponential", start, libm::exp(-start), 1.0, &beyond);

    let start = NORMAL.x[1];
    let weight = 0.5 * libm::erfc(start / core::f64::consts::SQRT_2);
    let density = libm::exp(-0.5 * start * start) / libm::sqrt(2.0 * core::f64::consts::PI);
    let draws: Vec<f64> = (0..COUNT).map(|_| draw(&StandardNormal, &mut stream)).filter(|x| x.abs() > start).collect();
    for sign in [1.0, -1.0] {
        let beyond: Vec<f64> = draws.iter().map(|x| x * sign).filter(|&x| x > 0.0).collect();
        check("normal", start, weight, density / weight - start, &beyond);
    }
}

fn draw<D: Distribution<Real>>(law: &D, stream: &mut crate::stream::Stream) -> f64 {
    let Real(value) = law.sample(stream);
    value
}

#[test]
fn uniforms_keep_to_their_intervals() {
    /// A generator that always gives the same word.
    struct Stuck(u64);
    impl rand::TryRng for Stuck {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(self.0 as u32)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(self.0)
        }
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            bytes.fill(self.0 as u8);
            Ok(())
        }
    }
    let below_one = 1.0 - f64::EPSILON / 2.0;
    let table: [(u64, f64, f64, f64); 2] =
        [(0, 0.0, f64::EPSILON / 2.0, f64::EPSILON / 2.0), (u64::MAX, below_one, 1.0, below_one)];
    for (word, half_open, open_closed, open) in table {
        let Real(seen) = StandardUniform.sample(&mut Stuck(word));
        assert_eq!(seen, half_open);
        let Real(seen) = OpenClosed01.sample(&mut Stuck(word));
        assert_eq!(seen, open_closed);
        let Real(seen) = Open01.sample(&mut Stuck(word));
        assert_eq!(seen, open);
    }
}

#[test]
fn the_arithmetic_is_that_of_floats_and_libm() {
    let x = Real(0.3);
    let table = [
        (x + x * x - x / x, 0.3 + 0.3 * 0.3 - 1.0),
        (Real(7.5) % Real(2.0), 1.5),
        (Real(-7.5) % Real(2.0), -1.5),
        (x.ln(), libm::log(0.3)),
        (x.exp(), libm::exp(0.3)),
        (x.powf(Real(1.7)), libm::pow(0.3, 1.7)),
        (Real(3.0).powi(-2), 1.0 / 9.0),
        (Real(-2.75).fract(), -0.75),
        (Real(8.0).log(Real(2.0)), libm::log(8.0) / libm::log(2.0)),
        (Real(-1.0).max(Real(2.0)), 2.0),
        (Real(1.0).min(Real::nan()), 1.0),
        (<Real as NumCast>::from(5_u32).expect("a small number is a float"), 5.0),
    ];
    for (index, (seen, expected)) in table.into_iter().enumerate() {
        assert_eq!(seen.0.to_bits(), expected.to_bits(), "line {index}: {seen:?}, expected {expected:?}");
    }
    assert_eq!(Real(-1.5).integer_decode(), Float::integer_decode(-1.5_f64));
}
