//! The world: services, connection pools, heaps, databases and caches as state machines that exchange messages.
//!
//! No input or output, no clock, no threads; a world that was built cannot fail. What happens is decided by the
//! [`blueprint::Blueprint`] and its seed alone; what is seen of it goes to a [`Sink`].

pub mod backoff;
pub mod balance;
mod blame;
pub mod blueprint;
pub mod breaker;
pub mod broker;
pub mod budget;
pub mod buffers;
pub mod bulkhead;
pub mod concurrency;
pub mod cpu;
pub mod disk;
mod executor;
mod fork;
mod frame;
mod guard;
#[expect(dead_code, reason = "a machine offers its readings whether or not the world takes each of them")]
mod heap;
pub mod id;
pub mod limiter;
mod loads;
pub mod lock;
mod loop_delay;
mod meter;
mod metrics;
pub mod observing;
pub mod outlier;
mod pairs;
pub mod pool;
mod prefork;
pub mod probe;
mod process;
pub mod purpose;
pub mod queue;
pub mod record;
pub mod replay;
pub mod restart;
mod rolling;
mod sink;
pub mod statistics;
pub mod store;
pub mod throttle;
mod topology;
mod upstream;
mod world;

pub use sink::{Null, Sink, Tee};
pub use topology::{Topology, graph};
pub use world::{EventSummary, Level, LevelKind, LevelPart, Stop, World};
