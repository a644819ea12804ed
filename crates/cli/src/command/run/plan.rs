//! What is to be run: every scenario of the files and folders that were given, with every seed.

use crate::arguments::{Changes, Format, Run, Seeds, Subjected, Telemetry};
use crate::exit::Exit;
use crate::failure::Failure;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Folders whose files are parts of scenarios, not scenarios.
const PARTS: [&str; 2] = ["systems", "data"];

/// One run of several.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) subject: Subjected,
    /// Its scenario's name, with that of its folder where another one has the same.
    pub(super) name: String,
    /// Where its tables go.
    pub(super) folder: Option<PathBuf>,
}

/// All of them, in the order in which they are told.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) runs: Vec<Planned>,
    /// Runs of each scenario.
    pub(super) seeds: usize,
    /// Runs at once.
    pub(super) jobs: usize,
    /// Whether one table of all is wanted, and not a summary of each.
    pub(super) summary: bool,
    /// Whether faults are compared with the same world without them.
    pub(super) truth: bool,
    pub(super) format: Format,
}

impl Plan {
    pub(super) fn of(arguments: &Run) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for path in &arguments.scenarios {
            if path.is_dir() {
                let before = files.len();
                walk(path, &mut files)?;
                if files.len() == before {
                    return Err(Failure::new(Exit::Usage, format!("no scenario lies in `{}`", path.display()))
                        .hint("scenarios are files that end in .ron, outside folders named `systems` or `data`"));
                }
            } else {
                files.push(path.clone());
            }
        }
        let one = arguments.changes.seed;
        let Seeds { first, last } = arguments.seeds.unwrap_or(Seeds { first: one, last: one });
        let summary = arguments.summary || arguments.seeds.is_some();
        let wanted = arguments.telemetry.unwrap_or(if summary { Telemetry::None } else { Telemetry::All });
        let writes = wanted == Telemetry::All || arguments.out.is_some();
        let out = arguments.out.clone().unwrap_or_else(|| PathBuf::from("out"));
        let run = |(file, seed): (&PathBuf, u64)| {
            let name = name_among(&files, file);
            Planned {
                subject: Subjected { scenario: file.clone(), changes: Changes { seed, ..arguments.changes.clone() } },
                folder: writes.then(|| out.join(format!("{}-s{seed}", name.replace('/', "-")))),
                name,
            }
        };
        let runs: Vec<_> =
            files.iter().flat_map(|file| (first..=last).map(move |seed| (file, seed))).map(run).collect();
        distinct(&runs)?;
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            seeds: runs.len() / files.len(),
            runs,
            jobs: arguments.jobs.map_or_else(cores, usize::from),
            summary,
            truth: !arguments.no_truth && !summary,
            format: arguments.format,
        })
    }
}

/// A scenario's name: its file's, and before it its folder's where another file of the same name lies in a folder of another one.
fn name_among(files: &[PathBuf], file: &Path) -> String {
    let name = knockon_scenario::name_of(file);
    let folder = |file: &Path| file.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let own = folder(file);
    let other = files.iter().any(|other| folder(other) != own && knockon_scenario::name_of(other) == name);
    match own {
        Some(own) if other => format!("{own}/{name}"),
        _ => name,
    }
}

/// The scenarios of a folder and of the folders in it, in the order of their paths.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::io("read", folder, &error);
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).map_err(failed)?.collect();
    let mut entries = entries.map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        // A link to a folder above would have no end.
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        if is_folder && !PARTS.iter().any(|part| *part == name) {
            walk(&path, files)?;
        } else if !is_folder && path.extension().is_some_and(|ending| ending == "ron") {
            files.push(path);
        }
    }
    Ok(())
}

/// No two runs write into one folder.
fn distinct(runs: &[Planned]) -> Result<(), Failure> {
    let mut known: BTreeMap<&Path, &Path> = BTreeMap::new();
    for run in runs {
        let Some(folder) = &run.folder else { continue };
        if let Some(other) = known.insert(folder, &run.subject.scenario) {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "`{}` and `{}` would both be written to `{}`",
                    other.display(),
                    run.subject.scenario.display(),
                    folder.display()
                ),
            )
            .hint("run them one by one with an `--out` each, or without tables: `--telemetry none`"));
        }
    }
    Ok(())
}
