//! The few statistics that observables are made of, over exact instants in nanoseconds.

/// Nanoseconds of a second and of a millisecond.
pub(super) const S: i64 = 1_000_000_000;
pub(super) const MS: i64 = 1_000_000;

/// A distance of instants in seconds.
pub(super) fn seconds(nanos: i64) -> f64 {
    nanos as f64 / S as f64
}

/// A duration in milliseconds.
pub(super) fn millis(nanos: i64) -> f64 {
    nanos as f64 / MS as f64
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The middle value, or the mean of the two middle ones.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// The value below which 95 in 100 lie.
pub(super) fn p95(values: &[f64]) -> Option<f64> {
    percentile(values, 95)
}

/// The value below which so many in 100 lie: at position ⌊p n / 100⌋ from 0.
pub(super) fn percentile(values: &[f64], p: usize) -> Option<f64> {
    let sorted = sorted(values);
    sorted.get((sorted.len() * p / 100).min(sorted.len().saturating_sub(1))).copied()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// A part of a whole, if there is a whole.
pub(super) fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

pub(super) fn count(n: usize) -> Option<f64> {
    Some(n as f64)
}

/// How many intervals were open after each of their ends, in order of time. At one instant those that end go first.
pub(super) fn open(intervals: impl Iterator<Item = (i64, i64)>) -> Vec<(i64, i64)> {
    let mut ends: Vec<(i64, i64)> = intervals.flat_map(|(from, to)| [(from, 1), (to, -1)]).collect();
    ends.sort_unstable();
    let mut open = 0;
    ends.into_iter()
        .map(|(at, change)| {
            open += change;
            (at, open)
        })
        .collect()
}

/// The first instant at which most were open, and how many.
pub(super) fn peak(open: &[(i64, i64)]) -> Option<(i64, i64)> {
    open.iter().copied().reduce(|best, next| if next.1 > best.1 { next } else { best })
}
