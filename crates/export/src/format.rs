//! The formats, and how they are written.

use crate::ocsf::Profile;
use crate::semconv::SemanticConventions;

/// A format of other people's tools.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// OTLP in JSON, a signal a file, as the OpenTelemetry Collector's file exporter writes it.
    Otlp,
    /// Prometheus' samples of the whole run, as OpenMetrics text.
    Prometheus,
    /// Labelled spans in the columns of robot-shop's data set.
    Csv,
    /// OCSF: events of the schema, or the flat tables of tutorials.
    Ocsf,
    /// PetShop's layout: statistics over five minutes, with an issue's root cause beside them.
    PetShop,
    /// The layout of RCAEval's data sets: a folder an incident, named after its root cause.
    RcaEval,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Otlp, Self::Csv, Self::Ocsf, Self::PetShop, Self::Prometheus, Self::RcaEval];

    /// Its name on the command line, and in the marker of an export.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Prometheus => "prometheus",
            Self::Csv => "csv",
            Self::Ocsf => "ocsf",
            Self::PetShop => "petshop",
            Self::RcaEval => "rcaeval",
        }
    }

    /// Whether its attributes are named by the semantic conventions.
    #[must_use]
    pub const fn follows_semconv(self) -> bool {
        matches!(self, Self::Otlp)
    }

    /// Whether it can be written by several profiles.
    #[must_use]
    pub const fn has_profiles(self) -> bool {
        matches!(self, Self::Ocsf)
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
            Self::Csv => &[
                "everything but spans: lines, samples and changes",
                "instances, and what databases and queues were asked beyond the name of the span",
                "all faults behind a span but one, where several are; that a fault touched a span which is none the worse for it",
                "that a value is missing: text that does not apply is empty, a number is 0",
                "addresses: http_url, net_peer_port and datacenter are empty or 0, since no simulated request has any",
            ],
            Self::Ocsf => &[
                "what is below a millisecond: times and durations are milliseconds (in flat tables, durations have a fraction)",
                "samples and lines without an error have no class of their own: they are base events, with the sample unmapped",
                "links of spans, and who published what a consumer handles",
                "in flat tables, observed/changes, late arrival, loggers, and what databases and queues were asked",
                "in flat tables, that a value is missing: text that does not apply is empty, a number is 0",
            ],
            Self::PetShop => &[
                "everything but spans, and of these all but five minutes' statistics of each component",
                "a rest of the run that is shorter than five minutes, incidents without an effect, and those that are over within ten minutes of the run's start",
                "all faults of an incident but the one that hurt most: an issue has one root cause",
            ],
            Self::RcaEval => &[
                "all that is more than 720 s before or after the start of an incident, and incidents without an effect",
                "observed/changes: the layout has no file of changes",
                "instances: cpu, mem, diskio and socket are sums over the processes of a service",
                "all faults of an incident but the one that hurt most: a folder has one root cause in its name",
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
    /// The profile, where the format has several.
    pub profile: Profile,
    /// Whether a labelled part is wanted besides, where the format has one.
    pub evaluation: bool,
}

impl Options {
    /// Whether what is written tells the truth: labels, or what the root cause was.
    #[must_use]
    pub const fn tells_truth(&self) -> bool {
        match self.format {
            Format::Otlp | Format::Prometheus => false,
            Format::Ocsf => self.evaluation,
            Format::Csv | Format::PetShop | Format::RcaEval => true,
        }
    }
}
