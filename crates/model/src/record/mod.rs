//! Records: what machine transitions leave behind, as ids and small fixed fields. Encoding them is telemetry's work.
//!
//! Observed records ([`SpanRecord`], [`LogRecord`], [`SampleRecord`], [`ChangeRecord`]) and truth records
//! ([`LedgerRecord`], [`RequestRecord`], [`StateRecord`], [`BlameRecord`]) are different types on different methods of [`crate::Sink`]; nothing converts one into the other.

mod blame;
mod catalogue;
mod change;
mod log;
mod metric;
mod span;
mod truth;

pub use blame::{Activity, BlameRecord, Party, Resource, ResourceKind, Who};
pub use catalogue::{Catalogue, OperationInfo, ProcessInfo, SeriesInfo, SeriesKind};
pub use change::{ChangeKind, ChangeRecord, ProbeFailure};
pub use log::{CollectionCause, CollectionKind, LogEvent, LogRecord, TaskEnd};
pub use metric::SampleRecord;
pub use span::{ErrorType, SpanId, SpanKind, SpanRecord, Status, TraceId};
pub use truth::{LedgerRecord, Part, RequestRecord, StateRecord, Transition};
