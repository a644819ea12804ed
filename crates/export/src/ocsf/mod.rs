//! OCSF, the Open Cybersecurity Schema Framework: spans, lines, samples and changes as its events.
//!
//! `strict` is the schema 1.8.0 to the letter, an event a line. `tutorial` is the flat table that tutorials on anomaly detection work on, with
//! the names that they use; no column of it is a label. What both say of a record is decided once, in [`class`].

mod class;
mod evaluation;
mod flat;
mod requests;
mod strict;
mod tutorial;

use crate::error::Result;
use crate::source::Source;
use crate::target::Target;
use crate::truth::Truth;

/// In which form events are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Profile {
    /// Schema 1.8.0, nested, a JSON object a line.
    #[default]
    Strict,
    /// Flat Parquet tables, compressed with snappy.
    Tutorial,
}

impl Profile {
    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Tutorial => "tutorial",
        }
    }
}

/// Writes the events; with the truth, a labelled part of the lines besides.
pub(crate) fn write(
    source: &mut Source<'_>,
    target: &Target,
    profile: Profile,
    evaluation: Option<&Truth<'_>>,
) -> Result<()> {
    match profile {
        Profile::Strict => strict::write(source, target)?,
        Profile::Tutorial => tutorial::write(source, target)?,
    }
    evaluation.map_or(Ok(()), |truth| evaluation::write(source, truth, target))
}

/// The times of OCSF are milliseconds.
const fn milliseconds(nanoseconds: i64) -> i64 {
    nanoseconds.div_euclid(1_000_000)
}
