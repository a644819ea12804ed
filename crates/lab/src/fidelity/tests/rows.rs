//! The measured rows as they were published: CSV, gzipped, times in microseconds.

use super::super::cache::Read;
use super::super::certificate::Try;
use super::super::heap::{Course, Pause};
use super::super::pool::{Caller, Outcome};
use super::super::retry::{Attempt, Fate};
use super::super::slots::Connect;
use super::super::{Observables, limit};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const US: i64 = 1_000;

/// A measured set.
pub(super) struct Set {
    pub(super) name: String,
    folder: PathBuf,
    setup: serde_json::Value,
}

/// A row by the names of its columns.
struct Row(BTreeMap<String, String>);

impl Row {
    fn text(&self, column: &str) -> &str {
        self.0.get(column).unwrap_or_else(|| panic!("there is no column {column}"))
    }

    fn number(&self, column: &str) -> Option<i64> {
        let text = self.text(column);
        (!text.is_empty()).then(|| text.parse().unwrap_or_else(|_| panic!("{column} is {text}")))
    }

    /// Microseconds as nanoseconds; 0 where there are none.
    fn nanos(&self, column: &str) -> i64 {
        self.number(column).unwrap_or(0) * US
    }
}

fn table(text: impl std::io::Read) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text);
    let headers = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        Row(headers.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect())
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

impl Set {
    pub(super) fn all(folder: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(folder).expect("the folder of originals");
        let mut folders: Vec<PathBuf> =
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        let set = |folder: PathBuf| Self {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            setup: serde_json::from_slice(&std::fs::read(folder.join("setup.json")).unwrap()).unwrap(),
            folder,
        };
        folders.into_iter().map(set).collect()
    }

    /// The repeats whose rows are there.
    pub(super) fn repeats(&self) -> Vec<usize> {
        if self.folder.join("connects.csv.gz").exists() {
            return vec![1, 2, 3];
        }
        let has = |repeat: &usize| ["requests", "attempts"].iter().any(|kind| self.path(*repeat, kind).exists());
        (1..=9).filter(has).collect()
    }

    fn path(&self, repeat: usize, kind: &str) -> PathBuf {
        self.folder.join(format!("r{repeat}.{kind}.csv.gz"))
    }

    fn rows(&self, repeat: usize, kind: &str) -> Vec<Row> {
        let packed = std::fs::File::open(self.path(repeat, kind)).unwrap();
        table(flate2::read::GzDecoder::new(packed))
    }

    fn of_repeat(&self, repeat: usize, name: &str) -> &serde_json::Value {
        &self.setup["load_average_by_repeat"][repeat - 1][name]
    }

    pub(super) fn callers(&self, repeat: usize) -> Vec<Caller> {
        let caller = |row: Row| Caller {
            asked: row.nanos("arrival_us") + row.nanos("late_us"),
            wait: row.nanos("wait_us"),
            lock: row.nanos("lock_us"),
            held: row.nanos("held_us"),
            hot: row.text("class") == "h",
            outcome: match row.text("outcome") {
                "ok" => Outcome::Ok,
                "timeout" => Outcome::Timeout,
                _ => Outcome::Error,
            },
        };
        self.rows(repeat, "requests").into_iter().map(caller).collect()
    }

    pub(super) fn attempts(&self, repeat: usize) -> Vec<Attempt> {
        let attempt = |row: Row| Attempt {
            request: row.number("request").unwrap() as usize,
            sent: row.nanos("sent_us"),
            ok: row.text("outcome") == "ok",
            depth: row.number("depth"),
            arrived: row.number("server_arrived_us").map(|us| us * US),
            fate: match row.text("server_fate") {
                "served" => Fate::Served,
                "refused" => Fate::Refused,
                "dropped" => Fate::Dropped,
                _ => Fate::Unfinished,
            },
        };
        self.rows(repeat, "attempts").into_iter().map(attempt).collect()
    }

