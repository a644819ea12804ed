//! The scenario language: RON text to a checked, buildable world.
//!
//! Text becomes a tree of spanned nodes, tables decode the tree, names become ids, and what comes out is a
//! [`Blueprint`](knockon_model::blueprint::Blueprint) that a world can be built from without fail. Every error of a scenario
//! is found in one pass and shown with its line and a hint. The tables also write the resolved scenario and the page
//! of `sim schema scenario`, so neither can drift from what is read.
//!
//! Deliberately not here: running anything. The only file access is [`Scenario::load`]; the rest works on text and bytes.

mod campaign;
mod check;
mod compile;
mod data;
mod decode;
mod diagnostic;
mod draft;
mod expectation;
mod held;
mod language;
mod leaf;
mod load;
mod origin;
pub mod original;
mod path;
mod print;
mod schema;
mod suggest;
mod tree;
mod unit;

pub use check::{CheckLine, check, idle_faults};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use draft::{Draft, DraftFault, DraftRuntime, parse_rate};
pub use expectation::{Expectation, Measure, Measured, Milestone, Miss, Reading, Relation, Statistic, Unit, Window};
pub use load::{FileReader, Loaded, Options, Scenario, SystemReader, name_of};
pub use schema::schema;

/// Reads a duration as scenarios write it: "250ms", "2h".
///
/// # Errors
/// What to write instead.
pub fn parse_duration(text: &str) -> Result<knockon_kernel::Duration, String> {
    unit::duration(text).map_err(|_| "give a number with a unit, such as 250ms, 30s, 10min or 2h".to_owned())
}
