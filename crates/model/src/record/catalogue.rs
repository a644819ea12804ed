//! The static tables that records point into, fixed when a world is built. Contains nothing of faults.

use super::SpanKind;
use crate::blueprint::Operation;
use crate::id::{EndpointId, ServiceId};
use serde::{Deserialize, Serialize};

/// Names and constant attributes of everything that records mention.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Catalogue {
    /// Processes by [`crate::id::ProcessId`]. Client sides of sources come last and are not observed.
    pub processes: Vec<ProcessInfo>,
    /// Sides of edges by [`crate::id::OperationId`].
    pub operations: Vec<OperationInfo>,
    /// Metric series by [`crate::id::SeriesId`].
    pub series: Vec<SeriesInfo>,
}

/// A process as tables name it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProcessInfo {
    /// Its service; `None` for the client side of a source.
    pub service: Option<ServiceId>,
    /// Name of the service or source.
    pub name: String,
    /// `name-0`, `name-1` …
    pub instance: String,
}

/// What spans of one side of one edge have in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OperationInfo {
    /// Server or client side.
    pub kind: SpanKind,
    /// The service called.
    pub service: ServiceId,
    /// The endpoint called.
    pub endpoint: EndpointId,
    /// Its semantic-convention attributes.
    pub operation: Operation,
    /// `postgresql`, `redis`; empty for HTTP.
    pub db_system: String,
}

/// A metric series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SeriesInfo {
    /// Metric name as the exporter of the emitting runtime has it.
    pub name: String,
    /// Unit by UCUM (`s`, `By`, `1`, `{connection}`).
    pub unit: String,
    /// Kind.
    pub kind: SeriesKind,
    /// Name of the service that the series describes.
    pub service: String,
    /// Instance.
    pub instance: String,
    /// Label pairs beside service and instance, sorted by key.
    pub attributes: Vec<(String, String)>,
}

/// Kinds of series.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "Prometheus' names")]
pub enum SeriesKind {
    Gauge,
    Counter,
    HistogramBucket,
    HistogramCount,
    HistogramSum,
}

impl SeriesKind {
    /// The word in the series table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::HistogramBucket => "histogram_bucket",
            Self::HistogramCount => "histogram_count",
            Self::HistogramSum => "histogram_sum",
        }
    }
}
