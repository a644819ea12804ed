//! `truth/ocsf_eval_subset.parquet`: a thousand lines with whether a fault is behind each, to judge methods that learnt without labels.
//!
//! Of n lines the k-th that is taken is the line number ⌊k·n/1000⌋: evenly over the run, by no draw. A line is an anomaly if it would not be there
//! without a fault, or if the span that it was written for was hurt by one.

use super::flat::{Cell, Flat};
use super::tutorial::{LINE, Line, each_line, line_cells, named};
use crate::error::Result;
use crate::source::Source;
use crate::target::Target;
use crate::truth::Truth;
use std::collections::BTreeSet;

/// Lines that are taken.
const LINES: u64 = 1000;

/// A line that is taken.
struct Taken {
    uid: u128,
    span: Option<(u128, u128)>,
    cells: Vec<Cell>,
}

pub(super) fn write(source: &mut Source<'_>, truth: &Truth<'_>, target: &Target) -> Result<()> {
    ["observed/logs"].iter().for_each(|table| source.again(table));
    let all = source.count("observed/logs");
    let mut wanted =
        (0..LINES.min(all)).map(|k| (u128::from(k) * u128::from(all) / u128::from(LINES.min(all))) as u64).peekable();
    let mut taken: Vec<Taken> = Vec::new();
    each_line(source, |number, line, request| {
        if wanted.next_if_eq(&number).is_some() {
            let cells = line_cells(line, request);
            taken.push(Taken { uid: line.uid, span: line.trace.zip(line.span), cells });
        }
        Ok(())
    })?;
    let lines: BTreeSet<u128> = taken.iter().map(|line| line.uid).collect();
    let spans: BTreeSet<(u128, u128)> = taken.iter().filter_map(|line| line.span).collect();
    let (mut labelled, mut hurt) = (BTreeSet::new(), BTreeSet::new());
    truth.each("truth/labels_logs", &["uid"], |batch| {
        labelled.extend((0..batch.rows()).filter_map(|row| batch.id(0, row)).filter(|uid| lines.contains(uid)));
    })?;
    truth.each("truth/labels_spans", &["trace_id", "span_id", "hurt"], |batch| {
        let of = |row| batch.id(0, row).zip(batch.id(1, row)).filter(|_| batch.answer(2, row) == Some(true));
        hurt.extend((0..batch.rows()).filter_map(of).filter(|span| spans.contains(span)));
    })?;
    let names = [LINE, &["is_anomaly"]].concat();
    let mut like = line_cells(&Line::default(), None);
    like.push(Cell::Whole(0));
    let mut file = Flat::begin(target.file("truth/ocsf_eval_subset.parquet")?, &named(&names, &like))?;
    for Taken { uid, span, mut cells } in taken {
        let is_anomaly = labelled.contains(&uid) || span.is_some_and(|span| hurt.contains(&span));
        cells.push(Cell::Whole(is_anomaly.into()));
        file.row(cells)?;
    }
    file.finish()
}
