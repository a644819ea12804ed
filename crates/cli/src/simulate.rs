//! One run from a loaded scenario to its end: the world, its watcher and, if wanted, the tables.

use crate::drive::{Drive, Ended, end_of};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::tables::Conclusions;
use knockon_kernel::{Checkpoint, Time};
use knockon_lab::expectations::{self, Judgement};
use knockon_lab::fidelity::Seen;
use knockon_lab::milestones::{Milestones, Watcher};
use knockon_lab::summary::{Summary, Written};
use knockon_lab::truth::{self, Difficulty, Incident, Metrics, Propagation, Settled, Tally, Truth};
use knockon_lab::{Calendar, Measurement, conservation, faults};
use knockon_model::statistics::Statistics;
use knockon_model::{Sink, Stop, Tee, World};
use knockon_scenario::Loaded;
use knockon_telemetry::{Closing, Manifest, Meta, Options, Recorder, RunWriter};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Moves when a scenario gets other random values.
const DRAWS_EPOCH: u32 = 1;
/// Moves when machines do something else with the same values.
const MODEL_EPOCH: u32 = 1;

/// Where tables go.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    /// The run's folder.
    pub(crate) folder: PathBuf,
}

/// How a scenario is run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where its tables go, if any are written.
    pub(crate) recording: Option<Recording>,
    /// Whether faults are compared with the same world without them.
    pub(crate) truth: bool,
    /// Threads: with one, everything is done in turns; with more, one simulates, one writes, others simulate beside it.
    pub(crate) threads: u8,
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Simulated {
    loaded: Loaded,
    statistics: Statistics,
    milestones: Milestones,
    judgements: Vec<Judgement>,
    incidents: Vec<Incident>,
    /// How each of them came about.
    propagations: Vec<Propagation>,
    /// How hard each is to find out from what is observed: with its root causes and its beginning.
    difficulties: Vec<(Difficulty, Vec<String>, Time)>,
    /// What incidents name their evidence by.
    metrics: Metrics,
    end: Time,
    wall_s: f64,
    events: u64,
    digest: u128,
    checkpoints: Vec<Checkpoint>,
    limit: Option<Stop>,
    output: Option<Output>,
}

