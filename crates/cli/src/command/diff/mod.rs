//! `sim diff`: two finished runs, and where they part.
//!
//! Their manifests say whether they are the same. If not, both are run again from their folders, in lockstep, until an event
//! differs; then their tables are joined. What comes of it is the lab's to tell.

mod rows;

use super::load;
use super::lockstep::{Instants, Parting, Sides, Told};
use crate::arguments::{Changes, Diff, Plain, Subjected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal;
use knockon_kernel::Duration;
use knockon_lab::difference::{self, Difference, Event, Events, Parted, Requests, Run, TableDifference};
use knockon_model::World;
use knockon_model::blueprint::Blueprint;
use knockon_telemetry::{Error, Manifest, RunReader, TABLES_EPOCH};
use std::collections::BTreeSet;
use std::path::Path;

pub(crate) fn execute(arguments: &Diff) -> Result<Exit, Failure> {
    let folders = [&*arguments.first, &*arguments.second];
    let readers = [open(folders[0])?, open(folders[1])?];
    let mut difference = Difference {
        runs: readers.each_ref().map(run),
        notes: notes(&readers),
        scenario: [Vec::new(), Vec::new()],
        events: Events::Same,
        tables: difference::tables(readers.each_ref().map(tables)),
        requests: None,
        spans: None,
    };
    let is_same_world = difference.runs[0].digest == difference.runs[1].digest;
    if !(is_same_world && difference.tables.iter().all(TableDifference::is_same)) {
        let texts = folders.map(|folder| std::fs::read_to_string(folder.join(SCENARIO)).unwrap_or_default());
        difference.scenario = difference::changed_lines(&texts[0], &texts[1]);
        let parting = if is_same_world { Ok(Where::default()) } else { parting(&readers)? };
        let traces = parting.as_ref().map(Where::traces).unwrap_or_default();
        difference.requests = rows::requests(&readers, arguments.requests as usize, traces)?;
        difference.spans = rows::spans(&readers)?;
        difference.events = match parting {
            Err(why) => Events::Unknown(why),
            Ok(_) if is_same_world => Events::Same,
            Ok(parting) => parted(parting, difference.requests.as_ref()),
        };
    }
    match arguments.format {
        Plain::Text => terminal::print(&difference.to_text())?,
        Plain::Json => terminal::print(&format!("{:#}\n", difference.to_json()))?,
    }
    Ok(if difference.is_none() { Exit::Success } else { Exit::Failed })
}

/// The scenario of a run, as it was run.
const SCENARIO: &str = "truth/scenario.ron";

fn open(folder: &Path) -> Result<RunReader, Failure> {
    let refused = |error: Error| {
        let failure = Failure::no_run(folder);
        match error {
            Error::Io { source, .. } => failure.because(&source),
            other => failure.because(&other).hint(other.hint()),
        }
    };
    let reader = RunReader::open(folder).map_err(refused)?;
    let epoch = reader.manifest().epochs.tables;
    if epoch != TABLES_EPOCH {
        let version = &reader.manifest().version;
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "`{}` has tables of epoch {epoch}; this version reads those of epoch {TABLES_EPOCH}",
                folder.display()
            ),
        )
        .hint(format!("compare it with version {version}, which wrote it, or run its truth/scenario.ron again")));
    }
    Ok(reader)
}

fn run(reader: &RunReader) -> Run {
    let Manifest { version, epochs, seed, simulated_ns, start_unix_ns, run_digest, .. } = reader.manifest();
    Run {
        folder: reader.folder().display().to_string(),
        written_by: format!("{version} (draws {}, model {}, tables {})", epochs.draws, epochs.model, epochs.tables),
        seed: *seed,
        simulated_ns: *simulated_ns,
        start_unix_ns: *start_unix_ns,
        digest: run_digest.clone(),
    }
}

fn tables(reader: &RunReader) -> Vec<(String, (u64, String))> {
    let all = &reader.manifest().tables;
    all.iter().map(|(path, table)| (path.clone(), (table.rows, table.digest.clone()))).collect()
}

