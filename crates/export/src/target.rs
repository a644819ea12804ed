//! The folder of an export on its way: staged beside its place, and put there when it is whole.

use crate::error::{Error, Result};
use crate::format::Options;
use knockon_telemetry::RunReader;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The file that tells what an export is of; a folder without it is never replaced.
pub const MARKER: &str = "export.json";

/// Bytes that are collected before they are written.
const BUFFER: usize = 1 << 20;

/// Nobody who holds the list of files can fail.
const WHOLE: &str = "the list of files is whole";

/// What was written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Written {
    /// The format.
    pub format: String,
    /// The digest of the run that it is of.
    pub run: String,
    /// The names of attributes, where the format follows the semantic conventions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semconv: Option<String>,
    /// The profile, where the format has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether the truth is among it: labels, or what the root cause was.
    #[serde(default)]
    pub truth: bool,
    /// Files, with what is in them.
    pub files: BTreeMap<String, Contents>,
    /// What the run has that is not in them.
    pub loses: Vec<String>,
}

/// What is in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Contents {
    /// Spans, lines, points: what the file is of.
    pub records: u64,
    /// Its size.
    pub bytes: u64,
}

/// A staged folder. Dropped before it is finished, it is removed.
#[derive(Debug)]
pub(crate) struct Target {
    place: PathBuf,
    staged: PathBuf,
    in_place: bool,
    files: Mutex<BTreeMap<String, Contents>>,
    changed: Mutex<Vec<String>>,
}

impl Target {
    /// Stages a folder beside the place where it will be.
    pub(crate) fn create(place: &Path) -> Result<Self> {
        let name = place.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Error::NoFolderName { path: place.into() })?;
        is_free_or_replaceable(place)?;
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|error| Error::io("create", parent, error))?;
        let staged = parent.join(format!(".{name}.partial-{}", std::process::id()));
        remove(&staged)?;
        fs::create_dir(&staged).map_err(|error| Error::io("create", &staged, error))?;
        Ok(Self { place: place.into(), staged, in_place: false, files: Mutex::default(), changed: Mutex::default() })
    }

    /// Opens a file of it, in a folder of its own if the name says so: `truth/all.csv`.
    pub(crate) fn file(&self, name: &str) -> Result<Output<'_>> {
        let path = self.staged.join(name);
        let folder = path.parent().unwrap_or(&self.staged);
        fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
        let file = File::create_new(&path).map_err(|error| Error::io("create", &path, error))?;
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(Output { target: self, name: name.to_owned(), path, file, contents: Contents::default() })
    }

    /// Tells, beside what the format loses of every run, what it had to change of this one.
    pub(crate) fn tell(&self, changed: impl IntoIterator<Item = String>) {
        self.changed.lock().expect(WHOLE).extend(changed);
    }

    /// Puts the folder in its place, with a marker that tells what it is of.
    pub(crate) fn finish(mut self, run: &RunReader, options: &Options) -> Result<Written> {
        let written = Written {
            format: options.format.name().to_owned(),
            run: run.manifest().run_digest.clone(),
            semconv: options.format.follows_semconv().then(|| options.semconv.name().to_owned()),
            profile: options.format.has_profiles().then(|| options.profile.name().to_owned()),
            truth: options.tells_truth(),
            files: std::mem::take(&mut self.files.lock().expect(WHOLE)),
            loses: options
                .format
                .loses()
                .iter()
                .map(|&lost| lost.to_owned())
                .chain(std::mem::take(&mut *self.changed.lock().expect(WHOLE)))
                .collect(),
        };
        let path = self.staged.join(MARKER);
        let text = serde_json::to_string_pretty(&written).map(|text| text + "\n").map_err(io::Error::from);
        let text = text.map_err(|error| Error::io("encode", &path, error))?;
        fs::write(&path, text).map_err(|error| Error::io("write", &path, error))?;
        // What is replaced goes when the new one is whole; in between there is either of them, or none that could be mistaken for one.
        if is_free_or_replaceable(&self.place)? {
            remove(&self.place)?;
        }
        fs::rename(&self.staged, &self.place).map_err(|error| Error::io("rename to", &self.place, error))?;
        self.in_place = true;
        Ok(written)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.in_place {
            // The reason of the failure is on its way to the user already.
            let _ = fs::remove_dir_all(&self.staged);
        }
    }
}

