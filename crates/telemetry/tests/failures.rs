//! Every call to the file system fails once, and from then on: the error is told, nothing panics, and what lies in the run's
//! place is the old run, the new one or nothing, never a part of one.

mod common;

use common::{Generator, blueprint, catalogue};
use knockon_kernel::Time;
use knockon_telemetry::{
    Closing, Disk, Entry, Error, FileSystem, FolderLock, LogLabel, Meta, Options, OutputFile, Result, Role, RunWriter,
    check_tables,
};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Fails the n-th call, or every call from the n-th on.
#[derive(Clone, Debug)]
struct Failing {
    calls: Arc<AtomicUsize>,
    at: usize,
    for_good: bool,
    can_exchange: bool,
}

impl Failing {
    fn new(at: usize, for_good: bool, can_exchange: bool) -> Self {
        Self { calls: Arc::new(AtomicUsize::new(0)), at, for_good, can_exchange }
    }

    fn call(&self) -> io::Result<()> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let fails = if self.for_good { call >= self.at } else { call == self.at };
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

struct FailingFile(Box<dyn OutputFile>, Failing);

impl Write for FailingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.call()?;
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl OutputFile for FailingFile {
    /// Nothing here loses power, so waiting for the disk would only make the test slow.
    fn synchronise(&mut self) -> io::Result<()> {
        self.1.call()
    }
}

impl FileSystem for Failing {
    fn entry(&self, path: &Path) -> io::Result<Entry> {
        self.call().and_then(|()| Disk.entry(path))
    }
    fn names(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.call().and_then(|()| Disk.names(path))
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.call().and_then(|()| Disk.read(path))
    }
    fn create_folders(&self, path: &Path) -> io::Result<()> {
        self.call().and_then(|()| Disk.create_folders(path))
    }
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.call().and_then(|()| Disk.create_folder(path))
    }
    fn create_file(&self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        self.call()?;
        Ok(Box::new(FailingFile(Disk.create_file(path)?, self.clone())))
    }
    fn lock_folder(&self, path: &Path) -> io::Result<Option<FolderLock>> {
        self.call().and_then(|()| Disk.lock_folder(path))
    }
    fn synchronise_folder(&self, _: &Path) -> io::Result<()> {
        self.call()
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call().and_then(|()| Disk.rename(from, to))
    }
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        self.call()?;
        if self.can_exchange { Disk.exchange(one, other) } else { Err(io::ErrorKind::Unsupported.into()) }
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.call().and_then(|()| Disk.remove_file(path))
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.call().and_then(|()| Disk.remove_folder(path))
    }
}

/// A run with the tables of what faults did if `compared`.
fn run(out: &Path, files: impl FileSystem + 'static, requests: u64, threads: usize, compared: bool) -> Result<()> {
    let (blueprint, options) = (blueprint(), Options { threads, files: Arc::new(files), ..Options::default() });
    let catalogue = catalogue(&blueprint);
    let writer = RunWriter::create(out, Meta::default(), &catalogue, &blueprint, options)?;
    let mut recorder = writer.recorder()?;
    let mut generator = Generator::new(&catalogue);
    (0..requests).for_each(|_| generator.step(&mut recorder));
    generator.finish(&mut recorder);
    let mut truth = if compared { Some(writer.truth_tables([])?) } else { None };
    if let Some(truth) = &mut truth {
        truth.log_labels(&[LogLabel { contrast: 0, uid: 1, time: Time::ZERO, role: Role::Cause }])?;
    }
    writer.write_truth_json("faults.json", &[requests])?;
    writer.finish(Some(recorder), truth, Closing { run_digest: requests.to_string(), ..Closing::default() })?;
    Ok(())
}

