//! What a draw costs: mixing a key, making a stream, each sampler by address.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use knockon_kernel::{Digest, Key, Purpose, Sampler};
use std::hint::black_box;

/// Mixing in one number is timed over a chain of 100, each of which waits for the one before.
fn keys(criterion: &mut Criterion) {
    let root = Key::new(1).name("web-api");
    criterion.bench_function("key/100 numbers in a chain", |bench| {
        bench.iter(|| (0..100).fold(black_box(root), |key, n| key.with(n)));
    });
    criterion.bench_function("key/unit", |bench| {
        let mut n = 0;
        bench.iter(|| {
            n += 1;
            root.with(n).unit()
        });
    });
    criterion.bench_function("key/stream and one draw", |bench| {
        let mut n = 0;
        bench.iter(|| {
            n += 1;
            root.with(n).stream().bits()
        });
    });
    criterion.bench_function("key/four parts, stream and one draw", |bench| {
        let mut n = 0;
        bench.iter(|| {
            n += 1;
            root.with(n).with(1).with(3).purpose(Purpose(2)).stream().bits()
        });
    });
    criterion.bench_function("digest/100 events", |bench| {
        let mut digest = Digest::new();
        bench.iter(|| {
            (0..100).for_each(|n| digest.fold(n, 7));
            digest.value()
        });
    });
}

fn samplers(criterion: &mut Criterion) {
    let laws = [
        ("uniform", Sampler::uniform(1.0, 3.0)),
        ("exponential", Sampler::exponential(1e6)),
        ("normal", Sampler::normal(1e6, 2e5)),
        ("log-normal", Sampler::log_normal_median_p99(1e6, 1e7)),
        ("gamma 3.5", Sampler::gamma(3.5, 1e6)),
        ("gamma 0.3", Sampler::gamma(0.3, 1e6)),
        ("Pareto", Sampler::pareto(1e6, 1.5)),
        ("Weibull", Sampler::weibull(1e6, 0.7)),
        ("Zipf of 1 000", Sampler::zipf(1_000, 1.2)),
        ("Zipf of 1 000 000", Sampler::zipf(1_000_000, 1.2)),
        ("empirical", Sampler::empirical((1..=100).map(f64::from).collect())),
    ];
    let mut group = criterion.benchmark_group("draw");
    for (name, sampler) in laws {
        let sampler = sampler.unwrap_or_else(|error| panic!("{error}"));
        group.bench_function(BenchmarkId::from_parameter(name), |bench| {
            let (root, mut n) = (Key::new(1), 0);
            bench.iter(|| {
                n += 1;
                sampler.duration(root.with(n))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, keys, samplers);
criterion_main!(benches);
