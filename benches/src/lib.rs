//! Benchmarks of knockon: workloads that other simulators run as well, and what it takes to time them.
//!
//! The binary `knockon-anchor` runs one workload and prints one line of JSON; the benches under `benches/` time parts of
//! the kernel with criterion.

pub mod draws;
pub mod report;
pub mod workloads;
