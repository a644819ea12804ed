//! The few things that a run asks of a file system, as a trait, so that a test can let any one of them fail.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// A file that is being written.
pub trait OutputFile: Write + Send {
    /// Waits until the disk has everything that was written.
    fn synchronise(&mut self) -> io::Result<()>;
}

/// What lies at a path. Symbolic links are not followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// Nothing.
    Nothing,
    /// A folder.
    Folder,
    /// A file, a symbolic link or something else.
    Other,
}

/// Holds a folder as ours for as long as it lives; the system lets go of it when the process dies, however it dies.
pub struct FolderLock(#[expect(dead_code, reason = "held, never read")] Option<File>);

impl fmt::Debug for FolderLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FolderLock")
    }
}

/// A file system.
pub trait FileSystem: Send + Sync + fmt::Debug {
    /// What lies at the path.
    fn entry(&self, path: &Path) -> io::Result<Entry>;
    /// Names in a folder.
    fn names(&self, path: &Path) -> io::Result<Vec<OsString>>;
    /// The bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Creates a folder and those above it; one that is there is no error.
    fn create_folders(&self, path: &Path) -> io::Result<()>;
    /// Creates a folder that is not there yet.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Creates a file that is not there yet.
    fn create_file(&self, path: &Path) -> io::Result<Box<dyn OutputFile>>;
    /// Takes hold of a folder; `None` if a living process has it.
    fn lock_folder(&self, path: &Path) -> io::Result<Option<FolderLock>>;
    /// Waits until the disk has the folder's entries.
    fn synchronise_folder(&self, path: &Path) -> io::Result<()>;
    /// Moves a file or folder to a path where nothing is.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Swaps two folders in one step. [`io::ErrorKind::Unsupported`] where the system cannot.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with all that is in it.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
}

/// The system's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl OutputFile for File {
    fn synchronise(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl FileSystem for Disk {
    fn entry(&self, path: &Path) -> io::Result<Entry> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Entry::Folder),
            Ok(_) => Ok(Entry::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entry::Nothing),
            Err(error) => Err(error),
        }
    }

    fn names(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let mut names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn create_folders(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        Ok(Box::new(OpenOptions::new().write(true).create_new(true).open(path)?))
    }

    fn lock_folder(&self, path: &Path) -> io::Result<Option<FolderLock>> {
        if !cfg!(unix) {
            // Folders cannot be opened as files; there is no lock, and leftovers of others are left alone.
            return Ok(None);
        }
        let folder = File::open(path)?;
        match folder.try_lock() {
            Ok(()) => Ok(Some(FolderLock(Some(folder)))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn synchronise_folder(&self, path: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).map_err(|error| match error {
            Errno::INVAL | Errno::NOSYS | Errno::NOTSUP => io::ErrorKind::Unsupported.into(),
            other => other.into(),
        })
    }

    #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
    fn exchange(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }
}
