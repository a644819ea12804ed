//! The truth of a run, for the formats that are made to tell it: data sets with labels, or with a root cause to be found.
//!
//! Nothing else in this crate opens what lies below `truth/`: a format whose signature has no [`Truth`] cannot leak it.

use crate::error::{Error, Result};
use knockon_telemetry::{Batch, RunReader};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What faults did in a run, by its own tables.
#[derive(Debug)]
pub(crate) struct Truth<'a> {
    run: &'a RunReader,
    incidents: Vec<Incident>,
}

/// Faults that overlap, and what came of them.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    /// Whether anything was affected.
    pub(crate) effect: bool,
    /// The comparisons of worlds that were made, with the names of the faults that each is about.
    pub(crate) contrasts: Vec<(u32, Vec<String>)>,
    /// When the first fault acted, in nanoseconds since the Unix epoch.
    pub(crate) start: i64,
    /// Until when worlds were compared: nothing is known to be off from then on.
    pub(crate) until: i64,
    /// Its faults, in the order of their times.
    pub(crate) faults: Vec<Fault>,
    /// What its requests suffered.
    pub(crate) requests: Harm,
}

/// What requests suffered.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Harm {
    /// Requests that took longer, failed, or were never answered.
    pub(crate) hurt: u64,
    /// Those that failed.
    pub(crate) failed: u64,
}

/// A fault of an incident.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// Its name in the scenario.
    pub(crate) name: String,
    /// What a root cause analysis should name: the service that it was set on, or the source of load that it is.
    pub(crate) root_cause: String,
    /// What was done: `set`, `deploy`, `surge` …
    pub(crate) kind: String,
    /// What was set, as `component/part.field`.
    pub(crate) paths: Vec<String>,
    /// Whether the incident needed it.
    pub(crate) is_cause: bool,
    /// Requests that would not have been hurt without it.
    pub(crate) spared: u64,
}

#[derive(Deserialize)]
struct IncidentText {
    effect: bool,
    contrasts: Vec<ContrastText>,
    start: Instant,
    compared_until: Instant,
    faults: Vec<InvolvedText>,
    requests: Harm,
}

#[derive(Deserialize)]
struct ContrastText {
    contrast: u32,
    faults: Vec<String>,
}

#[derive(Deserialize)]
struct Instant {
    offset_ns: i64,
}

#[derive(Deserialize)]
struct InvolvedText {
    name: String,
    role: String,
    without_it: Harm,
}

#[derive(Deserialize)]
struct FaultText {
    name: String,
    kind: String,
    component: String,
    settings: Vec<SettingText>,
}

#[derive(Deserialize)]
struct SettingText {
    path: String,
}

impl<'a> Truth<'a> {
    /// The truth of a run. That of a run without faults is that nothing happened.
    ///
    /// # Errors
    /// If faults acted and nobody compared the run with one without them (`--no-truth`), or a document cannot be read.
    pub(crate) fn of(run: &'a RunReader) -> Result<Self> {
        let faults: Vec<FaultText> = document(run, "truth/faults.json")?.ok_or_else(|| no_truth(run))?;
        let incidents: Option<Vec<IncidentText>> = document(run, "truth/incidents.json")?;
        let start = run.manifest().start_unix_ns;
        let incidents = match incidents {
            Some(incidents) => incidents.into_iter().map(|text| incident(text, &faults, start)).collect(),
            None if faults.is_empty() => Vec::new(),
            None => return Err(no_truth(run)),
        };
        Ok(Self { run, incidents })
    }

    /// The incidents that had an effect, in the order of their beginnings; at least one.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn with_effect(&self) -> Result<Vec<&Incident>> {
        let found: Vec<_> = self.incidents.iter().filter(|incident| incident.effect).collect();
        if found.is_empty() { Err(Error::NoIncident { path: self.run.folder().into() }) } else { Ok(found) }
    }

    /// All incidents, in the order of their beginnings; none where nothing happened.
    pub(crate) fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// Reads columns of a table of truth, batch by batch.
    pub(crate) fn each(&self, table: &str, columns: &[&str], mut take: impl FnMut(&Batch)) -> Result<()> {
        for batch in self.run.read(table, columns)? {
            take(&batch?);
        }
        Ok(())
    }
}

impl Incident {
    /// The fault that stands for it: of those that it needed the one without which most requests would have been spared, the first of equals; or the
    /// first of all where none was needed alone.
    pub(crate) fn cause(&self) -> Option<&Fault> {
        self.cause_of(|_| true)
    }

    /// The same of some of its faults.
    pub(crate) fn cause_of(&self, which: impl Fn(&Fault) -> bool) -> Option<&Fault> {
        let faults = || self.faults.iter().filter(|fault| which(fault));
        let needed = faults().filter(|fault| fault.is_cause);
        needed.rev().max_by_key(|fault| fault.spared).or_else(|| faults().next())
    }
}

fn incident(text: IncidentText, faults: &[FaultText], start: i64) -> Incident {
    let fault = |involved: InvolvedText| {
        let known = faults.iter().find(|fault| fault.name == involved.name)?;
        let paths: Vec<_> = known.settings.iter().map(|setting| setting.path.clone()).collect();
        // More load is set on nobody: it comes from a source of its own.
        let source = paths.first().and_then(|path| path.split_once('.')).filter(|_| known.kind == "surge");
        let root_cause = source.map_or(known.component.as_str(), |(source, _)| source).to_owned();
        let is_cause = involved.role == "cause";
        let spared = involved.without_it.hurt;
        Some(Fault { name: involved.name, root_cause, kind: known.kind.clone(), paths, is_cause, spared })
    };
    Incident {
        effect: text.effect,
        contrasts: text.contrasts.into_iter().map(|contrast| (contrast.contrast, contrast.faults)).collect(),
        start: start + text.start.offset_ns,
        until: start + text.compared_until.offset_ns,
        faults: text.faults.into_iter().filter_map(fault).collect(),
        requests: text.requests,
    }
}

fn document<T: DeserializeOwned>(run: &RunReader, name: &str) -> Result<Option<T>> {
    let refused = |source| Error::Document { path: run.folder().join(name), source };
    run.document(name)?.map(|text| serde_json::from_slice(&text).map_err(refused)).transpose()
}

fn no_truth(run: &RunReader) -> Error {
    Error::NoTruth { path: run.folder().into() }
}
