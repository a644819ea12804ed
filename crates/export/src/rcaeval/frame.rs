//! `data.csv`: what is known of each service at each second, which is what was known last.

use super::SECOND;
use crate::error::Result;
use crate::fault::hyphenated;
use crate::served::Served;
use crate::target::{Csv, Output};
use std::collections::BTreeMap;

/// Numbers of a service, in the order of columns.
const NUMBERS: [&str; 8] = ["cpu", "mem", "diskio", "socket", "workload", "error", "latency-50", "latency-90"];

/// Columns with what was told of them when, in the order of time.
#[derive(Debug)]
pub(super) struct Frame {
    seconds: (i64, i64),
    columns: BTreeMap<(String, usize), Vec<(i64, f64)>>,
}

impl Frame {
    /// An empty one from a second to another.
    pub(super) const fn new(seconds: (i64, i64)) -> Self {
        Self { seconds, columns: BTreeMap::new() }
    }

    /// What a number of a service was at an instant.
    pub(super) fn tell(&mut self, service: &str, number: &str, time: i64, value: f64) {
        let Some(place) = NUMBERS.iter().position(|&known| known == number) else { return };
        if time >= (self.seconds.1 + 1) * SECOND {
            return;
        }
        let told = self.columns.entry((hyphenated(service), place)).or_default();
        // Of what was before, only the last is known still.
        if time <= self.seconds.0 * SECOND {
            told.clear();
        }
        told.push((time, value));
    }

    /// What a service served in a window of a width.
    pub(super) fn served(&mut self, service: &str, end: i64, width: i64, served: &Served) {
        let seconds = width as f64 / SECOND as f64;
        self.tell(service, "workload", end, served.count() as f64 / seconds);
        self.tell(service, "error", end, served.failed as f64 / seconds);
        // Where nothing was served there is no latency: the last one stands.
        for (number, hundredths) in [("latency-50", 50), ("latency-90", 90)] {
            if let Some(value) = served.percentile(hundredths) {
                self.tell(service, number, end, value);
            }
        }
    }

    /// Writes a row for each second: what was told last, or 0 before anything was.
    pub(super) fn write(self, file: Output<'_>) -> Result<()> {
        let names = self.columns.keys().map(|(service, place)| format!("{service}_{}", NUMBERS[*place]));
        let mut file = Csv::begin(file, std::iter::once("time".to_owned()).chain(names))?;
        let mut columns: Vec<_> = self.columns.values().map(|told| (told.iter().peekable(), 0.0)).collect();
        for second in self.seconds.0..=self.seconds.1 {
            let mut row = vec![second.to_string()];
            for (told, last) in &mut columns {
                while let Some((_, value)) = told.next_if(|(time, _)| *time <= second * SECOND) {
                    *last = *value;
                }
                row.push(last.to_string());
            }
            file.row(row)?;
        }
        file.finish()
    }
}
