//! Generic deterministic discrete-event simulation: time, calendar, addressed random draws, samplers, digests.

pub mod calendar;
pub mod digest;
pub mod key;
pub mod math;
pub mod real;
pub mod sampler;
pub mod stream;
pub mod time;

pub use calendar::{Calendar, LaneId, Next, Ticket};
pub use digest::{Checkpoint, Digest, first_divergence};
pub use key::{Key, Purpose};
pub use real::Real;
pub use sampler::{Sampler, SamplerError};
pub use stream::Stream;
pub use time::{Duration, Time};
