//! Generic deterministic discrete-event simulation: time, calendar, addressed random draws, samplers, digests.
//!
//! A simulation is a loop: take the next event from a [`Calendar`], change some state, schedule what follows from it. This crate
//! has the parts of that loop which any simulation needs and which must be exact for a run to be the same on every host:
//!
//! | module | what it is |
//! | --- | --- |
//! | [`time`] | instants and durations in whole nanoseconds |
//! | [`calendar`] | pending events in the total order of time and sequence number; true cancellation; lanes for timeouts |
//! | [`key`], [`stream`] | random draws by address, not by order: removing one leaves all others as they were |
//! | [`sampler`] | laws of times, sizes and ranks with checked parameters and formulas for their means |
//! | [`digest`] | a fingerprint of a run, with checkpoints to find where two runs part |
//! | [`real`], [`math`] | floats whose functions give the same bits everywhere |
//!
//! It knows nothing of services, and there is no clock, thread, environment or input and output in it.
//!
//! # A whole simulation
//!
//! The M/M/1 queue: customers arrive 8 times a second, one server serves 10 a second, both at random. Theory says that ρ/(1-ρ) = 4
//! customers are present on average, for ρ = 8/10.
//!
//! ```
//! use knockon_kernel::{Calendar, Duration, Key, Next, Purpose, Sampler, Time};
//!
//! #[derive(Clone, Copy)]
//! enum Event {
//!     Arrival,
//!     Departure,
//! }
//!
//! const GAP: Purpose = Purpose(0);
//! const SERVICE: Purpose = Purpose(1);
//!
//! /// The mean number of customers present over `customers` arrivals.
//! fn mean_present(seed: u64, customers: u64) -> f64 {
//!     let gap = Sampler::exponential(1e9 / 8.0).expect("the mean is positive");
//!     let service = Sampler::exponential(1e9 / 10.0).expect("the mean is positive");
//!     let queue = Key::new(seed).name("queue");
//!     // The draws of customer n have the address n, whatever happens to the others.
//!     let gap_before = |n: u64| gap.duration(queue.with(n).purpose(GAP));
//!     let service_of = |n: u64| service.duration(queue.with(n).purpose(SERVICE));
//!
//!     let mut calendar = Calendar::new();
//!     let (mut arrived, mut departed, mut waited) = (0, 0, Duration::ZERO);
//!     let mut since = Time::ZERO;
//!     calendar.post(Time::ZERO + gap_before(0), Event::Arrival);
//!     while let Next::Event(now, event) = calendar.next(Time::MAX) {
//!         waited += (now - since) * (arrived - departed);
//!         since = now;
//!         let starts = match event {
//!             Event::Arrival => {
//!                 arrived += 1;
//!                 if arrived < customers {
//!                     calendar.post(now + gap_before(arrived), Event::Arrival);
//!                 }
//!                 arrived - departed == 1
//!             }
//!             Event::Departure => {
//!                 departed += 1;
//!                 arrived > departed
//!             }
//!         };
//!         if starts {
//!             calendar.post(now + service_of(departed), Event::Departure);
//!         }
//!     }
//!     waited.as_secs_f64() / (since - Time::ZERO).as_secs_f64()
//! }
//!
//! // Sixteen independent runs: their mean lies within four standard errors of theory, and these are small.
//! let means: Vec<f64> = (1..=16).map(|seed| mean_present(seed, 50_000)).collect();
//! let mean = means.iter().sum::<f64>() / 16.0;
//! let variance = means.iter().map(|m| (m - mean) * (m - mean)).sum::<f64>() / 15.0;
//! let error = (variance / 16.0).sqrt();
//! assert!(error < 0.1, "the standard error is {error}");
//! assert!((mean - 4.0).abs() < 4.0 * error, "L is {mean} ± {error}");
//!
//! // The same seed is the same run, to the last bit.
//! assert_eq!(mean_present(1, 50_000).to_bits(), means[0].to_bits());
//! ```

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
pub use sampler::{Law, Sampler, SamplerError};
pub use stream::Stream;
pub use time::{Duration, Time};
