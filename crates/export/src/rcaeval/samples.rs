//! The numbers of a service that are scraped: what becomes columns, and `metrics.json` as it is.

use super::frame::Frame;
use super::{Case, SECOND};
use crate::error::Result;
use crate::fault::hyphenated;
use crate::series;
use crate::source::Source;
use crate::target::Target;
use serde_json::json;
use std::collections::BTreeMap;

/// A series that becomes part of a column.
#[derive(Clone, Copy, Debug)]
struct Part {
    number: &'static str,
    /// Whether it counts, so that its increase by the second is told.
    counts: bool,
}

/// Names of series, by what they tell of a service. Of memory the first that a service has.
const PARTS: [(&str, Part); 10] = [
    ("container_cpu_usage_seconds_total", Part { number: "cpu", counts: true }),
    ("container_memory_working_set_bytes", Part { number: "mem", counts: false }),
    ("node_disk_read_bytes_total", Part { number: "diskio", counts: true }),
    ("node_disk_written_bytes_total", Part { number: "diskio", counts: true }),
    ("hikaricp_connections", Part { number: "socket", counts: false }),
    ("db_client_connections_usage", Part { number: "socket", counts: false }),
    ("db_client_connection_count", Part { number: "socket", counts: false }),
    ("pg_stat_database_numbackends", Part { number: "socket", counts: false }),
    ("redis_connected_clients", Part { number: "socket", counts: false }),
    ("rabbitmq_connections", Part { number: "socket", counts: false }),
];

/// What samples are of.
#[derive(Debug)]
pub(super) struct Series {
    /// By number of the series: its service, its name with labels, and the column that it is part of.
    known: Vec<(String, String, Option<Part>)>,
}

impl Series {
    pub(super) fn read(source: &mut Source<'_>) -> Result<Self> {
        let known = |one: series::Series| {
            let labels = one.labels.iter().map(|(key, value)| format!(",{key}=\"{value}\"")).collect::<String>();
            let whole = format!("{}_{}{{instance=\"{}\"{labels}}}", hyphenated(&one.service), one.name, one.instance);
            let part = PARTS.iter().find(|(name, _)| *name == one.name).map(|&(_, part)| part);
            (one.service, whole, part)
        };
        let known = series::read(source)?.into_iter().map(known).collect();
        Ok(Self { known })
    }
}

/// The time between scrapes, by the closest two.
pub(super) fn interval(source: &mut Source<'_>) -> Result<Option<i64>> {
    let (mut last, mut least) = (None, None::<i64>);
    source.each("observed/metrics", &["time"], |batch| {
        for time in (0..batch.rows()).filter_map(|row| batch.integer(0, row)) {
            let gap = last.replace(time).map_or(0, |last| time - last);
            if gap > 0 {
                least = Some(least.map_or(gap, |least| least.min(gap)));
            }
        }
        Ok(())
    })?;
    Ok(least)
}

/// Reads all samples: into columns of frames, and into a `metrics.json` for each case.
pub(super) fn collect(
    source: &mut Source<'_>,
    series: &Series,
    cases: &[Case],
    frames: &mut [Frame],
    target: &Target,
) -> Result<()> {
    let mut raw: Vec<BTreeMap<usize, Vec<(i64, f64)>>> = vec![BTreeMap::new(); cases.len()];
    let mut before: Vec<Option<(i64, f64)>> = vec![None; series.known.len()];
    let mut scrape: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    let mut at = None;
    let mut tell = |time: i64, scrape: &mut BTreeMap<(&str, &str), f64>| {
        for ((service, number), value) in std::mem::take(scrape) {
            frames.iter_mut().for_each(|frame| frame.tell(service, number, time, value));
        }
    };
    source.each("observed/metrics", &["series_id", "time", "value"], |batch| {
        for row in 0..batch.rows() {
            let (Some(id), Some(time), Some(value)) =
                (batch.integer(0, row), batch.integer(1, row), batch.real(2, row))
            else {
                continue;
            };
            if let Some(ended) = at.replace(time).filter(|&at| at != time) {
                tell(ended, &mut scrape);
            }
            let Some((id, (service, _, part))) =
                usize::try_from(id).ok().and_then(|id| Some((id, series.known.get(id)?)))
            else {
                continue;
            };
            for (_, raw) in cases.iter().zip(&mut raw).filter(|(case, _)| case.has(time)) {
                raw.entry(id).or_default().push((time, value));
            }
            let Some(part) = part else { continue };
            let last = before[id].replace((time, value));
            let told = match (part.counts, last) {
                (false, _) => Some(value),
                // Of what counts, the first sample tells nothing; what has less than before has begun anew.
                (true, None) => None,
                (true, Some((then, had))) => {
                    let increase = if value < had { value } else { value - had };
                    Some(increase / ((time - then) as f64 / SECOND as f64))
                }
            };
            if let Some(told) = told {
                *scrape.entry((service, part.number)).or_default() += told;
            }
        }
        Ok(())
    })?;
    if let Some(time) = at {
        tell(time, &mut scrape);
    }
    for (case, raw) in cases.iter().zip(raw) {
        let points = raw.values().map(Vec::len).sum();
        let seconds = |(time, value): (i64, f64)| json!([time.div_euclid(SECOND), value]);
        let named = raw
            .into_iter()
            .map(|(id, points)| (series.known[id].1.clone(), points.into_iter().map(seconds).collect::<Vec<_>>()));
        let mut file = target.file(&format!("{}/metrics.json", case.folder))?;
        file.json_line(&named.collect::<BTreeMap<_, _>>(), points)?;
        file.finish()?;
    }
    Ok(())
}
