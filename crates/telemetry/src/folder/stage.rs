//! A run folder on its way: staged under a temporary sibling name, put in place in one step, or removed.
//!
//! States: staged, then in place or gone. A staged folder is locked for as long as its process lives, so a later run can
//! tell what was left behind by a killed one and removes it. A finished run that is replaced stays whole until the new one is in its
//! place; what is removed loses its manifest first, so that a half-removed run never reads as a finished one.

use super::files::{Entry, FileSystem, FolderLock};
use super::manifest::{MANIFEST, Manifest};
use crate::error::{Error, Result};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders of every run; nothing else but the manifest may lie in a folder that is replaced.
pub(super) const FOLDERS: [&str; 2] = ["observed", "truth"];

/// Names that are tried for a staged folder before giving up: others may be staging the same run at the same time.
const NAMES_TRIED: u32 = 100;

/// A staged run folder. Dropped without being put in place, it is removed.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) files: Arc<dyn FileSystem>,
    /// Where the run will be.
    target: PathBuf,
    /// Where it is.
    pub(super) path: PathBuf,
    in_place: bool,
    _lock: Option<FolderLock>,
}

impl Stage {
    /// Creates the staged folder beside its target.
    pub(super) fn create(files: Arc<dyn FileSystem>, target: &Path) -> Result<Self> {
        let (parent, name) = split(target)?;
        files.create_folders(parent).map_err(|source| Error::io("create", parent, source))?;
        sweep(files.as_ref(), target)?;
        replaceable(files.as_ref(), target)?;
        for attempt in 0..NAMES_TRIED {
            let path = parent.join(format!(".{name}.partial-{}-{attempt}", std::process::id()));
            match files.create_folder(&path) {
                Ok(()) => {
                    let mut stage = Self { files, target: target.into(), path, in_place: false, _lock: None };
                    // Where folders cannot be locked, nothing is: a leftover then stays until someone removes it.
                    stage._lock = stage.files.lock_folder(&stage.path).unwrap_or(None);
                    return Ok(stage);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(Error::io("create", &path, source)),
            }
        }
        Err(Error::io("stage the run beside", target, io::ErrorKind::AlreadyExists.into()))
    }

    /// Puts the folder in its place. What it replaces is a finished run, and is removed.
    pub(super) fn put_in_place(mut self) -> Result<()> {
        let (parent, name) = split(&self.target)?;
        let moved = |source| Error::io("move the finished run to", &self.target, source);
        if replaceable(self.files.as_ref(), &self.target)? {
            match self.files.exchange(&self.path, &self.target) {
                Ok(()) => {
                    self.in_place = true;
                    self.files.synchronise_folder(parent).map_err(|source| Error::io("synchronise", parent, source))?;
                    return remove(self.files.as_ref(), &self.path);
                }
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(error) => return Err(moved(error)),
            }
            let aside = parent.join(format!(".{name}.previous-{}", std::process::id()));
            self.files.rename(&self.target, &aside).map_err(moved)?;
            if let Err(error) = self.files.rename(&self.path, &self.target) {
                // Back to what was; if even that fails, the next run finds it and puts it back.
                let _ = self.files.rename(&aside, &self.target);
                return Err(moved(error));
            }
            self.in_place = true;
            self.files.synchronise_folder(parent).map_err(|source| Error::io("synchronise", parent, source))?;
            return remove(self.files.as_ref(), &aside);
        }
        self.files.rename(&self.path, &self.target).map_err(moved)?;
        self.in_place = true;
        self.files.synchronise_folder(parent).map_err(|source| Error::io("synchronise", parent, source))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.in_place {
            // The reason of the failure is on its way to the user already; a leftover is swept by the next run.
            let _ = remove(self.files.as_ref(), &self.path);
        }
    }
}

/// The folder that a path lies in, and its name.
fn split(target: &Path) -> Result<(&Path, &str)> {
    let name = target.file_name().and_then(|name| name.to_str());
    match (target.parent(), name) {
        (Some(parent), Some(name)) => Ok((if parent.as_os_str().is_empty() { Path::new(".") } else { parent }, name)),
        _ => Err(Error::NoFolderName { path: target.into() }),
    }
}

/// Whether there is a finished run to replace; an error if there is something else.
fn replaceable(files: &dyn FileSystem, target: &Path) -> Result<bool> {
    let not_a_run = |found: String| Error::NotARun { path: target.into(), found };
    match files.entry(target).map_err(|source| Error::io("look at", target, source))? {
        Entry::Nothing => return Ok(false),
        Entry::Other => return Err(not_a_run("it is no folder".into())),
        Entry::Folder => {}
    }
    let names = files.names(target).map_err(|source| Error::io("read", target, source))?;
    if !names.iter().any(|name| name == MANIFEST) {
        return Err(not_a_run(format!("it has no {MANIFEST}")));
    }
    if let Some(foreign) = names.iter().find(|name| *name != MANIFEST && !FOLDERS.iter().any(|folder| *name == folder))
    {
        return Err(not_a_run(format!(
            "it has \"{}\", which is no part of a run",
            foreign.to_string_lossy().escape_debug()
        )));
    }
    let path = target.join(MANIFEST);
    let text = files.read(&path).map_err(|source| Error::io("read", &path, source))?;
    Manifest::parse(&path, &text).map(|_| true).map_err(|error| not_a_run(error.to_string()))
}

/// Removes what killed runs of the same name left behind, and puts back what one of them had moved aside.
fn sweep(files: &dyn FileSystem, target: &Path) -> Result<()> {
    let (parent, name) = split(target)?;
    let (partial, previous) = (format!(".{name}.partial-"), format!(".{name}.previous-"));
    let names = files.names(parent).map_err(|source| Error::io("read", parent, source))?;
    for sibling in names.iter().filter_map(|sibling| sibling.to_str()) {
        let path = parent.join(sibling);
        if !sibling.starts_with(&partial) && !sibling.starts_with(&previous) {
            continue;
        }
        // A folder that is locked has a living owner; one that cannot be locked may have.
        let Ok(Some(_lock)) = files.lock_folder(&path) else { continue };
        let vacant = files.entry(target).map_err(|source| Error::io("look at", target, source))? == Entry::Nothing;
        if sibling.starts_with(&previous) && vacant {
            files.rename(&path, target).map_err(|source| Error::io("put back", target, source))?;
        } else {
            remove(files, &path)?;
        }
    }
    Ok(())
}

/// Removes a run folder, its manifest first.
fn remove(files: &dyn FileSystem, path: &Path) -> Result<()> {
    let manifest = path.join(MANIFEST);
    match files.remove_file(&manifest) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", &manifest, error)),
        _ => {}
    }
    files.remove_folder(path).map_err(|source| Error::io("remove", path, source))
}
