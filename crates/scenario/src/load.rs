//! From a file's name to a blueprint: reading, the shared system, what a campaign draws, `with:`, `--set`, `--without`, compiling.

use crate::campaign;
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
use knockon_model::observing::Observing;
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
    /// What becomes of records on their way to the tables, if anything does.
    pub observing: Option<Observing>,
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
        let name = name_of(path);
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
        let measure = measure(&text, &mut reader);
        let (data, mut kept) = data::read(&text, &mut origins, &mut reader, files, shown);
        let originals = data::originals(&text.expect, &mut reader, files, &mut kept);
        if let Some(duration) = options.duration {
            text.duration = At::new(Period(duration), Span::default());
            if duration.is_zero() || duration > Sampler::LONGEST {
                let span = given(&mut origins, "--until", &print_duration(duration));
                reader.report(span, "a run is longer than no time and shorter than a hundred years", None);
            }
        }
        let overrides = apply_to_campaign(&mut text, &options.overrides, &mut origins, &mut reader);
        if text.campaign.is_some() {
            // What incidents set is looked for in the system as it will be; what is wrong with the changes is told when they are made.
            let mut changed = system.clone();
            apply_with(&mut text.clone(), &mut changed, &mut Reader::default());
            campaign::expand(&mut text, &changed, options.seed, &mut reader);
        }
        without(&mut text, &options.without, &mut origins, &mut reader);
        apply_with(&mut text, &mut system, &mut reader);
        apply_overrides(&mut system, &overrides, &mut origins, &mut reader);
        let (blueprint, expectations, observing) =
            compile::compile(&text, &system, (&data, &origins), &originals, options.seed, &mut reader);
        if !reader.findings.is_empty() {
            return Err(Diagnostics::new(reader.findings, &origins));
        }
        let resolved_text = resolved(&text.value, system).print().page();
        let (name, title) = (name.to_owned(), text.title.value.clone());
        Ok(Loaded { name, title, blueprint, expectations, measure, observing, resolved_text, files: kept })
    }
}

/// How values are estimated. `--until` may cut a run so short that nothing is, which the judgement says then.
fn measure(text: &ScenarioText, reader: &mut Reader) -> Measure {
    let measure = &text.measure.value;
    if let Some(warm_up) = measure.warm_up.value
        && warm_up >= text.duration.0
        && !text.duration.broken
    {
        reader.report(measure.warm_up.span, "the warm-up is as long as the run", None);
    }
    Measure { warm_up: measure.warm_up.value, batches: measure.batches.0 }
}

fn too_large(limit: u64) -> String {
    format!("larger than {} MiB: too large for a scenario", limit >> 20)
}

/// Reads a scenario.
fn read(path: &Path) -> Result<String, String> {
    utf8(read_bytes(path, MAXIMUM_BYTES)?)
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 text: byte {} is wrong", error.utf8_error().valid_up_to()))
}

/// Reads a file of at most so many bytes.
fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err("is a folder, not a scenario".into());
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

/// Reads a file inside a folder; names that lead out of it are refused, also by way of symbolic links.
fn read_within(folder: &Path, file: &str, limit: u64) -> Result<Vec<u8>, String> {
    let relative = Path::new(file);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    // Backslashes and drive letters lead out of folders elsewhere, and a scenario is to mean the same everywhere.
    if !plain || file.contains(['\\', ':']) || file.is_empty() {
        return Err("leads out of the scenario's folder".into());
    }
    let base = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let path = base.join(relative);
    let real = |path: &Path| path.canonicalize().map_err(|error| format!("cannot be read: {error}"));
    if !real(&path)?.starts_with(real(base)?) {
        return Err("leads out of the scenario's folder".into());
    }
    read_bytes(&path, limit)
}

