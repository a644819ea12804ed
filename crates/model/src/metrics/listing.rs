//! The list of series while it is made: exporters add to it process by process; at the end it is sorted and numbered.

use super::timing::{Bounds, Part};
use super::{Entry, Reading, Scope};
use crate::blueprint::{Service, Step};
use crate::record::{Catalogue, SeriesInfo, SeriesKind};

/// Statuses of requests that succeed, and of those that failed for another reason than a step [`Step::Fail`].
const STATUSES: [u16; 2] = [200, 500];

/// Series listed so far, and the process whose series are being listed.
#[derive(Default)]
pub(super) struct Listing {
    process: u32,
    service: String,
    instance: String,
    listed: Vec<(Entry, SeriesInfo)>,
    words: Vec<String>,
}

impl Listing {
    /// The series that follow are of this process.
    pub(super) fn describe(&mut self, process: u32, service: &str, instance: &str) {
        self.process = process;
        service.clone_into(&mut self.service);
        instance.clone_into(&mut self.instance);
    }

    /// Name of the process' instance.
    pub(super) fn instance(&self) -> String {
        self.instance.clone()
    }

    /// Name of its service.
    pub(super) fn service(&self) -> String {
        self.service.clone()
    }

    /// The number of a label value that a reading compares with.
    pub(super) fn word(&mut self, word: &str) -> u16 {
        let at = self.words.iter().position(|known| known == word).unwrap_or_else(|| {
            self.words.push(word.to_owned());
            self.words.len() - 1
        });
        u16::try_from(at).expect("a blueprint has fewer than 65 536 different operations")
    }

    /// Adds a series.
    pub(super) fn series(
        &mut self,
        scope: Scope,
        name: &str,
        (kind, unit): (SeriesKind, &str),
        labels: &[(&str, &str)],
        reading: Reading,
    ) {
        let mut attributes: Vec<(String, String)> =
            labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        attributes.sort();
        let info = SeriesInfo {
            name: name.to_owned(),
            unit: unit.to_owned(),
            kind,
            service: self.service.clone(),
            instance: self.instance.clone(),
            attributes,
        };
        self.listed.push((Entry { process: self.process, scope, reading }, info));
    }

    /// Adds a gauge of the process' own.
    pub(super) fn gauge(&mut self, name: &str, unit: &str, labels: &[(&str, &str)], reading: Reading) {
        self.series(Scope::Process, name, (SeriesKind::Gauge, unit), labels, reading);
    }

    /// Adds a counter of the process' own.
    pub(super) fn counter(&mut self, name: &str, unit: &str, labels: &[(&str, &str)], reading: Reading) {
        self.series(Scope::Process, name, (SeriesKind::Counter, unit), labels, reading);
    }

    /// Adds a summary of durations: count, sum, and Micrometer's recent maximum.
    pub(super) fn timer(&mut self, name: &str, labels: &[(&str, &str)], reading: impl Fn(Part) -> Reading) {
        let counted = (SeriesKind::HistogramCount, "1");
        self.series(Scope::Process, &format!("{name}_count"), counted, labels, reading(Part::Count));
        let summed = (SeriesKind::HistogramSum, "s");
        self.series(Scope::Process, &format!("{name}_sum"), summed, labels, reading(Part::Sum));
        self.gauge(&format!("{name}_max"), "s", labels, reading(Part::Maximum));
    }

    /// Adds a histogram of durations.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        bounds: Bounds,
        reading: impl Fn(Part) -> Reading,
    ) {
        for &(bound, text) in bounds {
            let with_bound: Vec<_> = labels.iter().copied().chain([("le", text)]).collect();
            let counted = (SeriesKind::HistogramBucket, "1");
            self.series(Scope::Process, &format!("{name}_bucket"), counted, &with_bound, reading(Part::Bucket(bound)));
        }
        let counted = (SeriesKind::HistogramCount, "1");
        self.series(Scope::Process, &format!("{name}_count"), counted, labels, reading(Part::Count));
        let summed = (SeriesKind::HistogramSum, "s");
        self.series(Scope::Process, &format!("{name}_sum"), summed, labels, reading(Part::Sum));
    }

    /// Numbers the series and writes them into the catalogue: by name, then by process, then as they were listed.
    pub(super) fn finish(mut self, catalogue: &mut Catalogue) -> (Vec<Entry>, Vec<String>) {
        self.listed.sort_by(|(a, of_a), (b, of_b)| (&of_a.name, a.process).cmp(&(&of_b.name, b.process)));
        let (entries, series) = self.listed.into_iter().unzip();
        catalogue.series = series;
        (entries, self.words)
    }
}

/// Statuses that an endpoint can answer with, ascending.
pub(super) fn statuses(service: &Service, endpoint: usize) -> Vec<u16> {
    let failures = service.endpoints[endpoint].program.iter().filter_map(|step| match step {
        Step::Fail { status } => Some(*status),
        _ => None,
    });
    let rejections = service.admission.rejection_statuses(endpoint);
    let mut statuses: Vec<u16> = STATUSES.into_iter().chain(failures).chain(rejections).collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}
