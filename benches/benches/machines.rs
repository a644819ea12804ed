//! What a request costs with each machine in its way, in the whole simulator with nothing observed.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use knockon_benches::machines::{MACHINES, with_machine};
use knockon_benches::scenarios::run;
use knockon_kernel::Duration;
use knockon_model::Null;

/// Requests come at 500 a second.
const SECONDS: u64 = 20;

fn machines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("machines");
    group.sample_size(20).throughput(Throughput::Elements(500 * SECONDS));
    for machine in MACHINES {
        let blueprint = with_machine(machine, Duration::from_secs(SECONDS)).unwrap_or_else(|error| panic!("{error}"));
        group.bench_function(BenchmarkId::from_parameter(machine.0), |bench| {
            bench.iter(|| run(blueprint.clone(), &mut Null));
        });
    }
    group.finish();
}

criterion_group!(benches, machines);
criterion_main!(benches);