/// What was written.
#[derive(Debug)]
struct Output {
    folder: PathBuf,
    manifest: Manifest,
    /// Documents of truth: name, entries, digest.
    documents: Vec<(&'static str, u64, String)>,
}

/// Runs a scenario to its end, a limit or a signal.
pub(crate) fn simulate(
    loaded: Loaded,
    plan: &Plan,
    interrupt: &Interrupt,
    progress: Progress,
) -> Result<Simulated, Failure> {
    match &plan.recording {
        None => without_tables(loaded, plan, interrupt, progress),
        Some(recording) => with_tables(loaded, plan, recording, interrupt, progress),
    }
}

fn without_tables(
    loaded: Loaded,
    plan: &Plan,
    interrupt: &Interrupt,
    mut progress: Progress,
) -> Result<Simulated, Failure> {
    let mut world = World::new(loaded.blueprint.clone());
    let watcher = Watcher::new(world.catalogue(), &loaded.blueprint);
    let mut measurement = measurement_of(&loaded);
    let mut truth: Truth<false> = Truth::new(&world, usize::from(plan.threads), plan.truth);
    let mut drive = Drive::new(&mut measurement, interrupt, &mut progress, end_of(loaded.blueprint.duration));
    let seen = Seen::if_needed(&loaded.expectations, world.catalogue(), &loaded.blueprint);
    // Of the whole world there is a copy for each kind of sink, and what no sink of it wants is not done. A bare run and truth alone have their own.
    let (ended, watcher, seen) = match seen {
        None if !truth.compares() => {
            let mut watcher = watcher;
            (drive.through(&mut world, &mut watcher, |_| false), watcher, None)
        }
        None => {
            let mut sink = Tee(watcher, Tally::default());
            let ended = alone_or_beside(&mut drive, &mut world, &mut sink, |_| false, &mut truth, |_| Ok(()));
            (ended, sink.0, None)
        }
        Some(seen) => {
            let mut sink = Tee(Tee(watcher, seen), Tally::default());
            let ended = alone_or_beside(&mut drive, &mut world, &mut sink, |_| false, &mut truth, |_| Ok(()));
            let Tee(Tee(watcher, seen), _) = sink;
            (ended, watcher, Some(seen))
        }
    };
    let limit = limit_of(ended)?;
    Ok(Simulated::new(loaded, &world, watcher, &measurement, seen.as_ref(), truth, limit, &progress))
}

/// To the end, beside the worlds that it is compared with if there are any: then `tell` gets what comes of that, up to a limit that is hit too.
fn alone_or_beside<S: Sink, const O: bool>(
    drive: &mut Drive<'_>,
    world: &mut World,
    sink: &mut Tee<S, Tally<O>>,
    has_failed: impl Fn(&S) -> bool,
    truth: &mut Truth<O>,
    mut tell: impl FnMut(&Settled) -> Result<(), Ended>,
) -> Result<(), Ended> {
    if !truth.compares() {
        return drive.through(world, sink, |sink| has_failed(&sink.0));
    }
    let mut ended = drive.beside(world, sink, has_failed, truth, &mut tell);
    if matches!(ended, Err(Ended::Limit(_)))
        && let Err(failed) = tell(&truth.abandon(&sink.1))
    {
        ended = Err(failed);
    }
    ended
}

fn with_tables(
    loaded: Loaded,
    plan: &Plan,
    recording: &Recording,
    interrupt: &Interrupt,
    mut progress: Progress,
) -> Result<Simulated, Failure> {
    let mut world = World::new(loaded.blueprint.clone());
    let watcher = Watcher::new(world.catalogue(), &loaded.blueprint);
    let meta = Meta { draws_epoch: DRAWS_EPOCH, model_epoch: MODEL_EPOCH };
    let options = Options { threads: usize::from(plan.threads.min(2)), ..Options::default() };
    let writer = RunWriter::create(&recording.folder, meta, world.catalogue(), &loaded.blueprint, options)?;
    for (name, bytes) in &loaded.files {
        writer.write_input(name, bytes)?;
    }
    let seen = Seen::if_needed(&loaded.expectations, world.catalogue(), &loaded.blueprint);
    let sink = Tee(Tee(watcher, seen), writer.recorder_observing(loaded.observing.as_ref())?);
    let mut sink = Tee(sink, Tally::default());
    let mut measurement = measurement_of(&loaded);
    let has_failed = |sink: &Tee<_, Recorder>| sink.1.has_failed();
    let mut truth: Truth<true> = Truth::new(&world, usize::from(plan.threads), plan.truth);
    let mut drive = Drive::new(&mut measurement, interrupt, &mut progress, end_of(loaded.blueprint.duration));
    let open = || Conclusions::open(&writer, &truth, world.catalogue(), &loaded.blueprint);
    let mut conclusions = truth.compares().then(open).transpose()?;
    let mut refused = None;
    let tell = |settled: &Settled| match conclusions.as_mut().map(|conclusions| conclusions.write(settled)) {
        Some(Err(error)) => {
            refused = Some(error);
            Err(Ended::SinkFailed)
        }
        _ => Ok(()),
    };
    let ended = alone_or_beside(&mut drive, &mut world, &mut sink, has_failed, &mut truth, tell);
    if let Some(error) = refused {
        return Err(error.into());
    }
    let limit = limit_of(ended)?;
    let Tee(Tee(Tee(watcher, seen), recorder), _) = sink;
    let mut simulated = Simulated::new(loaded, &world, watcher, &measurement, seen.as_ref(), truth, limit, &progress);
    let documents = simulated.write_truth(&writer)?;
    let closing = Closing {
        run_digest: format!("{:032x}", simulated.digest),
        simulated: simulated.end - Time::ZERO,
        limits_hit: limit.map(|limit| (limit_name(limit).to_owned(), 1)).into_iter().collect(),
    };
    let manifest = writer.finish(Some(recorder), conclusions.map(Conclusions::into_tables), closing)?;
    simulated.output = Some(Output { folder: recording.folder.clone(), manifest, documents });
    simulated.wall_s = progress.elapsed().as_secs_f64();
    Ok(simulated)
}

fn measurement_of(loaded: &Loaded) -> Measurement {
    Measurement::new(&loaded.expectations, loaded.measure, loaded.blueprint.duration)
}

/// A limit is a result; a signal is not.
fn limit_of(ended: Result<(), Ended>) -> Result<Option<Stop>, Failure> {
    match ended {
        // What failed is said when the writer is asked to finish.
        Ok(()) | Err(Ended::SinkFailed) => Ok(None),
        Err(Ended::Limit(stop)) => Ok(Some(stop)),
        Err(Ended::Signal(exit)) => Err(Failure::new(exit, "interrupted; nothing was written")),
    }
}

const fn limit_name(stop: Stop) -> &'static str {
    match stop {
        Stop::Livelock { .. } => "events_per_instant",
        Stop::Frames { .. } => "frames",
        Stop::Events { .. } => "events",
    }
}

impl Simulated {
    #[expect(clippy::too_many_arguments, reason = "everything that a run leaves behind")]
    fn new<const O: bool>(
        loaded: Loaded,
        world: &World,
        watcher: Watcher,
        measurement: &Measurement,
        seen: Option<&Seen>,
        truth: Truth<O>,
        limit: Option<Stop>,
        progress: &Progress,
    ) -> Self {
        let end = match limit {
            None => end_of(loaded.blueprint.duration),
            Some(_) => world.time(),
        };
        let statistics = world.statistics();
        let milestones = watcher.finish(end);
        let judgements = expectations::judge(&loaded.expectations, measurement, &statistics, &milestones, seen);
        Self {
            statistics,
            milestones,
            judgements,
            incidents: truth.incidents(),
            propagations: truth.propagations(),
            difficulties: truth.difficulties(),
            metrics: truth.into_metrics(),
            end,
            wall_s: progress.elapsed().as_secs_f64(),
            events: world.events(),
            digest: world.digest(),
            checkpoints: world.checkpoints().to_vec(),
            limit,
            output: None,
            loaded,
        }
    }

