//! Benchmarks of knockon.
