//! Prometheus' remote write 1.0: the samples of a scrape as `prometheus.WriteRequest`, in Snappy's block format.
//!
//! A series that the scrape before found and this one did not gets a stale marker, as a Prometheus writes one. Source: "Prometheus Remote-Write 1.0 specification";
//! `prompb/remote.proto` and `types.proto`; the marker is `value.StaleNaN`.

use crate::error::Result;
use crate::scrapes::Scrapes;
use knockon_export::otlp::protobuf::Change;
use knockon_export::prometheus::{Labels, families};
use knockon_telemetry::RunReader;
use prost::Message;

/// The bits of the value that says that a series is there no more.
pub(super) const STALE: u64 = 0x7ff0_0000_0000_0002;

#[derive(Clone, PartialEq, Message)]
pub(super) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Label {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Sample {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    /// Milliseconds since the Unix epoch.
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
}

/// Makes requests of scrapes.
#[derive(Debug)]
pub(super) struct Writer {
    /// By series, in the order of their names.
    labels: Vec<(usize, Vec<Label>)>,
    /// Whether the scrape before found them.
    found: Vec<bool>,
}

impl Writer {
    pub(super) fn open(run: &RunReader) -> Result<Self> {
        let families = families(run, Labels::Scraped)?;
        let metrics = families.all.iter().flat_map(|family| &family.metrics);
        let labels = metrics.flat_map(|metric| &metric.lines).map(|line| {
            let mut labels: Vec<_> =
                line.labels().map(|(name, value)| Label { name: name.to_owned(), value: value.to_owned() }).collect();
            labels.sort_by(|a, b| a.name.cmp(&b.name));
            (line.series, labels)
        });
        let labels: Vec<_> = labels.collect();
        let series = labels.iter().map(|(series, _)| series + 1).max().unwrap_or(0);
        Ok(Self { labels, found: vec![false; series] })
    }

    /// A scrape as a request, and how many samples it has.
    pub(super) fn request(&self, scrapes: &Scrapes, change: Change) -> (Vec<u8>, usize) {
        let timestamp = scrapes.time_ns().saturating_add(change.later_ns).div_euclid(1_000_000);
        let of = |(series, labels): &(usize, Vec<Label>)| {
            let stale = || self.found[*series].then(|| f64::from_bits(STALE));
            let value = scrapes.value(*series).or_else(stale)?;
            Some(TimeSeries { labels: labels.clone(), samples: vec![Sample { value, timestamp }] })
        };
        let request = WriteRequest { timeseries: self.labels.iter().filter_map(of).collect() };
        let count = request.timeseries.len();
        let body = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec());
        (body.expect("a scrape is far below 4 GiB"), count)
    }

    /// The next one comes after this one.
    pub(super) fn seen(&mut self, scrapes: &Scrapes) {
        for (series, found) in self.found.iter_mut().enumerate() {
            *found = scrapes.value(series).is_some();
        }
    }
}
