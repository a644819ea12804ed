//! What is concluded from worlds: milestones, measurements, expectations, fidelity to real systems, conservation, the closing summary.
//!
//! The lab looks at a world from outside, through a [`knockon_model::Sink`] and through its aggregates; it never touches one.
//! Deliberately not here: files, terminals and clocks (the command line has them) and the encoding of records (telemetry).

mod calendar;
pub mod conservation;
pub mod difference;
mod estimate;
pub mod expectations;
pub mod faults;
pub mod fidelity;
mod measurement;
pub mod milestones;
mod overview;
pub mod proof;
pub mod story;
mod stretches;
pub mod summary;
pub mod timeline;
pub mod topology;
pub mod truth;

pub use calendar::Calendar;
pub use estimate::{Estimate, SIGMAS};
pub use measurement::Measurement;
pub use overview::{Overview, Row};
pub use stretches::Stretch;
