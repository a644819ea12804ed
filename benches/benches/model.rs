//! What a request costs in the whole simulator, with nothing observed and with every record made and dropped.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use knockon_benches::collected::Collected;
use knockon_benches::scenarios::{run, w1, w2, webshop};
use knockon_model::Null;
use knockon_model::blueprint::Blueprint;

const REQUESTS: u64 = 20_000;

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("requests");
    group.sample_size(20).throughput(Throughput::Elements(REQUESTS));
    let systems: [(&str, Result<Blueprint, String>); 4] = [
        ("M/M/1", w1(REQUESTS)),
        ("three tiers", w2(REQUESTS, 1)),
        ("three tiers, 100 copies", w2(REQUESTS, 100)),
        ("web shop", webshop(REQUESTS)),
    ];
    for (name, blueprint) in systems {
        let blueprint = blueprint.unwrap_or_else(|error| panic!("{error}"));
        group.bench_function(BenchmarkId::new("bare", name), |bench| {
            bench.iter(|| run(blueprint.clone(), &mut Null));
        });
        group.bench_function(BenchmarkId::new("observed", name), |bench| {
            bench.iter(|| run(blueprint.clone(), &mut Collected::default()));
        });
    }
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
