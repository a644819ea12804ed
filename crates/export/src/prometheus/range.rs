//! `metrics.om`: all samples of a run, one metric after the other, each from the first instant to the last.
//!
//! The table has them in the order of time, the text wants them in the order of metrics. The table is read several times: once to count, then once for every
//! [`HELD`] samples, of which each pass takes those of the next few metrics. So memory has a bound whatever the run's length, no file is needed on the way, and
//! a million samples more cost one pass in four. A metric that has more samples alone has a pass of its own.

use super::family::{Families, Labels, Metric};
use super::text::{Text, put_time, put_value};
use crate::error::Result;
use crate::series;
use crate::source::Source;
use crate::target::{Output, Target};

/// Samples that are held at a time: 16 bytes each.
const HELD: u64 = 1 << 22;

const TABLE: &str = "observed/metrics";

pub(crate) fn write(source: &mut Source<'_>, target: &Target) -> Result<()> {
    let series = series::read(source)?;
    let families = Families::of(&series, Labels::Scraped);
    target.tell(families.changed.iter().cloned());
    let mut counts = vec![0_u64; series.len()];
    source.each(TABLE, &["series_id"], |batch| {
        for row in 0..batch.rows() {
            if let Some(count) = series_at(batch.integer(0, row)).and_then(|id| counts.get_mut(id)) {
                *count += 1;
            }
        }
        Ok(())
    })?;
    let size = |metric: &Metric| metric.lines.iter().map(|line| counts[line.series]).sum::<u64>();
    let metrics: Vec<(usize, &Metric)> = families
        .all
        .iter()
        .enumerate()
        .flat_map(|(family, of)| of.metrics.iter().map(move |metric| (family, metric)))
        .filter(|(_, metric)| size(metric) > 0)
        .collect();
    let passes = passes(metrics.iter().map(|(_, metric)| size(metric)), HELD);
    for _ in &passes {
        source.again(TABLE);
    }
    let mut file = target.file("metrics.om")?;
    let mut told = None;
    let mut from = 0;
    for until in passes {
        let these = &metrics[from..until];
        let samples = read(source, these, &counts)?;
        for &(family, metric) in these {
            if told.replace(family) != Some(family) {
                file.lines(&families.all[family].header(Text::OpenMetrics), 0)?;
            }
            put_metric(&mut file, metric, &samples)?;
        }
        from = until;
    }
    file.lines(Text::OpenMetrics.end(), 0)?;
    file.finish()
}

fn series_at(id: Option<i64>) -> Option<usize> {
    id.and_then(|id| usize::try_from(id).ok())
}

/// Where each pass ends, given how many samples each metric has.
fn passes(sizes: impl Iterator<Item = u64>, held: u64) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut sum, mut count) = (0, 0);
    for (at, size) in sizes.enumerate() {
        if sum > 0 && sum + size > held {
            ends.push(at);
            sum = 0;
        }
        sum += size;
        count = at + 1;
    }
    if count > 0 {
        ends.push(count);
    }
    ends
}

/// Samples of one pass, by series: instants and values.
struct Samples {
    /// By series, its place among those of this pass.
    places: Vec<Option<u32>>,
    lists: Vec<Vec<(i64, f64)>>,
}

impl Samples {
    fn of(&self, series: usize) -> &[(i64, f64)] {
        self.places[series].map_or(&[], |place| &self.lists[place as usize])
    }
}

fn read(source: &mut Source<'_>, metrics: &[(usize, &Metric)], counts: &[u64]) -> Result<Samples> {
    let mut samples = Samples { places: vec![None; counts.len()], lists: Vec::new() };
    for line in metrics.iter().flat_map(|(_, metric)| &metric.lines) {
        samples.places[line.series] = u32::try_from(samples.lists.len()).ok();
        samples.lists.push(Vec::with_capacity(usize::try_from(counts[line.series]).unwrap_or_default()));
    }
    source.each(TABLE, &["series_id", "time", "value"], |batch| {
        for row in 0..batch.rows() {
            let place = series_at(batch.integer(0, row)).and_then(|id| samples.places.get(id).copied().flatten());
            let sample = batch.integer(1, row).zip(batch.real(2, row));
            if let Some((place, sample)) = place.zip(sample) {
                samples.lists[place as usize].push(sample);
            }
        }
        Ok(())
    })?;
    Ok(samples)
}

/// The lines of a metric: instant by instant, what it had then.
fn put_metric(file: &mut Output<'_>, metric: &Metric, samples: &Samples) -> Result<()> {
    let mut lists: Vec<_> = metric.lines.iter().map(|line| samples.of(line.series)).collect();
    let mut text = String::new();
    while let Some(now) = lists.iter().filter_map(|list| list.first()).map(|&(time, _)| time).min() {
        text.clear();
        let mut records = 0;
        for (line, list) in metric.lines.iter().zip(&mut lists) {
            if let Some((&(_, value), rest)) = list.split_first().filter(|((time, _), _)| *time == now) {
                *list = rest;
                records += 1;
                text.push_str(line.head(Text::OpenMetrics));
                put_value(&mut text, value);
                text.push(' ');
                put_time(&mut text, Text::OpenMetrics, now);
                text.push('\n');
            }
        }
        file.lines(&text, records)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn passes_hold_no_more_than_they_may_but_for_a_metric_that_has_more_alone() {
        assert_eq!(passes([3, 3, 3, 9, 1, 1].into_iter(), 6), [2, 3, 4, 6]);
        assert_eq!(passes([].into_iter(), 6), [0_usize; 0]);
    }
}