/// What a scenario in a file is called: as the file without folder and ending or, where it is that of a finished run (`truth/scenario.ron`, as all of
/// them), as the run's folder.
#[must_use]
pub fn name_of(path: &Path) -> String {
    let text = |name: &std::ffi::OsStr| name.to_string_lossy().into_owned();
    let of_run = path.ends_with("truth/scenario.ron").then(|| path.ancestors().nth(2)).flatten();
    of_run.and_then(Path::file_name).or_else(|| path.file_stem()).map_or_else(String::new, text)
}

/// Takes what the scenario itself says about the system out of it.
fn take_system(text: &mut At<ScenarioText>) -> SystemText {
    let text = &mut text.value;
    SystemText {
        services: std::mem::take(&mut text.services),
        databases: std::mem::take(&mut text.databases),
        caches: std::mem::take(&mut text.caches),
        brokers: std::mem::take(&mut text.brokers),
        links: std::mem::take(&mut text.links),
        load: std::mem::take(&mut text.load),
    }
}

fn add_system(
    system: &mut SystemText,
    file: &str,
    span: Span,
    origins: &mut Origins,
    reader: &mut Reader,
    files: &FileReader<'_>,
    shown: &dyn Fn(&str) -> String,
) {
    // What is not there cannot be checked against.
    let unknown = |system: &mut SystemText| {
        system.services.partial = true;
        system.databases.partial = true;
        system.caches.partial = true;
        system.brokers.partial = true;
        system.load.partial = true;
    };
    let text = match files(file, MAXIMUM_BYTES).and_then(utf8) {
        Ok(text) if text.len() as u64 <= MAXIMUM_BYTES => text,
        Ok(_) => {
            reader.report(span, too_large(MAXIMUM_BYTES), None);
            return unknown(system);
        }
        Err(message) => {
            let hint = "the path is relative to the scenario's folder and stays inside it";
            reader.report(span, format!("the system {file:?} {message}"), Some(hint.into()));
            return unknown(system);
        }
    };
    let origin = origins.add(shown(file), text);
    match tree::parse(origins, origin) {
        Ok(node) => {
            let shared = At::<SystemText>::read(&node, reader);
            if shared.broken {
                return unknown(system);
            }
            merge(&mut system.services, shared.value.services, reader);
            merge(&mut system.databases, shared.value.databases, reader);
            merge(&mut system.caches, shared.value.caches, reader);
            merge(&mut system.brokers, shared.value.brokers, reader);
            merge(&mut system.links, shared.value.links, reader);
            merge(&mut system.load, shared.value.load, reader);
        }
        Err(findings) => {
            reader.findings.extend(findings);
            unknown(system);
        }
    }
}

/// Adds what a shared system has; a name that the scenario has as well is a mistake.
fn merge<T>(own: &mut At<Map<T>>, shared: At<Map<T>>, reader: &mut Reader) {
    own.partial |= shared.partial;
    for (name, entry) in shared.value.entries {
        if let Some(twice) = own.entries.get(&name) {
            let hint = "use `with:` to change what the system has";
            reader.report(twice.name, format!("the shared system has {name:?} as well"), Some(hint.into()));
            continue;
        }
        own.value.entries.insert(name, entry);
    }
}

/// Makes an origin of something given on the command line.
fn given(origins: &mut Origins, name: &str, text: &str) -> Span {
    // A line break would tear the one line that errors show.
    let origin = origins.add(name, text.replace(['\n', '\r'], " "));
    origins.whole(origin)
}

/// `--without`: the fault gives way to its contrast.
fn without(text: &mut ScenarioText, names: &[String], origins: &mut Origins, reader: &mut Reader) {
    for name in names {
        let span = given(origins, "--without", name);
        match text.faults.entries.get_mut(name).map(|entry| &mut entry.value) {
            Some(FaultText::Deploy(deploy)) if deploy.contrast.value == ContrastText::SameDeploy => {
                deploy.set.value = Map::default();
            }
            Some(_) => {
                text.faults.entries.remove(name);
            }
            None => {
                let hint = suggest::hint(name, text.faults.names());
                reader.report(span, format!("there is no fault {name:?}"), hint);
            }
        }
    }
}

