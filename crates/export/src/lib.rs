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
//! Only what was observed is exported; the truth stays in the run's own tables. Deliberately not here: terminals and arguments, which
//! are the binary's, and anything that sends over a network.

mod error;
mod format;
pub mod otlp;
pub mod prometheus;
mod semconv;
mod series;
mod source;
mod target;

pub use error::{Error, Result};
pub use format::{Format, Options};
pub use semconv::SemanticConventions;
pub use target::{MARKER, Written};

use knockon_telemetry::RunReader;
use source::Source;
use std::path::Path;
use target::Target;

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
    }
    target.finish(run, options)
}
