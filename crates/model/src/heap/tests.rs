//! The heap against models that are plainer than it, and against the closed forms that it must produce.

mod collectors;
mod cpython;
mod formulas;
mod replay;
mod shares;

use crate::blueprint::{self, Collector, OnOutOfMemory, PauseCost};
use knockon_kernel::Duration;

const MIB: u64 = 1 << 20;

/// The heap of the measured programs: 128 MiB, defaults of OpenJDK 17, pauses as measured.
fn jvm(collector: Collector) -> blueprint::Heap {
    blueprint::Heap {
        maximum: 128 * MIB,
        collector,
        base: MIB,
        new_ratio: 2,
        survivor_ratio: 8,
        initiating_occupancy_percent: 45,
        minor_pause: PauseCost { base: Duration::from_millis(1), per_mib: Duration::from_micros(1300) },
        major_pause: PauseCost { base: Duration::from_millis(11), per_mib: Duration::from_micros(410) },
        concurrent_milli_cores: 1000,
        mark_bytes_per_second: 4096 * MIB,
        pause_target: Duration::from_millis(200),
        overhead_limit: true,
        pause_scale: 1.0,
        on_out_of_memory: OnOutOfMemory::Exit,
    }
}
