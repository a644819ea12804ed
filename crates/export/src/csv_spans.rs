//! Spans as rows of text with a label each, in the 24 columns of robot-shop's data set, split by label.
//!
//! Source: `CERAS-YorkU/robot-shop`, the script that its traces are written by. There an anomaly is a time at which something was injected; here a
//! row is anomalous if a fault made it take longer or fail, or made it be there: an effect. All of it is below `truth/`, since every row tells.

use crate::error::Result;
use crate::hex::{SpanId, TraceId};
use crate::source::Source;
use crate::target::{Csv, Target};
use crate::truth::Truth;
use std::collections::BTreeMap;

/// The columns, in their order.
const HEADER: [&str; 24] = [
    "timestamp",
    "start_time_ns",
    "end_time_ns",
    "duration_ns",
    "duration_ms",
    "service_name",
    "trace_id",
    "span_id",
    "parent_span_id",
    "span_name",
    "span_kind",
    "http_method",
    "http_status_code",
    "http_target",
    "http_url",
    "anomaly_type",
    "anomaly_label",
    "anomaly_root_cause",
    "anomaly_msg",
    "span_status",
    "span_status_message",
    "net_peer_name",
    "net_peer_port",
    "datacenter",
];

const COLUMNS: [&str; 15] = [
    "trace_id",
    "span_id",
    "parent_span_id",
    "service",
    "name",
    "kind",
    "start_time",
    "end_time",
    "duration_ns",
    "status",
    "error_type",
    "peer",
    "http_request_method",
    "http_route",
    "http_response_status_code",
];

/// What is told of a row that no fault is behind.
const NORMAL: [&str; 4] = ["none", "normal", "none", ""];

/// What is told of a fault's rows: type, label, root cause, message.
type Told = [String; 4];

pub(crate) fn write(source: &mut Source<'_>, truth: &Truth<'_>, target: &Target) -> Result<()> {
    let told = told(truth);
    let labels = Labels::read(truth, &told)?;
    let open = |name: &str| Csv::begin(target.file(&format!("truth/traces_{name}.csv"))?, HEADER);
    let (mut all, mut normal, mut anomalous) = (open("labeled")?, open("normal")?, open("anomalous")?);
    let types = told.values().map(|(_, told)| told[0].as_str());
    let mut of_type: BTreeMap<&str, Csv<'_>> = BTreeMap::new();
    for name in types {
        if !of_type.contains_key(name) {
            of_type.insert(name, open(name)?);
        }
    }
    source.each("observed/spans", &COLUMNS, |batch| {
        for row in 0..batch.rows() {
            let text = |column| batch.text(column, row).unwrap_or_default();
            let whole = |column| batch.integer(column, row).unwrap_or_default();
            let (trace, span) = (batch.id(0, row).unwrap_or_default(), batch.id(1, row).unwrap_or_default());
            let label = labels.find(trace, span).and_then(|contrast| told.get(&contrast)).map(|(_, told)| told);
            let [kind, label_text, root_cause, message] =
                label.map_or(NORMAL, |told| told.each_ref().map(String::as_str));
            let parent = batch.id(2, row).map(|id| SpanId::new(id).to_string()).unwrap_or_default();
            let timestamp =
                chrono::DateTime::from_timestamp_nanos(whole(6)).to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            let fields: [&str; 24] = [
                &timestamp,
                &whole(6).to_string(),
                &whole(7).to_string(),
                &whole(8).to_string(),
                &(whole(8) as f64 / 1e6).to_string(),
                text(3),
                &TraceId::new(trace).to_string(),
                &SpanId::new(span).to_string(),
                &parent,
                text(4),
                kind_number(text(5)),
                text(12),
                &whole(14).to_string(),
                text(13),
                "",
                kind,
                label_text,
                root_cause,
                message,
                status_number(text(9)),
                text(10),
                text(11),
                "0",
                "",
            ];
            all.row(fields)?;
            if label.is_some() { &mut anomalous } else { &mut normal }.row(fields)?;
            if label.is_some()
                && let Some(file) = of_type.get_mut(kind)
            {
                file.row(fields)?;
            }
        }
        Ok(())
    })?;
    [all, normal, anomalous].into_iter().chain(of_type.into_values()).try_for_each(Csv::finish)
}

/// What each comparison of worlds says of the rows that it labels; those of a fault alone come before those of several.
fn told(truth: &Truth<'_>) -> BTreeMap<u32, (usize, Told)> {
    let mut found = BTreeMap::new();
    for incident in truth.incidents().iter().filter(|incident| incident.effect) {
        for (contrast, names) in &incident.contrasts {
            let Some(fault) = incident.cause_of(|fault| names.contains(&fault.name)) else { continue };
            let what = if fault.paths.is_empty() { fault.kind.clone() } else { fault.paths.join(", ") };
            let told = [
                crate::fault::name(fault),
                "anomalous".into(),
                fault.root_cause.clone(),
                format!("{}: {what}", fault.name),
            ];
            found.insert(*contrast, (names.len(), told));
        }
    }
    found
}

/// Which comparison labels which span: sorted, 28 bytes for each labelled span.
struct Labels(Vec<([u8; 24], u32)>);

impl Labels {
    fn read(truth: &Truth<'_>, told: &BTreeMap<u32, (usize, Told)>) -> Result<Self> {
        let mut labels: Vec<([u8; 24], u32)> = Vec::new();
        let columns = ["trace_id", "span_id", "contrast", "hurt", "difference_ns"];
        truth.each("truth/labels_spans", &columns, |batch| {
            for row in 0..batch.rows() {
                let (Some(trace), Some(span)) = (batch.id(0, row), batch.id(1, row)) else { continue };
                let contrast = batch.integer(2, row).and_then(|contrast| u32::try_from(contrast).ok());
                // What was merely touched, and is none the worse for it, is no anomaly; what is there only with the fault is one.
                let is_anomaly = batch.answer(3, row) == Some(true) || batch.integer(4, row).is_none();
                if let Some(contrast) = contrast.filter(|contrast| is_anomaly && told.contains_key(contrast)) {
                    labels.push((key(trace, span), contrast));
                }
            }
        })?;
        let several = |contrast: u32| told.get(&contrast).map_or(usize::MAX, |(faults, _)| *faults);
        labels.sort_unstable_by_key(|&(key, contrast)| (key, several(contrast), contrast));
        labels.dedup_by_key(|(key, _)| *key);
        Ok(Self(labels))
    }

    fn find(&self, trace: u128, span: u128) -> Option<u32> {
        let place = self.0.binary_search_by_key(&key(trace, span), |(key, _)| *key).ok()?;
        Some(self.0[place].1)
    }
}

fn key(trace: u128, span: u128) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&trace.to_be_bytes());
    key[16..].copy_from_slice(&span.to_be_bytes()[8..]);
    key
}

/// The number of a kind in OTLP.
fn kind_number(kind: &str) -> &'static str {
    match kind {
        "SERVER" => "2",
        "CLIENT" => "3",
        "PRODUCER" => "4",
        "CONSUMER" => "5",
        _ => "1",
    }
}

/// The number of a status in OTLP.
fn status_number(status: &str) -> &'static str {
    match status {
        "OK" => "1",
        "ERROR" => "2",
        _ => "0",
    }
}
