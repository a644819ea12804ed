//! The bits of draws, held fast: whoever changes them changes every run of every user and has to say so.
//!
//! Each line is a digest of the first 10 000 draws of a sampler. The same lines hold on every host.

use knockon_kernel::{Digest, Key, Purpose, Sampler};

fn digest(draw: impl Fn(Key) -> u64) -> String {
    let key = Key::new(1).name("web-api").purpose(Purpose(7));
    let mut digest = Digest::new();
    (0..10_000).for_each(|n| digest.fold(n, draw(key.with(n))));
    digest.to_string()
}

#[test]
fn draws_keep_their_bits() {
    let samplers = [
        ("uniform", Sampler::uniform(1.0, 3.0)),
        ("exponential", Sampler::exponential(1e6)),
        ("normal", Sampler::normal(1e6, 1e6)),
        ("log-normal", Sampler::log_normal_median_p99(1e6, 1e7)),
        ("log-normal by mean", Sampler::log_normal(1e6, 2.0)),
        ("gamma 3.5", Sampler::gamma(3.5, 1e6)),
        ("gamma 0.3", Sampler::gamma(0.3, 1e6)),
        ("Pareto", Sampler::pareto(1e6, 1.5)),
        ("Weibull", Sampler::weibull(1e6, 0.7)),
        ("Zipf by table", Sampler::zipf(1_000, 1.2)),
        ("Zipf by rejection", Sampler::zipf(1_000_000, 1.2)),
        ("empirical", Sampler::empirical((1..=20).map(f64::from).collect())),
        (
            "mixture",
            Sampler::mixture(vec![
                (0.9, Sampler::exponential(1.0).unwrap()),
                (0.1, Sampler::normal(50.0, 3.0).unwrap()),
            ]),
        ),
    ];
    let mut actual: Vec<(&str, String)> = vec![
        ("key", digest(Key::bits)),
        ("unit", digest(|key| key.unit().to_bits())),
        ("stream", digest(|key| key.stream().bits())),
        ("below", digest(|key| key.stream().below(1_000_003))),
    ];
    for (name, sampler) in samplers {
        let sampler = sampler.unwrap();
        actual.push((name, digest(|key| sampler.draw(key).to_bits())));
    }
    let actual: String = actual.iter().map(|(name, digest)| format!("{digest} {name}\n")).collect();
    let expected = include_str!("stability.txt");
    assert!(actual == expected, "draws have changed; they are now\n{actual}");
}
