//! The flagship by the shape that all incidents have; what is particular to it is in `memory_leak.rs`.

use super::is_pool_timeout;
use super::shape::{Ablation, Change, End, Shape, Sign, incident};
use knockon_lab::truth::State;
use knockon_model::record::{ErrorType, LogEvent};

fn is_out_of_memory(event: &LogEvent) -> bool {
    matches!(event, LogEvent::OutOfMemory { .. })
}

incident!(
    memory_leak,
    Shape {
        scenario: "memory_leak",
        fault: "leak",
        chain: &[
            ("web-api", State::Memory),
            ("web-api", State::Pauses),
            ("web-api/pool", State::Held),
            ("web-api/pool", State::PoolWait),
            ("web-api/pool", State::PoolTimeouts),
            ("web-api", State::Errors),
        ],
        signature: &[
            Sign::Gauge("web-api", "jvm_gc_live_data_size_bytes", 2.0, 250e6),
            Sign::Counter("web-api", "jvm_gc_pause_seconds_sum", 20.0, 8.0),
            Sign::Gauge("web-api", "hikaricp_connections_pending", 5.0, 5.0),
            Sign::Log("web-api", is_pool_timeout, 50),
            Sign::Log("web-api", is_out_of_memory, 3),
            Sign::Error("web-api", ErrorType::PoolTimeout, 50),
            Sign::Slower("web-api", 10.0),
        ],
        end: End::InForce,
        ablations: &[Ablation {
            change: Change::Set(&[("web-api/heap.pause_scale", "0")]),
            gone: &[("web-api/pool", State::PoolWait), ("web-api/pool", State::PoolTimeouts)],
            kept: &[("web-api", State::Memory), ("web-api", State::Death)],
            end: Some(End::InForce),
        }],
    }
);

incident!(
    heavy memory_leak_on_cpython,
    Shape {
        scenario: "memory_leak_cpython",
        fault: "leak",
        chain: &[("web-api", State::Memory), ("web-api", State::Death), ("clients", State::Errors)],
        signature: &[Sign::Gauge("web-api", "process_resident_memory_bytes", 2.0, 900e6)],
        end: End::InForce,
        ablations: &[Ablation {
            change: Change::Set(&[("web-api/memory.limit", "None")]),
            gone: &[("web-api", State::Death), ("clients", State::Errors)],
            kept: &[("web-api", State::Memory)],
            end: None,
        }],
    }
);