fn notes(readers: &[RunReader; 2]) -> Vec<String> {
    let [a, b] = readers.each_ref().map(RunReader::manifest);
    let mut notes = Vec::new();
    if (&a.version, a.epochs) != (&b.version, b.epochs) {
        let [a, b] = readers.each_ref().map(|reader| run(reader).written_by);
        notes.push(format!("written by different versions: A by {a}, B by {b}"));
    }
    if a.seed != b.seed {
        notes.push("with different seeds no request of one run is one of the other".to_owned());
    }
    if a.start_unix_ns != b.start_unix_ns {
        notes.push("they begin at different times of the calendar".to_owned());
    }
    for (side, manifest) in [("A", a), ("B", b)] {
        for (limit, count) in &manifest.limits_hit {
            notes.push(format!("{side} hit a limit: {limit}, {count} times"));
        }
    }
    notes
}

/// Where two worlds part.
#[derive(Debug, Default)]
struct Where {
    /// Between which instants what they hold differs first, if it does before any event.
    held: Option<[u64; 2]>,
    /// Instances and sources that one of them has alone: what happens there is not compared.
    only: [Vec<String>; 2],
    /// `None` if no event differs.
    events: Option<Parting>,
}

/// Runs both again, and finds where they part; why that cannot be found, where it cannot.
fn parting(readers: &[RunReader; 2]) -> Result<Result<Where, String>, Failure> {
    let subjects = readers.each_ref().map(subject);
    let mut longest = Duration::ZERO;
    let mut components = [const { BTreeSet::new() }; 2];
    for ((name, subject), components) in ["A", "B"].into_iter().zip(&subjects).zip(&mut components) {
        match load::quietly(&subject.scenario, &subject.changes) {
            Ok(loaded) => {
                longest = longest.max(loaded.blueprint.duration);
                *components = named(loaded.blueprint);
            }
            Err((told, failure)) => {
                let first = told.as_deref().and_then(|told| told.lines().next()).unwrap_or(failure.message());
                return Ok(Err(format!("this version cannot run {name} again: {first}")));
            }
        }
    }
    let [a, b] = &components;
    let apart: BTreeSet<String> = a.symmetric_difference(b).cloned().collect();
    let sides = Sides::new(&subjects[0], &subjects[1], longest).by_name(&apart);
    let only = [a, b].map(|side| apart.intersection(side).cloned().collect());
    let Instants { last, parted, held, .. } = sides.instants(true)?;
    for ((name, reader), last) in ["A", "B"].into_iter().zip(readers).zip(last) {
        let found = last.map_or_else(|| "none".to_owned(), |instant| instant.digest);
        if found != reader.manifest().run_digest {
            return Ok(Err(format!("this version does not reproduce {name}: run again, its digest is {found}")));
        }
    }
    let Some(interval) = parted else { return Ok(Ok(Where { held, only, events: None })) };
    let parting = sides.events(interval)?;
    Ok(match parting {
        Some(events) => Ok(Where { held, only, events: Some(events) }),
        None => Err("they do not repeat even in themselves".to_owned()),
    })
}

/// The names of a world's instances and sources.
fn named(blueprint: Blueprint) -> BTreeSet<String> {
    let sources: Vec<String> = blueprint.sources.iter().map(|source| source.name.clone()).collect();
    let world = World::new(blueprint);
    world.catalogue().processes.iter().map(|process| process.instance.to_string()).chain(sources).collect()
}

fn subject(reader: &RunReader) -> Subjected {
    let changes = Changes { seed: reader.manifest().seed, overrides: Vec::new(), without: Vec::new(), until: None };
    Subjected { scenario: reader.folder().join(SCENARIO), changes }
}

fn trace(told: &Told) -> Option<u128> {
    u128::from_str_radix(told.trace.as_deref()?, 16).ok()
}

impl Where {
    fn traces(&self) -> Vec<u128> {
        let Some(Parting { equal, differing }) = &self.events else { return Vec::new() };
        equal.iter().chain(differing.iter().flatten()).filter_map(trace).collect()
    }
}

fn parted(Where { held, only, events }: Where, requests: Option<&Requests>) -> Events {
    let event = |told: Told| {
        let trace = trace(&told);
        let request = trace.and_then(|trace| requests?.which(trace));
        let Told { number, time_ns, component, text, .. } = told;
        Event { number, time_ns, component, trace, request, text }
    };
    let (equal, differing) = events.map_or((None, [None, None]), |parting| (parting.equal, parting.differing));
    let (equal, differing) = (equal.map(event), differing.map(|told| told.map(event)));
    Events::Parted(Box::new(Parted { held_ns: held, only, equal, differing }))
}