/// `with:`: the system is changed before anything is built.
fn apply_with(text: &mut ScenarioText, system: &mut SystemText, reader: &mut Reader) {
    for (path, entry) in std::mem::take(&mut text.with.value.entries) {
        apply(system, &path, entry.name, &entry.value.0, reader);
    }
}

/// `--set`: the same from the command line, after `with:`.
fn apply_overrides(
    system: &mut SystemText,
    overrides: &[(String, String)],
    origins: &mut Origins,
    reader: &mut Reader,
) {
    for (path, value) in overrides {
        let whole = given(origins, "--set", &format!("{path}={value}"));
        let split = whole.start + path.len() as u32;
        let node = loose_value(value, Span { start: split + 1, ..whole });
        apply(system, path, Span { end: split.max(1), ..whole }, &node, reader);
    }
}

/// What of `--set` is about the campaign is done to it; the rest is left.
fn apply_to_campaign(
    text: &mut ScenarioText,
    overrides: &[(String, String)],
    origins: &mut Origins,
    reader: &mut Reader,
) -> Vec<(String, String)> {
    let Some(campaign) = text.campaign.value.as_mut() else { return overrides.to_vec() };
    let mut rest = Vec::new();
    for (path, value) in overrides {
        match campaign::slot(campaign, path) {
            None => rest.push((path.clone(), value.clone())),
            Some(found) => {
                let whole = given(origins, "--set", &format!("{path}={value}"));
                let split = whole.start + path.len() as u32;
                match found {
                    Ok(slot) => slot.set(&loose_value(value, Span { start: split + 1, ..whole }), reader),
                    Err((message, known)) => {
                        let last = path.rsplit(['.', '/']).next().unwrap_or(path);
                        let hint = suggest::hint(last, known.iter().map(String::as_str));
                        reader.report(Span { end: split.max(1), ..whole }, message, hint);
                    }
                }
            }
        }
    }
    rest
}

/// A value as people type it: as in a scenario, but texts need no quotes.
fn loose_value(value: &str, span: Span) -> Node {
    let mut origins = Origins::default();
    let origin = origins.add("value", value);
    let kind =
        tree::parse(&origins, origin).map(|node| node.kind).unwrap_or_else(|_| Kind::Text(value.trim().to_owned()));
    let mut node = Node { span, kind };
    place(&mut node, span);
    node
}

/// Gives every part of a value the place of the whole.
fn place(node: &mut Node, span: Span) {
    node.span = span;
    match &mut node.kind {
        Kind::List(items) | Kind::Tuple(_, items) => items.iter_mut().for_each(|item| place(item, span)),
        Kind::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
            place(key, span);
            place(value, span);
        }),
        Kind::Fields(_, fields) => fields.iter_mut().for_each(|(name, value)| {
            name.span = span;
            place(value, span);
        }),
        _ => {}
    }
}

fn apply(system: &mut SystemText, path: &str, place: Span, value: &Node, reader: &mut Reader) {
    if system.is_partial() {
        return;
    }
    match Address::resolve(system, path) {
        Ok(address) => {
            if let Some(slot) = address.slot(system) {
                slot.set(value, reader);
            }
        }
        Err(lost) => reader.report(place, lost.message, lost.hint),
    }
}

/// The scenario with its system in it.
fn resolved(text: &ScenarioText, system: SystemText) -> ScenarioText {
    ScenarioText {
        services: system.services,
        databases: system.databases,
        caches: system.caches,
        brokers: system.brokers,
        links: system.links,
        load: system.load,
        ..text.clone()
    }
}

impl SystemText {
    /// Whether some of it could not be read, so that a name that is not found may be right.
    pub(crate) fn is_partial(&self) -> bool {
        let stores = self.databases.partial || self.caches.partial || self.brokers.partial;
        self.services.partial || stores || self.load.partial
    }
}
