//! All tests of the crate in one program: it is built and linked once, and its tests share the cores.

mod blame;
mod branches;
mod brokers;
mod caches;
mod database;
mod disk;
mod event_loop;
mod executors;
mod expectations;
mod fidelity;
mod guards;
mod incidents;
mod load;
mod loading;
mod measurement;
mod memory_leak;
mod one_request;
mod platform;
mod prefork;
mod processes;
mod proof;
mod replica;
mod shipped;
mod support;
mod theory;
mod truth;