/// Runs over an older run (of 10 requests) with the n-th call failing, for every n.
fn every_call(for_good: bool, can_exchange: bool, threads: usize) {
    // All tables are written alike: that every one of them tells is shown once.
    let compared = !for_good && can_exchange;
    let never = || Failing::new(usize::MAX, true, can_exchange);
    let counter = never();
    let folder = tempfile::tempdir().unwrap();
    run(&folder.path().join("run"), never(), 10, 1, compared).unwrap();
    run(&folder.path().join("run"), counter.clone(), 20, threads, compared).unwrap();
    let calls = counter.calls.load(Ordering::Relaxed);
    assert!(calls > 50, "{calls} calls are too few for a run");
    let mut told = 0;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    for at in 0..calls {
        // Most failures leave the older run where it was.
        if check_tables(&out).map_or(true, |manifest| manifest.run_digest != "10") {
            run(&out, never(), 10, 1, compared).unwrap();
        }
        let result = run(&out, Failing::new(at, for_good, can_exchange), 20, threads, compared);
        let case = format!("call {at}, for good {for_good}, exchange {can_exchange}, {threads} threads");
        if let Err(error) = &result {
            assert!(matches!(error, Error::Io { .. }), "{case}: {error}");
            assert!(error.to_string().starts_with("cannot ") && error.hint().contains("space"), "{case}: {error}");
        }
        // What lies there is complete, unless moving it aside was all that could still be done: then the next run puts it back.
        let there = check_tables(&out).map(|manifest| manifest.run_digest);
        match (&result, there) {
            (Ok(()), there) => assert_eq!(there.unwrap(), "20", "{case}"),
            (Err(_), Ok(digest)) => assert!(digest == "10" || digest == "20", "{case}: {digest}"),
            (Err(_), Err(_)) => {
                assert!(!can_exchange && for_good && !out.exists(), "{case}: the run's place is broken")
            }
        }
        let stopped =
            RunWriter::create(&out, Meta::default(), &catalogue(&blueprint()), &blueprint(), Options::default());
        drop(stopped.unwrap_or_else(|error| panic!("{case}: the next run cannot start: {error}")));
        check_tables(&out).unwrap_or_else(|error| panic!("{case}: the next run lost the old one: {error}"));
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["run"], "{case}: the next run has swept");
        told += usize::from(result.is_err());
    }
    // Nobody needs to hear of a lock that the system does not give.
    assert!(told >= calls - 2, "{told} of {calls} failures were told");
}

#[test]
fn every_call_fails_once() {
    every_call(false, true, 1);
}

#[test]
fn every_call_fails_for_good() {
    every_call(true, true, 2);
}

#[test]
fn every_call_fails_where_folders_cannot_be_exchanged() {
    every_call(false, false, 1);
    every_call(true, false, 1);
}

/// A file system whose files are full from the start.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_nothing_is_left() {
    #[derive(Debug)]
    struct Full;
    impl FileSystem for Full {
        fn entry(&self, path: &Path) -> io::Result<Entry> {
            Disk.entry(path)
        }
        fn names(&self, path: &Path) -> io::Result<Vec<OsString>> {
            Disk.names(path)
        }
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            Disk.read(path)
        }
        fn create_folders(&self, path: &Path) -> io::Result<()> {
            Disk.create_folders(path)
        }
        fn create_folder(&self, path: &Path) -> io::Result<()> {
            Disk.create_folder(path)
        }
        fn create_file(&self, _: &Path) -> io::Result<Box<dyn OutputFile>> {
            Ok(Box::new(std::fs::OpenOptions::new().write(true).open("/dev/full")?))
        }
        fn lock_folder(&self, path: &Path) -> io::Result<Option<FolderLock>> {
            Disk.lock_folder(path)
        }
        fn synchronise_folder(&self, path: &Path) -> io::Result<()> {
            Disk.synchronise_folder(path)
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            Disk.rename(from, to)
        }
        fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
            Disk.exchange(one, other)
        }
        fn remove_file(&self, path: &Path) -> io::Result<()> {
            Disk.remove_file(path)
        }
        fn remove_folder(&self, path: &Path) -> io::Result<()> {
            Disk.remove_folder(path)
        }
    }
    for threads in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let error = run(&folder.path().join("run"), Full, 100, threads, true).unwrap_err();
        assert!(error.to_string().contains("No space left on device"), "{error}");
        assert!(error.hint().starts_with("free some space"), "{}", error.hint());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

/// The world goes on for a while after the disk has failed; the recorder tells and takes no more memory.
#[test]
fn a_failed_recorder_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let blueprint = blueprint();
    let catalogue = catalogue(&blueprint);
    for threads in [1, 2] {
        let options = Options { threads, files: Arc::new(Failing::new(60, true, true)), ..Options::default() };
        let out = folder.path().join("run");
        let writer = RunWriter::create(&out, Meta::default(), &catalogue, &blueprint, options).unwrap();
        let mut recorder = writer.recorder().unwrap();
        let mut generator = Generator::new(&catalogue);
        let failed_at = (0..200_000).find(|_| {
            generator.step(&mut recorder);
            recorder.has_failed()
        });
        assert!(failed_at.is_some(), "with {threads} threads the recorder never tells");
        let error = writer.finish(Some(recorder), None, Closing::default()).unwrap_err();
        assert!(error.to_string().starts_with("cannot write"), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_told() {
    // /proc takes no folders from anyone, root included.
    let error = run(Path::new("/proc/out/run"), Disk, 1, 1, true).unwrap_err();
    assert!(error.to_string().starts_with("cannot create /proc/out: "), "{error}");
    let error = run(Path::new("/"), Disk, 1, 1, true).unwrap_err();
    assert_eq!(error.to_string(), "/ does not name a folder");
}
