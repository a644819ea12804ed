//! knockon simulates a running software system as a deterministic discrete-event simulation, lets a fault act on one cause, and
//! lets the incident emerge. This crate is the library user's door: it has nothing of its own and names what lies behind it.
//!
//! From a scenario to its incident:
//!
//! ```
//! use knockon::{Options, Scenario, State, Time, Watcher, World};
//!
//! let loaded = Scenario::load("../../scenarios/memory_leak.ron".as_ref(), &Options::default())?;
//! let end = Time::ZERO + loaded.blueprint.duration;
//! let mut world = World::new(loaded.blueprint.clone());
//! let mut watcher = Watcher::new(world.catalogue(), &loaded.blueprint);
//! world.run_until(end, &mut watcher).expect("no limit is hit");
//! let milestones = watcher.finish(end);
//! assert!(milestones.of(State::OutOfMemoryError).count() >= 3);
//! # Ok::<(), knockon::Diagnostics>(())
//! ```
//!
//! A [`Sink`] of your own sees every span, log line, metric sample and ledger row as it happens. What writes them to Parquet is the
//! package `knockon-telemetry`, which is not re-exported here, so that a simulation alone builds without Arrow.

/// Time, calendar, addressed draws, samplers, digests: a simulator of anything.
pub use knockon_kernel as kernel;
/// What is concluded from a run.
pub use knockon_lab as lab;
/// The world and its records.
pub use knockon_model as model;
/// The scenario language.
pub use knockon_scenario as scenario;

pub use knockon_kernel::{Duration, Time};
pub use knockon_lab::milestones::{Milestone, Milestones, State, Watcher};
pub use knockon_model::blueprint::Blueprint;
pub use knockon_model::statistics::Statistics;
pub use knockon_model::{Null, Sink, Stop, Tee, World};
pub use knockon_scenario::{Diagnostics, Loaded, Options, Scenario};
