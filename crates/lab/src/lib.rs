//! What is concluded from worlds: milestones, expectations, conservation, the closing summary.
//!
//! The lab looks at a world from outside, through a [`knockon_model::Sink`] and through its aggregates; it never touches one.
//! Deliberately not here: files, terminals and clocks (the command line has them) and the encoding of records (telemetry).

mod calendar;
pub mod conservation;
pub mod expectations;
pub mod faults;
pub mod milestones;
pub mod summary;
pub mod timeline;
pub mod topology;

pub use calendar::Calendar;
