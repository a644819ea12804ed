//! The formats, and how they are written.

use crate::semconv::SemanticConventions;

/// A format of other people's tools.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// OTLP in JSON, a signal a file, as the OpenTelemetry Collector's file exporter writes it.
    Otlp,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Otlp];

    /// Its name on the command line, and in the marker of an export.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
        }
    }

    /// What a run's tables have that the format has no place for, or that is put into it in another form.
    #[must_use]
    pub const fn loses(self) -> &'static [&'static str] {
        match self {
            Self::Otlp => &[
                "observed/changes: OTLP has no signal for changes of deployments and configurations",
                "peer_instance of client spans: the conventions have no attribute for the name of the process that answered",
                "required attributes that no simulated request has: url.path where the route is a template, url.full, server.port",
                "when a process began: counters begin at the run's start, and after a reset at the sample before it",
            ],
        }
    }
}

/// How a run is exported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// The format.
    pub format: Format,
    /// The names of attributes, where the format follows the semantic conventions.
    pub semconv: SemanticConventions,
}
