//! OTLP in JSON: an object a line, a signal a file, as the OpenTelemetry Collector's file exporter writes it.
//!
//! Order of keys, which fields are left out where they are empty, hexadecimal ids, 64-bit numbers as strings and enumerations as numbers are those of the
//! collector's `pdata` marshaller (and of the OTLP specification, "JSON Protobuf Encoding"). A line has the records of a batch, by
//! resource and scope in the order in which each first comes; a point of a metric has its line's whole scrape.

mod json;
mod logs;
mod metrics;
pub mod protobuf;
mod resource;
mod traces;

use crate::error::Result;
use crate::semconv::SemanticConventions;
use crate::source::Source;
use crate::target::Target;

/// Records of a line: what a batch span processor sends at once.
const BATCH: usize = 512;

/// Writes all three files.
pub(crate) fn write(source: &mut Source<'_>, target: &Target, semconv: SemanticConventions) -> Result<()> {
    traces::write(source, target, semconv)?;
    logs::write(source, target, semconv)?;
    metrics::write(source, target)
}
