//! What the machines of a database cost by themselves: an operation each.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use knockon_kernel::{Duration, Key, Time};
use knockon_model::blueprint;
use knockon_model::buffers::Buffers;
use knockon_model::disk::{Disk, Io};
use knockon_model::id::FrameRef;
use knockon_model::lock::{LockMode, Locks};
use std::hint::black_box;

const OPERATIONS: u64 = 10_000;

fn frame(slot: u32) -> FrameRef {
    FrameRef { slot, generation: 1 }
}

fn machines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("database");
    group.throughput(Throughput::Elements(OPERATIONS));
    group.bench_function("table lock, taken and let go", |bench| {
        let (mut locks, mut out) = (Locks::of_things(2), Vec::new());
        bench.iter(|| {
            for n in 0..OPERATIONS as u32 {
                let session = n % 32;
                locks.request_table(Time::ZERO, session, frame(session), n % 4, LockMode::AccessShare);
                locks.end(Time::ZERO, session, &mut out);
            }
            black_box(out.len())
        });
    });
    group.bench_function("I/O, eight at a disk", |bench| {
        let mut disk = Disk::new(&blueprint::Disk {
            capacity: 1 << 40,
            used: 0,
            latency: Default::default(),
            bandwidth: 1 << 27,
            depth: 4,
            growth: 1 << 20,
            log_growth: 0,
            log_rotation: None,
            log_line: 200,
            minimum_wal: 80 << 20,
            maximum_wal: 1 << 30,
            checkpoint_timeout: Duration::from_secs(300),
        });
        let io = |slot| Io { frame: frame(slot), latency: Duration::from_millis(1), bytes: 8192, writes: false };
        let mut now = Time::ZERO;
        (0..8).for_each(|slot| _ = disk.request(now, io(slot)));
        bench.iter(|| {
            for n in 0..OPERATIONS as u32 {
                now += Duration::from_nanos(100_000);
                let slot = n % 8;
                black_box(disk.leave(now, frame(slot), true));
                black_box(disk.request(now, io(slot)));
            }
        });
    });
    for (name, capacity) in [("page that is there", 2_000), ("page that is there one time in four", 500)] {
        group.bench_function(name, |bench| {
            let mut buffers = Buffers::new(capacity, &[2_000]);
            let mut draws = Key::new(1).stream();
            bench.iter(|| black_box(buffers.read(0, OPERATIONS, &mut draws)));
        });
    }
    group.finish();
}

criterion_group!(benches, machines);
criterion_main!(benches);
