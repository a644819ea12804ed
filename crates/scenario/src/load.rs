//! From a file's name to a blueprint: reading, the shared system, `with:`, `--set`, `--without`, compiling.

use crate::compile;
use crate::data;
use crate::decode::{At, Decode, Map, Reader};
use crate::diagnostic::Diagnostics;
use crate::expectation::{Expectation, Measure};
use crate::language::{ContrastText, FaultText, ScenarioText, SystemText};
use crate::leaf::Period;
use crate::origin::{Origins, Span};
use crate::path::Address;
use crate::suggest;
use crate::tree::{self, Kind, MAXIMUM_BYTES, Node};
use crate::unit::print_duration;
use knockon_kernel::{Duration, Sampler};
use knockon_model::blueprint::Blueprint;
use std::io::Read as _;
use std::path::{Component, Path};

/// What the command line says about a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// Seed of every draw.
    pub seed: u64,
    /// Simulated time to run for, instead of the scenario's.
    pub duration: Option<Duration>,
    /// Paths and values set from the start: `--set PATH=VALUE`.
    pub overrides: Vec<(String, String)>,
    /// Faults whose contrast is run: `--without FAULT`.
    pub without: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, duration: None, overrides: Vec::new(), without: Vec::new() }
    }
}

/// A scenario that was understood.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file's name without folder and ending.
    pub name: String,
    /// What it shows, in a line.
    pub title: String,
    /// What a world is built from.
    pub blueprint: Blueprint,
    /// What must hold when the run has ended.
    pub expectations: Vec<Expectation>,
    /// How their values are estimated.
    pub measure: Measure,
    /// The scenario as it was run: system, `with:`, `--set` and `--without` worked in and every default written out. Loading it
    /// with the same seed gives the same blueprint.
    pub resolved_text: String,
    /// The data files that it reads, as they lie beside it: names and bytes.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Where scenarios come from.
#[derive(Clone, Copy, Debug)]
pub struct Scenario;

/// Reads a shared system by the name that the scenario gives: its text, or why there is none.
pub type SystemReader<'r> = dyn Fn(&str) -> Result<String, String> + 'r;

/// Reads a file by the name that the scenario gives: its bytes, of which it may have so many at most, or why there are none.
pub type FileReader<'r> = dyn Fn(&str, u64) -> Result<Vec<u8>, String> + 'r;

impl Scenario {
    /// Loads a scenario from a file. A shared system is looked for in the file's folder only.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path, options: &Options) -> Result<Loaded, Diagnostics> {
        let shown = path.display().to_string();
        let text = read(path).map_err(|message| {
            Diagnostics::without_place(
                &shown,
                message,
                Some("give the path of a scenario, a file that ends in .ron".into()),
            )
        })?;
        let name = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut origins = Origins::default();
        let origin = origins.add(shown, text);
        Self::resolve(&name, origins, origin, options, &|file, limit| read_within(folder, file, limit), &|file| {
            folder.join(file).display().to_string()
        })
    }

    /// Loads a scenario from text. `systems` reads what `system:` names, and data files where they are plain text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_text(
        name: &str,
        text: &str,
        options: &Options,
        systems: &SystemReader<'_>,
    ) -> Result<Loaded, Diagnostics> {
        Self::from_text_and_files(name, text, options, &|file, _| systems(file).map(String::into_bytes))
    }

    /// Loads a scenario from text. `files` reads what `system:` and `data:` name.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_text_and_files(
        name: &str,
        text: &str,
        options: &Options,
        files: &FileReader<'_>,
    ) -> Result<Loaded, Diagnostics> {
        let mut origins = Origins::default();
        let origin = origins.add(format!("{name}.ron"), text);
        Self::resolve(name, origins, origin, options, files, &str::to_owned)
    }

    fn resolve(
        name: &str,
        mut origins: Origins,
        origin: u32,
        options: &Options,
        files: &FileReader<'_>,
        shown: &dyn Fn(&str) -> String,
    ) -> Result<Loaded, Diagnostics> {
        if origins.get(origin).text.len() as u64 > MAXIMUM_BYTES {
            let file = origins.get(origin).name.clone();
            return Err(Diagnostics::without_place(&file, too_large(MAXIMUM_BYTES), None));
        }
        let node = tree::parse(&origins, origin).map_err(|findings| Diagnostics::new(findings, &origins))?;
        let mut reader = Reader::default();
        let mut text = At::<ScenarioText>::read(&node, &mut reader);
        if text.broken {
            return Err(Diagnostics::new(reader.findings, &origins));
        }
        let mut system = take_system(&mut text);
        if let Some(file) = text.system.value.take() {
            let span = text.system.span;
            add_system(&mut system, &file, span, &mut origins, &mut reader, files, shown);
        }
        let title = text.title.value.clone();
        Ok(Loaded { name: name.to_owned(), title, blueprint, expectations, resolved_text, files: kept })
    }
}

fn too_large(limit: u64) -> String {
    format!("larger than {} MiB: too large for a scenario", limit >> 20)