    fn write_truth(&self, writer: &RunWriter) -> Result<Vec<(&'static str, u64, String)>, Failure> {
        let calendar = Calendar { epoch_unix_ns: self.loaded.blueprint.epoch_unix_ns };
        let faults = faults::acted(&self.loaded.blueprint.faults, self.end);
        let scenario = writer.write_truth_text("scenario.ron", &self.loaded.resolved_text)?;
        let told_faults = writer.write_truth_json("faults.json", &faults::document(&faults, calendar))?;
        let told_milestones = writer.write_truth_json("milestones.json", &self.milestones.document(calendar))?;
        let mut written = vec![
            ("truth/scenario.ron", self.loaded.resolved_text.lines().count() as u64, scenario.to_string()),
            ("truth/faults.json", faults.len() as u64, told_faults.to_string()),
            ("truth/milestones.json", self.milestones.kept.len() as u64, told_milestones.to_string()),
        ];
        if !self.incidents.is_empty() {
            let incidents = truth::document(&self.incidents, &self.loaded.blueprint, &self.metrics, calendar);
            let told = writer.write_truth_json("incidents.json", &incidents)?;
            written.push(("truth/incidents.json", self.incidents.len() as u64, told.to_string()));
            let propagations: Vec<_> =
                self.propagations.iter().map(|graph| graph.document(&self.metrics, calendar)).collect();
            let told = writer.write_truth_json("propagation.json", &propagations)?;
            written.push(("truth/propagation.json", propagations.len() as u64, told.to_string()));
            let difficulties = truth::difficulty::document(&self.difficulties, &self.metrics, calendar);
            let told = writer.write_truth_json("difficulty.json", &difficulties)?;
            written.push(("truth/difficulty.json", self.difficulties.len() as u64, told.to_string()));
            let drawn: String = self.propagations.iter().map(Propagation::to_dot).collect();
            let told = writer.write_truth_text("propagation.dot", &drawn)?;
            written.push(("truth/propagation.dot", self.propagations.len() as u64, told.to_string()));
        }
        Ok(written)
    }

    /// What came of the expectations.
    pub(crate) fn judgements(&self) -> &[Judgement] {
        &self.judgements
    }

    /// The limit that ended the run early.
    pub(crate) fn limit(&self) -> Option<Stop> {
        self.limit
    }

    /// The closing lines.
    pub(crate) fn summary(&self) -> Summary<'_> {
        Summary {
            name: &self.loaded.name,
            title: &self.loaded.title,
            blueprint: &self.loaded.blueprint,
            statistics: &self.statistics,
            milestones: &self.milestones,
            judgements: &self.judgements,
            incidents: &self.incidents,
            end: self.end,
            wall_s: self.wall_s,
            events: self.events,
            digest: self.digest,
            limit: self.limit.map(|limit| limit.to_string()),
            written: self.output.as_ref().map(|output| Written {
                folder: output.folder.display().to_string(),
                rows: output.manifest.tables.values().map(|table| table.rows).sum(),
                bytes: output.manifest.tables.values().map(|table| table.bytes).sum(),
            }),
        }
    }

    /// How the run counts: lost requests are a defect, a limit is worse than an expectation that did not hold.
    pub(crate) fn verdict(&self) -> Result<Exit, Failure> {
        let breaches: Vec<_> = conservation::breaches(&self.statistics).iter().map(ToString::to_string).collect();
        if !breaches.is_empty() {
            return Err(Failure::new(Exit::Bug, format!("requests were lost: {}", breaches.join("; ")))
                .hint("this is a defect of sim, not of your scenario; please report it with the scenario"));
        }
        if self.limit.is_some() {
            return Ok(Exit::Limit);
        }
        Ok(if self.judgements.iter().all(Judgement::passes) { Exit::Success } else { Exit::Failed })
    }

    /// Fingerprint of events and states, with the number of events.
    pub(crate) fn world(&self) -> (String, u64) {
        (format!("{:032x}", self.digest), self.events)
    }

    /// Fingerprints of the run up to some events, in their order.
    pub(crate) fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    /// Rows (or entries) and digest of everything written, by path.
    pub(crate) fn written(&self) -> BTreeMap<String, (u64, String)> {
        let Some(output) = &self.output else { return BTreeMap::new() };
        let tables =
            output.manifest.tables.iter().map(|(path, table)| (path.clone(), (table.rows, table.digest.clone())));
        let documents =
            output.documents.iter().map(|(path, entries, digest)| ((*path).to_owned(), (*entries, digest.clone())));
        tables.chain(documents).collect()
    }
}
