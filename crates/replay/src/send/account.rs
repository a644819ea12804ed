//! What was sent: an account for whoever asks, and a file of it to go on from.
//!
//! The file is written before a request and after its answer. A sender that was killed between the two finds what was under way, and sends it again: only that may
//! have come twice.

use super::courier::Protocol;
use super::streams::Ready;
use super::unusable;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A kind of telemetry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Spans.
    Traces,
    /// Lines of logs.
    Logs,
    /// Points, or samples.
    Metrics,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    /// Its name in paths of OTLP.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

/// What was sent of a signal, over all passes and sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sum {
    /// Spans, lines, points that were acknowledged.
    pub records: u64,
    /// Requests that were acknowledged.
    pub requests: u64,
    /// Requests that were sent again.
    pub retried: u64,
    /// Records that the receiver said it would not take, in an answer of success.
    pub rejected: u64,
    /// Records of requests whose answer never came and that were sent again, or may have to be.
    pub possibly_twice: u64,
}

/// What was sent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    /// By signal.
    pub signals: BTreeMap<Signal, Sum>,
    /// How often the run was sent whole.
    pub passes: u64,
    /// Whether it is over, and not stopped.
    pub finished: bool,
}

/// How far each stream of a pass has come: spans, lines, scrapes.
pub(super) type Counts = BTreeMap<Signal, u64>;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Page {
    /// The run's digest.
    run: String,
    protocol: String,
    shift_ns: i64,
    pass: u64,
    /// Of this pass, by stream.
    sent: Counts,
    /// What may have come without our knowing.
    under_way: Option<(Signal, u64)>,
    account: Account,
}

/// The account, kept in a file if there is one.
#[derive(Debug)]
pub(super) struct Book {
    path: Option<PathBuf>,
    page: Page,
    is_new: bool,
}

impl Book {
    /// Begins one, or goes on with the one in the file.
    pub(super) fn open(path: Option<PathBuf>, run: &str, protocol: Protocol, shift_ns: i64) -> Result<Self> {
        let new = Page {
            run: run.to_owned(),
            protocol: protocol.name().to_owned(),
            shift_ns,
            pass: 0,
            sent: Counts::new(),
            under_way: None,
            account: Account::default(),
        };
        let found = path.as_deref().map(read).transpose()?.flatten();
        let Some(mut page) = found else { return Ok(Self { path, page: new, is_new: true }) };
        let why = match () {
            () if page.run != new.run => Some("is of another run"),
            () if page.protocol != new.protocol => Some("is of another protocol"),
            () => None,
        };
        if let (Some(why), Some(path)) = (why, &path) {
            return Err(unusable(path, why));
        }
        if let Some((signal, records)) = page.under_way.take() {
            page.account.signals.entry(signal).or_default().possibly_twice += records;
        }
        Ok(Self { path, page, is_new: false })
    }

    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether all of the run was sent before.
    pub(super) fn is_finished(&self) -> bool {
        self.page.account.finished
    }

    pub(super) fn pass(&self) -> u64 {
        self.page.pass
    }

    pub(super) fn shift_ns(&self) -> i64 {
        self.page.shift_ns
    }

    pub(super) fn sent(&self) -> &Counts {
        &self.page.sent
    }

    pub(super) fn account(&self) -> Account {
        self.page.account.clone()
    }

    pub(super) fn under_way(&mut self, signal: Signal, records: u64) -> Result<()> {
        self.page.under_way = Some((signal, records));
        self.write()
    }

    pub(super) fn acknowledged(
        &mut self,
        signal: Signal,
        batch: &Ready,
        tries: u64,
        unanswered: u64,
        rejected: u64,
    ) -> Result<()> {
        self.page.under_way = None;
        *self.page.sent.entry(signal).or_default() += batch.items;
        let sum = self.page.account.signals.entry(signal).or_default();
        sum.records += batch.records;
        sum.requests += 1;
        sum.retried += tries - 1;
        sum.rejected += rejected;
        sum.possibly_twice += if unanswered > 0 { batch.records } else { 0 };
        self.write()
    }

    /// It was stopped before an answer came: what was refused has not come, what was not answered may have.
    pub(super) fn given_up(&mut self, unanswered: u64) -> Result<()> {
        if unanswered == 0 {
            self.page.under_way = None;
        }
        self.write()
    }

    pub(super) fn begin_pass(&mut self) -> Result<()> {
        self.page.pass += 1;
        // The end of a run that was over has been counted.
        self.page.account.passes += u64::from(!self.page.account.finished);
        self.page.account.finished = false;
        self.page.sent.clear();
        self.write()
    }

    pub(super) fn finished(&mut self) -> Result<()> {
        self.page.account.passes += 1;
        self.page.account.finished = true;
        self.write()
    }

    fn write(&self) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let staged = path.with_extension("partial");
        let text = serde_json::to_string_pretty(&self.page).map_err(io::Error::from);
        let written = text.and_then(|text| fs::write(&staged, text + "\n")).and_then(|()| fs::rename(&staged, path));
        written.map_err(|error| unusable(path, format!("cannot be written: {error}")))
    }
}

fn read(path: &Path) -> Result<Option<Page>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|_| unusable(path, "is no file of progress")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, format!("cannot be read: {error}"))),
    }
}
