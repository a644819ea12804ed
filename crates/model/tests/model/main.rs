//! All tests of the crate in one program: it is built and linked once, and its tests share the cores.

mod admission;
mod blame;
mod certificates;
mod database;
mod faults;
mod limits;
mod patience;
mod probes;
mod processor;
mod queues;
mod requests;
mod resilience;
mod storage;
mod support;