/// Whether an earlier export lies there; false where nothing does.
fn is_free_or_replaceable(place: &Path) -> Result<bool> {
    let occupied = |found: &str| Error::Occupied { path: place.into(), found: found.to_owned() };
    match fs::symlink_metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("look at", place, error)),
        Ok(found) if !found.is_dir() => return Err(occupied("it is no folder")),
        Ok(_) => {}
    }
    let mut names = fs::read_dir(place).map_err(|error| Error::io("read", place, error))?;
    if names.next().is_none() {
        return Ok(true);
    }
    let marker = match fs::read(place.join(MARKER)) {
        Ok(marker) => marker,
        Err(_) => return Err(occupied(&format!("it has no {MARKER}"))),
    };
    let marker: std::result::Result<Written, _> = serde_json::from_slice(&marker);
    let Ok(marker) = marker else { return Err(occupied(&format!("its {MARKER} is not one of an export"))) };
    match stranger(place, "", &marker)? {
        Some(name) => Err(occupied(&format!("it has \"{}\", which no export wrote", name.escape_debug()))),
        None => Ok(true),
    }
}

/// A file or folder below a folder that the export which the marker tells of did not write, by its path from there.
fn stranger(folder: &Path, prefix: &str, marker: &Written) -> Result<Option<String>> {
    for entry in fs::read_dir(folder).map_err(|error| Error::io("read", folder, error))? {
        let entry = entry.map_err(|error| Error::io("read", folder, error))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let below = format!("{name}/");
        let is_folder = entry.file_type().map_err(|error| Error::io("look at", &entry.path(), error))?.is_dir();
        let is_known = match is_folder {
            true => marker.files.keys().any(|file| file.starts_with(&below)),
            false => name == MARKER || marker.files.contains_key(&name),
        };
        if !is_known {
            return Ok(Some(name));
        }
        if is_folder && let Some(found) = stranger(&entry.path(), &below, marker)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", folder, error)),
        _ => Ok(()),
    }
}

/// A file of an export.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    target: &'a Target,
    name: String,
    path: PathBuf,
    file: BufWriter<File>,
    contents: Contents,
}

impl Output<'_> {
    /// Writes a value as a line of JSON, which tells of so many records.
    pub(crate) fn json_line(&mut self, value: &impl Serialize, records: usize) -> Result<()> {
        self.contents.records += records as u64;
        let written = serde_json::to_writer(&mut *self, value).map_err(io::Error::from);
        let written = written.and_then(|()| self.write_all(b"\n"));
        written.map_err(|error| Error::io("write", &self.path, error))
    }

    /// Writes whole lines, which tell of so many records.
    pub(crate) fn lines(&mut self, text: &str, records: usize) -> Result<()> {
        self.contents.records += records as u64;
        self.contents.bytes += text.len() as u64;
        self.file.write_all(text.as_bytes()).map_err(|error| Error::io("write", &self.path, error))
    }

    /// Writes a file's whole text, which tells of so many records.
    pub(crate) fn text(mut self, text: &str, records: usize) -> Result<()> {
        self.contents.records += records as u64;
        self.write_all(text.as_bytes()).map_err(|error| Error::io("write", &self.path, error))?;
        self.finish()
    }

    /// Where it is on its way.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Says how many records it tells of, for whoever writes its bytes.
    pub(crate) const fn count(&mut self, records: u64) {
        self.contents.records += records;
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(|error| Error::io("write", &self.path, error))?;
        self.target.files.lock().expect(WHOLE).insert(self.name, self.contents);
        Ok(())
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.contents.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file of rows of text separated by commas, with a header.
pub(crate) struct Csv<'a> {
    writer: csv::Writer<Output<'a>>,
    path: PathBuf,
    rows: u64,
}

impl<'a> Csv<'a> {
    /// Begins with the header.
    pub(crate) fn begin<T: AsRef<[u8]>>(file: Output<'a>, header: impl IntoIterator<Item = T>) -> Result<Self> {
        let path = file.path.clone();
        let mut new = Self { writer: csv::Writer::from_writer(file), path, rows: 0 };
        new.header(header)?;
        Ok(new)
    }

    /// Writes one more row of the header.
    pub(crate) fn header<T: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = T>) -> Result<()> {
        self.writer.write_record(fields).map_err(|error| Error::io("write", &self.path, error.into()))
    }

    /// Writes a row, which is one record.
    pub(crate) fn row<T: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = T>) -> Result<()> {
        self.rows += 1;
        self.header(fields)
    }

    /// Writes what is left.
    pub(crate) fn finish(self) -> Result<()> {
        let Self { writer, path, rows } = self;
        let mut file = writer.into_inner().map_err(|error| Error::io("write", &path, error.into_error()))?;
        file.contents.records = rows;
        file.finish()
    }
}
