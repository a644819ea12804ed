//! The sink of a run: records go into a batch, full batches to the writer, on its own thread or on this one.
//!
//! States: recording, failed. The world cannot be stopped from inside a sink, so a failed recorder drops what comes and says so
//! when asked; whoever runs the world asks between steps. A slow disk makes the world wait: the channel is bounded and
//! batches are used again, so memory does not grow.

use crate::error::{Error, Result};
use crate::observer::Observer;
use crate::writer::{Batch, Received, Summary, Tables};
use knockon_kernel::Time;
use knockon_model::Sink;
use knockon_model::record::{
    ChangeRecord, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SpanRecord, StateRecord,
};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Records of a full batch. Larger ones fall out of the processor's cache before they are encoded.
const BATCH_RECORDS: usize = 4_096;

/// Full batches that wait for the writer: enough for the world to go on while a chunk of every table is encoded.
const BATCHES_WAITING: usize = 16;

/// Records everything observed, the ledger and the requests, into the tables of a run folder.
pub struct Recorder {
    batch: Batch,
    room: usize,
    lane: Lane,
    /// What stands between the world and the tables, if anything does.
    observer: Option<Box<Observer>>,
}

/// Where full batches go.
enum Lane {
    Inline(Box<Tables>),
    Thread { full: SyncSender<Batch>, empty: Receiver<Batch>, writer: JoinHandle<Result<Tables>> },
    Failed(Option<Error>),
}

impl Recorder {
    /// With a thread of its own the writer's work happens there, else whenever a batch is full.
    pub(crate) fn new(tables: Tables, own_thread: bool, observer: Option<Box<Observer>>) -> Self {
        let lane = if own_thread {
            let (full, to_write) = sync_channel(BATCHES_WAITING);
            let (written, empty) = sync_channel(BATCHES_WAITING);
            let writer =
                thread::Builder::new().name("writer".into()).spawn(move || write_all(tables, &to_write, &written));
            match writer {
                Ok(writer) => Lane::Thread { full, empty, writer },
                Err(source) => Lane::Failed(Some(Error::Thread { source })),
            }
        } else {
            Lane::Inline(Box::new(tables))
        };
        let mut batch = Batch::default();
        if let Some(observer) = &observer {
            observer.begin(&mut batch);
        }
        Self { batch, room: BATCH_RECORDS, lane, observer }
    }

    /// Whether writing has failed: the run cannot be completed and should stop. [`crate::RunWriter::finish`] says why.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.lane, Lane::Failed(_))
    }

    #[inline]
    fn count(&mut self) {
        self.room -= 1;
        if self.room == 0 {
            self.hand_over();
        }
    }

    #[cold]
    #[inline(never)]
    fn hand_over(&mut self) {
        self.room = BATCH_RECORDS;
        let failure = match &mut self.lane {
            Lane::Inline(tables) => {
                let taken = tables.take(&self.batch);
                self.batch.clear();
                taken.err()
            }
            Lane::Thread { full, empty, .. } => {
                let watermark = self.batch.watermark;
                let next = Batch { watermark, ..empty.try_recv().unwrap_or_default() };
                let batch = std::mem::replace(&mut self.batch, next);
                if full.send(batch).is_ok() { None } else { Some(self.reason()) }
            }
            Lane::Failed(_) => {
                self.batch.clear();
                None
            }
        };
        if let Some(error) = failure {
            self.lane = Lane::Failed(Some(error));
        }
    }

    /// Why the writer's thread no longer takes batches.
    fn reason(&mut self) -> Error {
        match std::mem::replace(&mut self.lane, Lane::Failed(None)) {
            Lane::Thread { full, empty, writer } => {
                drop((full, empty));
                join(writer).err().expect("a writer that takes no more batches has failed")
            }
            Lane::Inline(_) | Lane::Failed(_) => unreachable!("only a thread can stop taking batches"),
        }
    }

    /// Hands over the rest and waits until all of it is on disk.
    pub(crate) fn finish(mut self) -> Result<Summary> {
        if let Some(mut observer) = self.observer.take() {
            observer.finish(&mut self.batch);
        }
        self.hand_over();
        match std::mem::replace(&mut self.lane, Lane::Failed(None)) {
            Lane::Inline(tables) => tables.finish(),
            Lane::Thread { full, empty, writer } => {
                drop((full, empty));
                join(writer)?.finish()
            }
            Lane::Failed(error) => Err(error.expect("the reason is taken once")),
        }
    }
}

impl Drop for Recorder {
    /// A recorder that is not finished stops its thread, so that nobody writes into a folder that is being removed, and
    /// drops what was not written yet.
    fn drop(&mut self) {
        if let Lane::Thread { full, empty, writer } = std::mem::replace(&mut self.lane, Lane::Failed(None)) {
            drop((full, empty));
            // What it had to say no longer matters to anyone.
            let _ = writer.join();
        }
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("has_failed", &self.has_failed()).finish_non_exhaustive()
    }
}

/// Takes batches until there are no more, and gives the tables back: whether they are worth finishing is not known here.
fn write_all(mut tables: Tables, to_write: &Receiver<Batch>, written: &SyncSender<Batch>) -> Result<Tables> {
    for mut batch in to_write {
        tables.take(&batch)?;
        batch.clear();
        // A recorder that has enough empty batches, or has ended, needs no more.
        let _ = written.try_send(batch);
    }
    Ok(tables)
}

/// Waits for the writer; its panic is ours.
fn join(writer: JoinHandle<Result<Tables>>) -> Result<Tables> {
    writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Sink for Recorder {
    const OBSERVES: bool = true;
    const LEDGER: bool = true;
    const REQUESTS: bool = true;
    const PARTS: bool = true;

    #[inline]
    fn span(&mut self, record: SpanRecord) {
        match &mut self.observer {
            None => self.batch.spans.push(Received::at_once(record)),
            Some(observer) => observer.span(record, &mut self.batch),
        }
        self.count();
    }

    #[inline]
    fn log(&mut self, record: LogRecord) {
        match &mut self.observer {
            None => self.batch.logs.push(Received::at_once(record)),
            Some(observer) => observer.log(record, &mut self.batch),
        }
        self.count();
    }

    #[inline]
    fn sample(&mut self, record: SampleRecord) {
        match &mut self.observer {
            None => self.batch.samples.push(record),
            Some(observer) => observer.sample(record, &mut self.batch),
        }
        self.count();
    }

    #[inline]
    fn change(&mut self, record: ChangeRecord) {
        self.batch.changes.push(record);
        self.count();
    }

    #[inline]
    fn ledger(&mut self, record: LedgerRecord) {
        self.batch.ledgers.push(record);
        self.count();
    }

    #[inline]
    fn request(&mut self, record: RequestRecord) {
        self.batch.requests.push(record);
        self.count();
    }

    /// Not a table: milestones are the business of whoever watches states.
    fn state(&mut self, _: StateRecord) {}

    #[inline]
    fn watermark(&mut self, before: Time) {
        self.batch.watermark = self.observer.as_ref().map_or(before, |observer| observer.watermark(before));
    }
}
