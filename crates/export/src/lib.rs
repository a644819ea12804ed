//! Finished runs to what other people's tools read: a folder of files in one of their formats.
//!
//! ```text
//! out/<run>/observed/ ──RunReader──► rows in their order ──format──► Target: staged folder, renamed when it is whole
//! ```
//!
//! [`export`] reads the tables from end to end, a batch at a time, and holds no more than one batch and the names in it, so that a run of any
//! length can be exported. Nothing is simulated, nothing is drawn and no clock is read: the same run gives the same bytes. What a format
//! cannot carry is in its [`Format::loses`].
//!
//! A format is given a `Source`, which hands out what was observed and nothing else. Data sets with labels or with a root cause to be found
//! ask for a `Truth` besides, in their signature, and their marker says so ([`Written::truth`]). Deliberately not here: terminals and
//! arguments, which are the binary's, and anything that sends over a network.

mod csv_spans;
mod error;
mod fault;
mod format;
mod hex;
mod ocsf;
pub mod otlp;
mod petshop;
pub mod prometheus;
mod rcaeval;
mod semconv;
mod series;
mod served;
mod source;
mod target;
mod truth;

pub use error::{Error, Result};
pub use format::{Format, Options};
pub use ocsf::Profile;
pub use semconv::SemanticConventions;
pub use target::{MARKER, Written};

use knockon_telemetry::RunReader;
use source::Source;
use std::path::Path;
use target::Target;
use truth::Truth;

/// Writes a run into a folder, in a format. `progress` is told how many rows of how many are done, now and then.
///
/// The folder appears when it is complete. An earlier export in its place is replaced; anything else that is there is left alone.
///
/// # Errors
/// If the run cannot be read, something else lies where the folder would be, or the file system refuses.
pub fn export(run: &RunReader, options: &Options, out: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Written> {
    let target = Target::create(out)?;
    let mut source = Source::of(run, progress);
    match options.format {
        Format::Otlp => otlp::write(&mut source, &target, options.semconv)?,
        Format::Prometheus => prometheus::write(&mut source, &target)?,
        Format::Csv => csv_spans::write(&mut source, &Truth::of(run)?, &target)?,
        Format::Ocsf => {
            let truth = options.evaluation.then(|| Truth::of(run)).transpose()?;
            ocsf::write(&mut source, &target, options.profile, truth.as_ref())?;
        }
        Format::PetShop => petshop::write(&mut source, &Truth::of(run)?, &target)?,
        Format::RcaEval => rcaeval::write(&mut source, &Truth::of(run)?, &target)?,
    }
    target.finish(run, options)
}
