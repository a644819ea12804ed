//! Benchmarks of knockon: workloads that other simulators run as well, and what it takes to time them.
//!
//! The binary `knockon-anchor` runs one workload and prints one line of JSON; the benches under `benches/` time parts of
//! the kernel, and the model, with criterion:
//!
//! ```text
//! cargo run --release -p knockon-benches --bin knockon-anchor -- knockon-kernel w2 1000000
//! cargo bench -p knockon-benches --bench calendar -- "hold"
//! ```
//!
//! Believe a difference only where the ranges of several rounds, taken in turns, do not overlap.

pub mod agenda;
pub mod collected;
pub mod draws;
pub mod machines;
pub mod report;
pub mod scenarios;
pub mod workloads;
