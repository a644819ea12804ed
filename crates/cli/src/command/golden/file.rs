//! A golden file: `golden/<scenario>.json`.

use crate::arguments::{Changes, Seeds, Subjected};
use crate::command::load;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::simulate::{Plan, Recording, simulate};
use knockon_kernel::{Checkpoint, Duration, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is recorded of one scenario.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoldenFile {
    #[serde(skip)]
    pub(crate) path: PathBuf,
    /// The scenario, from the folder that holds `golden/`.
    pub(crate) scenario: PathBuf,
    /// Simulated nanoseconds, where they are not the scenario's own.
    pub(crate) until_ns: Option<Duration>,
    /// What was recorded, by seed.
    pub(crate) seeds: BTreeMap<u64, Option<Layers>>,
    /// Why what moved when, oldest first.
    pub(crate) history: Vec<Blessing>,
}

/// What one run gave, from the world to what is told of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layers {
    /// Fingerprint of events and states.
    pub(crate) world: String,
    /// Events handled.
    pub(crate) events: u64,
    /// Fingerprints on the way there, to tell where another run parts from it. None in files that are older than these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) on_the_way: Vec<Mark>,
    /// Observed tables and truth, by path.
    pub(crate) tables: BTreeMap<String, TableLayer>,
    /// What a reader sees.
    pub(crate) summary: Vec<String>,
}

/// The fingerprint of a run up to some event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    /// Events handled so far.
    pub(crate) events: u64,
    /// When the last of them was, in nanoseconds of simulated time.
    pub(crate) at_ns: Duration,
    /// The fingerprint.
    pub(crate) world: String,
}

impl Mark {
    /// Marks that are recorded at most: so many lines of a file that people read changes of.
    const MOST: usize = 32;

    /// Of a run's checkpoints those whose distance is the least power of two of them that leaves few enough.
    pub(crate) fn on_the_way(checkpoints: &[Checkpoint]) -> Vec<Self> {
        let step = checkpoints.len().div_ceil(Self::MOST).next_power_of_two();
        checkpoints.iter().skip(step - 1).step_by(step).map(Self::of).collect()
    }

    /// A checkpoint as it is recorded.
    pub(crate) fn of(checkpoint: &Checkpoint) -> Self {
        let at_ns = checkpoint.time - Time::ZERO;
        Self { events: checkpoint.events, at_ns, world: format!("{:032x}", checkpoint.value()) }
    }
}

/// One table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableLayer {
    pub(crate) rows: u64,
    pub(crate) digest: String,
}

/// A reason and what it moved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Blessing {
    pub(crate) because: String,
    pub(crate) moved: Vec<String>,
}

impl GoldenFile {
    /// A file of which nothing is recorded yet.
    pub(crate) fn begin(scenario: &Path, seeds: &[Seeds], until_ns: Option<Duration>) -> Result<Self, Failure> {
        let name = scenario.file_stem().unwrap_or_default().to_string_lossy();
        let path = Path::new(super::FOLDER).join(format!("{name}.json"));
        if path.exists() {
            return Err(Failure::new(Exit::Usage, format!("`{}` exists", path.display()))
                .hint(format!("`sim golden bless {} --because TEXT` records it anew", path.display())));
        }
        let seeds = seeds.iter().flat_map(|seeds| seeds.first..=seeds.last).map(|seed| (seed, None)).collect();
        Ok(Self { path, scenario: scenario.to_owned(), until_ns, seeds, history: Vec::new() })
    }

    /// Reads a golden file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::new(Exit::Usage, format!("cannot read `{}`", path.display())).because(&error))?;
        let mut golden: Self = serde_json::from_str(&text).map_err(|error| {
            Failure::new(Exit::Failed, format!("`{}` is not a golden file", path.display())).because(&error)
        })?;
        golden.path = path.to_owned();
        Ok(golden)
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::io("write", &self.path, &error);
        let text = serde_json::to_string_pretty(self).expect("a golden is plain data") + "\n";
        std::fs::create_dir_all(self.path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        let staged = self.path.with_extension("json.partial");
        std::fs::write(&staged, text).and_then(|()| std::fs::rename(&staged, &self.path)).map_err(failed)?;
        Ok(())
    }

    /// Runs the scenario with one seed and reads off the layers, and all fingerprints on the way.
    pub(crate) fn measure(&self, seed: u64, interrupt: &Interrupt) -> Result<(Layers, Vec<Mark>), Failure> {
        let root = self.path.parent().and_then(Path::parent).unwrap_or(Path::new(""));
        let subject = Subjected {
            scenario: root.join(&self.scenario),
            changes: Changes { seed, overrides: Vec::new(), without: Vec::new(), until: self.until_ns },
        };
        let loaded = load::scenario(&subject)?;
        let scratch = tempfile::tempdir().map_err(|error| Failure::io("write", &std::env::temp_dir(), &error))?;
        let recording = Recording { folder: scratch.path().join("run") };
        let plan = Plan { recording: Some(recording), truth: true, threads: 3 };
        let simulated = simulate(loaded, &plan, interrupt, Progress::begin())?;
        let (world, events) = simulated.world();
        let tables = simulated.written().into_iter().map(|(path, (rows, digest))| (path, TableLayer { rows, digest }));
        let summary = simulated.summary().lasting_lines();
        let on_the_way = Mark::on_the_way(simulated.checkpoints());
        let marks = simulated.checkpoints().iter().map(Mark::of).collect();
        Ok((Layers { world, events, on_the_way, tables: tables.collect(), summary }, marks))
    }
}
