//! The world: services, connection pools, heaps, databases and caches as state machines that exchange messages.
//!
//! No input or output, no clock, no threads; a world that was built cannot fail. What happens is decided by the
//! [`blueprint::Blueprint`] and its seed alone; what is seen of it goes to a [`Sink`].

pub mod backoff;
pub mod blueprint;
pub mod cpu;
pub mod id;
pub mod pool;
pub mod purpose;
pub mod record;
pub mod restart;
mod sink;
pub mod statistics;

pub use sink::{Null, Sink, Tee};
