//! The formats, and how they are written.

use crate::semconv::SemanticConventions;

/// A format of other people's tools.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// OTLP in JSON, a signal a file, as the OpenTelemetry Collector's file exporter writes it.
    Otlp,
    /// Prometheus' samples of the whole run, as OpenMetrics text.
    Prometheus,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Otlp, Self::Prometheus];

    /// Its name on the command line, and in the marker of an export.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Prometheus => "prometheus",
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
            Self::Prometheus => &[
                "observed/spans, observed/logs, observed/changes: Prometheus has metrics alone",
                "what the metrics mean: their help has the unit only, as the tables do; exemplars, which the tables have none of",
                "le of whole bounds is 1.0 where some exporters write 1, since OpenMetrics has one form of each number",
                "that a scrape found a series no more: text has no mark for it, so a Prometheus takes its last value for five minutes, or for --query.lookback-delta",
                "when `promtool` imports the text: types, units and help, which blocks have no place for, and what is finer than a millisecond",
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