    pub(super) fn course(&self, repeat: usize) -> Course {
        // What happened before the start is not part of it.
        let gcs = self.rows(repeat, "gc").into_iter().filter(|row| row.nanos("ended_us") >= 0);
        let pauses = gcs.filter(|row| row.text("what").starts_with("Pause")).map(|row| Pause {
            ended: row.nanos("ended_us"),
            length: (row.text("ms").parse::<f64>().unwrap() * 1e6).round() as i64,
            full: row.text("what").contains("Full"),
            young: row.text("what").contains("Young"),
            after_mib: row.number("after_mb").unwrap_or(0) as f64,
        });
        let served = self.rows(repeat, "requests").into_iter();
        let served = served.filter_map(|row| Some((row.nanos("arrival_us"), row.number("end_us")? * US)));
        let message = self.of_repeat(repeat, "message").as_str().unwrap_or("");
        let last_log = self.of_repeat(repeat, "last_log_us").as_i64();
        Course {
            pauses: pauses.collect(),
            served: served.collect(),
            death: last_log.filter(|_| message.contains("OutOfMemoryError")).map(|us| us * US),
        }
    }

    pub(super) fn flushed_s(&self, repeat: usize) -> f64 {
        self.of_repeat(repeat, "flushed_us").as_f64().unwrap() / 1e6
    }

    pub(super) fn reads(&self, repeat: usize) -> Vec<Read> {
        let read = |row: Row| Read {
            asked: row.nanos("arrival_us"),
            hit: row.text("hit") == "1",
            latency: row.nanos("latency_us"),
            timed_out: row.text("outcome") == "timeout",
            queue: row.number("db_queue").unwrap_or(0),
        };
        self.rows(repeat, "requests").into_iter().map(read).collect()
    }

    /// Where each miss is a query that is begun at once, that; else so many in the middle of each second as the series says.
    pub(super) fn queries(&self, repeat: usize) -> Vec<i64> {
        let run = &self.setup["run"];
        if run["coalesce"] == false && run["caller"] == "wait" {
            return self.reads(repeat).iter().filter(|read| !read.hit).map(|read| read.asked).collect();
        }
        let series = table(std::fs::File::open(self.folder.join("series.csv")).unwrap());
        let here = series.into_iter().filter(|row| row.number("repeat") == Some(repeat as i64));
        let begun = |row: Row| {
            let at = row.number("second").unwrap() * 1_000_000 * US + 500_000 * US;
            std::iter::repeat_n(at, row.number("queries_started").unwrap() as usize)
        };
        here.flat_map(begun).collect()
    }

    pub(super) fn limited(&self, repeat: usize) -> Observables {
        let rows = self.rows(repeat, "requests");
        let attempt = |row: &Row| limit::Attempt {
            rejected: row.text("status") == "429",
            delay_ms: row.number("server_took_ms").unwrap_or(0),
        };
        let attempts: Vec<_> = rows.iter().map(attempt).collect();
        limit::observe(&attempts, rows.iter().filter(|row| row.text("status") == "200").count())
    }

    pub(super) fn expires_s(&self, repeat: usize) -> f64 {
        self.of_repeat(repeat, "expires_s").as_f64().unwrap()
    }

    /// All repeats lie in one file, in milliseconds.
    pub(super) fn connects(&self, repeat: usize) -> Vec<Connect> {
        let packed = std::fs::File::open(self.folder.join("connects.csv.gz")).unwrap();
        let rows = table(flate2::read::GzDecoder::new(packed)).into_iter();
        let one = |row: Row| Connect {
            at_once: row.text("mode") == "at_once",
            accepted: row.text("outcome") == "ok",
            took: (row.text("ms").parse::<f64>().unwrap() * 1e6).round() as i64,
        };
        rows.filter(|row| row.number("repeat") == Some(repeat as i64)).map(one).collect()
    }

    pub(super) fn tries(&self, repeat: usize) -> Vec<Try> {
        let one = |row: Row| Try {
            sent: (row.text("second").parse::<f64>().unwrap() * 1e9).round() as i64,
            new: row.text("client") == "new",
            ok: row.text("outcome") == "ok",
        };
        self.rows(repeat, "requests").into_iter().map(one).collect()
    }
}
