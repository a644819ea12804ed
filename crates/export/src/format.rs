//! The formats, and how they are written.

use crate::semconv::SemanticConventions;

/// A format of other people's tools.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// OTLP in JSON, a signal a file, as the OpenTelemetry Collector's file exporter writes it.
    Otlp,
    /// The layout of RCAEval's data sets: a folder an incident, named after its root cause.
    RcaEval,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Otlp, Self::RcaEval];

    /// Its name on the command line, and in the marker of an export.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::RcaEval => "rcaeval",
        }
    }

    /// Whether its attributes are named by the semantic conventions.
    #[must_use]
    pub const fn follows_semconv(self) -> bool {
        matches!(self, Self::Otlp)
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
            Self::RcaEval => &[
                "all that is more than 720 s before or after the start of an incident, and incidents without an effect",
                "observed/changes: the layout has no file of changes",
                "instances: cpu, mem, diskio and socket are sums over the processes of a service",
                "all faults of an incident but the first that it needed: a folder has one root cause in its name",
                "req_path of lines: a line has none but by its span",
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

impl Options {
    /// Whether what is written tells the truth: labels, or what the root cause was.
    #[must_use]
    pub const fn tells_truth(&self) -> bool {
        match self.format {
            Format::Otlp => false,
            Format::RcaEval => true,
        }
    }
}
