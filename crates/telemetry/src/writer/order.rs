//! Rows arrive when their span ends and are written in the order of their start.
//!
//! They wait until the watermark has passed their start: then nothing that is still to come can precede them. The order is
//! (start, arrival), whenever the watermark is looked at, so it depends on neither batches nor threads. The number of rows
//! that wait is bounded: past the bound the earlier half is written anyway, and counted.

use super::Received;
use knockon_kernel::Time;
use knockon_model::record::{LedgerRecord, RequestRecord, SpanRecord};

/// A row with a start.
pub(super) trait Started: Copy {
    fn start(&self) -> Time;
}

impl Started for Received<SpanRecord> {
    fn start(&self) -> Time {
        self.start
    }
}

impl Started for LedgerRecord {
    fn start(&self) -> Time {
        self.start
    }
}

impl Started for RequestRecord {
    fn start(&self) -> Time {
        self.sent
    }
}

/// Looking for rows to release costs a pass over those that wait, so it is done once this many have come.
const RELEASE_ROWS: usize = 16_384;

/// Rows that wait for their turn.
#[derive(Debug)]
pub(super) struct Order<R> {
    /// In the order of arrival.
    waiting: Vec<R>,
    /// Start and position of rows that can go; kept for its memory.
    ready: Vec<(Time, u32)>,
    /// Rows that must have come before the next look.
    look_at: usize,
    limit: usize,
    /// How often the bound was hit.
    pub(super) overflows: u64,
}

impl<R: Started> Order<R> {
    /// At most `limit` rows wait from one batch to the next.
    pub(super) fn new(limit: usize) -> Self {
        assert!(u32::try_from(limit).is_ok(), "positions of waiting rows are 32-bit");
        Self { waiting: Vec::new(), ready: Vec::new(), look_at: RELEASE_ROWS.min(limit), limit, overflows: 0 }
    }

    /// Takes rows in and hands out, in order, those that nothing to come can precede. `before` is the watermark *after* these rows.
    pub(super) fn push<E>(
        &mut self,
        rows: &[R],
        before: Time,
        mut out: impl FnMut(&R) -> Result<(), E>,
    ) -> Result<(), E> {
        self.waiting.extend_from_slice(rows);
        if self.waiting.len() < self.look_at {
            return Ok(());
        }
        self.release(before, &mut out)?;
        while self.waiting.len() >= self.limit {
            self.overflows += 1;
            let median = self.median();
            // Rows that start with the median go too, so at least half of them do.
            self.release(Time::from_nanos(median.as_nanos().saturating_add(1)), &mut out)?;
        }
        // With many rows left behind, the next pass waits until it can hope to move as many.
        self.look_at = (2 * self.waiting.len() + RELEASE_ROWS).min(self.limit);
        Ok(())
    }

    /// Hands out all that is left.
    pub(super) fn finish<E>(&mut self, mut out: impl FnMut(&R) -> Result<(), E>) -> Result<(), E> {
        // No row starts at the last instant of all: it would have had no time to end.
        self.release(Time::MAX, &mut out)
    }

    fn release<E>(&mut self, before: Time, out: &mut impl FnMut(&R) -> Result<(), E>) -> Result<(), E> {
        self.ready.clear();
        let starts = self.waiting.iter().map(Started::start).zip(0..);
        self.ready.extend(starts.filter(|&(start, _)| start < before || before == Time::MAX));
        self.ready.sort_unstable();
        for &(_, position) in &self.ready {
            out(&self.waiting[position as usize])?;
        }
        self.waiting.retain(|row| row.start() >= before && before != Time::MAX);
        Ok(())
    }

    fn median(&mut self) -> Time {
        self.ready.clear();
        self.ready.extend(self.waiting.iter().map(Started::start).zip(0..));
        let middle = self.ready.len() / 2;
        self.ready.select_nth_unstable(middle).1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, PartialEq, Debug)]
    struct Row(u64, u64);

    impl Started for Row {
        fn start(&self) -> Time {
            Time::from_nanos(self.0)
        }
    }

    /// Rows that end in order of arrival, after a duration that scrambles their starts; ties included.
    fn rows(count: u64) -> Vec<Row> {
        (0..count).map(|n| Row((1000 + n * 10).saturating_sub(n * 7919 % 997) / 4, n)).collect()
    }

    fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
        rows.sort_by_key(|row| row.0);
        rows
    }

    fn ordered(rows: &[Row], batch: usize, limit: usize) -> (Vec<Row>, u64) {
        let mut order = Order::new(limit);
        let mut out = Vec::new();
        let mut take = |row: &Row| {
            out.push(*row);
            Ok::<(), ()>(())
        };
        for (index, batch_rows) in rows.chunks(batch).enumerate() {
            let rest = &rows[(index * batch + batch_rows.len()).min(rows.len())..];
            let before = rest.iter().map(|row| row.0).min().unwrap_or(u64::MAX);
            order.push(batch_rows, Time::from_nanos(before), &mut take).unwrap();
        }
        order.finish(&mut take).unwrap();
        (out, order.overflows)
    }

    #[test]
    fn order_is_start_then_arrival_whatever_the_batches() {
        let rows = rows(60_000);
        let expected = sorted(rows.clone());
        for batch in [999, 4_096, 60_000] {
            let (out, overflows) = ordered(&rows, batch, 1 << 20);
            assert!(out == expected, "batches of {batch} come out in another order");
            assert_eq!(overflows, 0);
        }
    }

    #[test]
    fn past_the_bound_rows_go_early_and_are_counted() {
        let rows = rows(50_000);
        let mut order = Order::new(1_000);
        let mut out = Vec::new();
        for batch in rows.chunks(100) {
            order
                .push(batch, Time::ZERO, |row| {
                    out.push(*row);
                    Ok::<(), ()>(())
                })
                .unwrap();
            assert!(order.waiting.len() < 1_000);
        }
        order
            .finish(|row| {
                out.push(*row);
                Ok::<(), ()>(())
            })
            .unwrap();
        assert!(order.overflows > 10);
        assert_eq!(
            sorted(out.clone()).iter().map(|row| row.1).collect::<std::collections::BTreeSet<_>>().len(),
            50_000
        );
        assert_eq!(out.len(), 50_000, "no row is lost or doubled");
    }
}
