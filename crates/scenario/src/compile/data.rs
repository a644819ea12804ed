//! Recorded data: which columns a scenario reads, and their values.
//!
//! A column is read once, when the first asks for it, and only what is asked for is kept. Times are whole nanoseconds, scaled by the
//! end of the column's name. The first value that is wrong is shown at its line of the file.

use super::Compiler;
use crate::data::DataFile;
use crate::decode::At;
use crate::language::{ColumnMix, RecordedText};
use crate::leaf::Name;
use crate::origin::{Origins, Span};
use crate::suggest;
use knockon_kernel::{Duration, Sampler};
use knockon_model::blueprint::{Column, Recorded, Recording};
use knockon_model::id::{ColumnId, DataId, EndpointId, RecordedId, SamplerId, ServiceId};
use std::collections::BTreeMap;

/// A table under compilation.
pub(super) struct Table<'t> {
    text: &'t str,
    origin: u32,
    /// Names of its columns.
    headers: Vec<String>,
    /// Whether it could not be read: what it lacks is no news.
    broken: bool,
}

/// What a column's cells are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Cells {
    /// Durations, in the unit that the column's name ends in.
    Times,
    /// Instants: durations that ascend.
    Instants,
    /// Whole numbers.
    Numbers,
    /// Names of the mix of the source of this number.
    Classes(u32),
}

/// A step that reads its request's row: every source whose requests come there must have one.
pub(super) struct Reading {
    pub(super) place: (ServiceId, EndpointId),
    pub(super) span: Span,
    pub(super) field: RecordedId,
    pub(super) columns: String,
}

/// Ends of the names of columns of times, and nanoseconds.
const UNITS: [(&str, u64); 4] = [("_ns", 1), ("_us", 1_000), ("_ms", 1_000_000), ("_s", 1_000_000_000)];

impl<'t> Compiler<'t> {
    /// Takes up the scenario's tables: their columns and how many rows they have.
    pub(super) fn tables(&mut self, files: &[DataFile], origins: &'t Origins) {
        for file in files {
            if let Some(refusal) = Name::refusal(&file.name) {
                self.report(file.span, refusal, None);
            }
            let text = file.origin.map_or("", |origin| origins.get(origin).text.as_str());
            let mut table =
                Table { text, origin: file.origin.unwrap_or(0), headers: Vec::new(), broken: file.origin.is_none() };
            let mut rows = 0;
            if !table.broken {
                match count(&mut table) {
                    Ok(found) => rows = found,
                    Err((span, message)) => {
                        table.broken = true;
                        self.report(span, message, None);
                    }
                }
            }
            self.tables.push(table);
            self.blueprint.recordings.tables.push(Recording { name: file.name.clone(), rows });
        }
    }

    /// A table by name.
    pub(super) fn find_table(&mut self, name: &At<Name>) -> Option<DataId> {
        if name.broken {
            return None;
        }
        let names: Vec<String> = self.blueprint.recordings.tables.iter().map(|table| table.name.clone()).collect();
        let found = names.iter().position(|known| *known == name.0);
        if found.is_none() {
            let hint = suggest::hint(&name.0, names.iter().map(String::as_str)).or(names
                .is_empty()
                .then(|| "name its file at the top: `data: {\"requests\": \"requests.csv\"}`".into()));
            self.report(name.span, format!("there is no data {:?}", name.0), hint);
        }
        found.map(|n| DataId(n as u32))
    }

    /// A column of a table; reports what is wrong with it.
    pub(super) fn column(&mut self, data: DataId, name: &At<String>, cells: Cells) -> Option<ColumnId> {
        self.column_of(data, name, cells, &BTreeMap::new())
    }

    /// The column of a mix, with positions in the mix as values, and how many requests go to each.
    pub(super) fn classes(
        &mut self,
        data: DataId,
        mix: &ColumnMix,
        source: u32,
        positions: &BTreeMap<&str, u64>,
    ) -> Option<ColumnId> {
        self.column_of(data, &mix.column, Cells::Classes(source), positions)
    }

    fn column_of(
        &mut self,
        data: DataId,
        name: &At<String>,
        cells: Cells,
        classes: &BTreeMap<&str, u64>,
    ) -> Option<ColumnId> {
        let table = &self.tables[data.index()];
        if table.broken || name.broken {
            return None;
        }
        let Some(position) = table.headers.iter().position(|header| *header == name.value) else {
            let hint = suggest::hint(name, table.headers.iter().map(String::as_str));
            let table = &self.blueprint.recordings.tables[data.index()].name;
            let message = format!("the data {table:?} has no column {:?}", name.value);
            self.report(name.span, message, hint);
            return None;
        };
        if let Some(&known) = self.columns.get(&(data, position, cells)) {
            return known;
        }
        let unit = UNITS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, nanos)| *nanos);
        let read = match (cells, unit) {
            (Cells::Times | Cells::Instants, None) => {
                let hint = "name the unit: a column of times ends in _ns, _us, _ms or _s".to_owned();
                self.report(name.span, format!("the column {:?} has no unit", name.value), Some(hint));
                return None;
            }
            (Cells::Times, Some(unit)) => values(table, position, &mut |text| time(text, unit)),
            (Cells::Instants, Some(unit)) => {
                let mut last = 0;
                values(table, position, &mut |text| {
                    let next = time(text, unit)?;
                    if next < last {
                        return Err("recorded instants must ascend".into());
                    }
                    last = next;
                    Ok(next)
                })
            }
            (Cells::Numbers, _) => values(table, position, &mut number),
            (Cells::Classes(_), _) => values(table, position, &mut |text| {
                classes.get(text).copied().ok_or_else(|| format!("the mix has no endpoint for {text:?}"))
            }),
        };
        let read = read.map_err(|(span, message)| self.report(span, message, None)).ok();
        let id = read.map(|values| {
            self.blueprint.recordings.columns.push(Column { name: name.value.clone(), values: values.into() });
            ColumnId(self.blueprint.recordings.columns.len() as u32 - 1)
        });
        self.columns.insert((data, position, cells), id);
        id
    }

    /// The duration that a step reads from its request's row; formulas see its mean.
    pub(super) fn recorded_sampler(
        &mut self,
        text: &RecordedText,
        span: Span,
        place: (ServiceId, EndpointId),
    ) -> SamplerId {
        let names: Vec<At<String>> = match &text.column.value {
            Some(column) => vec![At { value: column.clone(), span: text.column.span, broken: text.column.broken }],
            None => text.columns.value.clone(),
        };
        let field = self.recorded(&names, Cells::Times, text.factor.0, span, place);
        let recordings = &self.blueprint.recordings;
        let read = recordings.fields[field.index()].columns.iter().filter_map(|columns| columns.first());
        let (sum, count) = read.fold((0.0, 0usize), |(sum, count), column| {
            let values = &recordings.columns[column.index()].values;
            (sum + values.iter().map(|&value| value as f64).sum::<f64>(), count + values.len())
        });
        let mean = if count == 0 { 0.0 } else { sum / count as f64 * text.factor.0 };
        let sampler =
            self.add_sampler(Sampler::constant(mean).or_else(|_| Sampler::constant(0.0)).expect("0 is a value"));
        self.blueprint.recordings.samplers.push((sampler, field));
        sampler
    }

    /// The whole number that a step reads from its request's row.
    pub(super) fn recorded_number(&mut self, column: &At<String>, place: (ServiceId, EndpointId)) -> RecordedId {
        self.recorded(std::slice::from_ref(column), Cells::Numbers, 1.0, column.span, place)
    }

    /// A value of each request's row, from whichever table it comes.
    fn recorded(
        &mut self,
        names: &[At<String>],
        cells: Cells,
        factor: f64,
        span: Span,
        place: (ServiceId, EndpointId),
    ) -> RecordedId {
        let mut columns = Vec::new();
        for n in 0..self.tables.len() {
            let headers = &self.tables[n].headers;
            let has_all = names.iter().all(|name| headers.contains(&name.value));
            let found: Option<Vec<ColumnId>> = match has_all {
                true => names.iter().map(|name| self.column(DataId(n as u32), name, cells)).collect(),
                false => None,
            };
            columns.push(found.unwrap_or_default());
        }
        self.nowhere(names, span);
        let field = RecordedId(self.blueprint.recordings.fields.len() as u32);
        self.blueprint.recordings.fields.push(Recorded { columns, factor });
        let columns: Vec<String> = names.iter().map(|name| format!("{:?}", name.value)).collect();
        self.readings.push(Reading { place, span, field, columns: columns.join(", ") });
        field
    }

    /// Reports columns that no table has.
    fn nowhere(&mut self, names: &[At<String>], span: Span) {
        if self.tables.is_empty() {
            let hint = "name its file at the top: `data: {\"requests\": \"requests.csv\"}`".to_owned();
            return self.report(span, "the scenario has no data: nothing is recorded", Some(hint));
        }
        if self.tables.iter().any(|table| table.broken) {
            return;
        }
        for name in names.iter().filter(|name| !name.broken) {
            if self.tables.iter().all(|table| !table.headers.contains(&name.value)) {
                let headers = self.tables.iter().flat_map(|table| table.headers.iter().map(String::as_str));
                let hint = suggest::hint(name, headers);
                self.report(name.span, format!("no data has a column {:?}", name.value), hint);
            }
        }
    }
}

/// Reads the names of a table's columns and counts its rows.
fn count(table: &mut Table<'_>) -> Result<u32, (Span, String)> {
    let mut reader = csv::Reader::from_reader(table.text.as_bytes());
    let headers = reader.headers().map_err(|error| misread(table, &error))?.clone();
    table.headers = headers.iter().map(|header| header.trim().to_owned()).collect();
    let top = line(table, 0);
    if table.headers.iter().all(String::is_empty) {
        return Err((top, "the first line names no columns".into()));
    }
    let twice = table.headers.iter().enumerate().find(|(n, header)| table.headers[..*n].contains(header));
    if let Some((_, header)) = twice {
        return Err((top, format!("two columns are called {header:?}")));
    }
    let mut row = csv::StringRecord::new();
    let mut rows: u32 = 0;
    while reader.read_record(&mut row).map_err(|error| misread(table, &error))? {
        rows = rows.checked_add(1).ok_or_else(|| (top, "too many rows".to_owned()))?;
    }
    Ok(rows)
}

/// The values of a column.
fn values(
    table: &Table<'_>,
    position: usize,
    value: &mut dyn FnMut(&str) -> Result<u64, String>,
) -> Result<Vec<u64>, (Span, String)> {
    let mut reader = csv::Reader::from_reader(table.text.as_bytes());
    let mut row = csv::StringRecord::new();
    let mut values = Vec::new();
    while reader.read_record(&mut row).map_err(|error| misread(table, &error))? {
        let cell = &row[position];
        values.push(value(cell.trim()).map_err(|message| (place(table, &row, position), message))?);
    }
    Ok(values)
}

/// The cell of a row; the whole line where quotes have moved it.
fn place(table: &Table<'_>, row: &csv::StringRecord, position: usize) -> Span {
    let begin = row.position().map_or(0, csv::Position::byte) as usize;
    let start = begin + row.iter().take(position).map(|cell| cell.len() + 1).sum::<usize>();
    let end = start + row[position].len();
    if table.text.get(start..end) == Some(&row[position]) && end > start {
        return Span { origin: table.origin, start: start as u32, end: end as u32 };
    }
    line(table, begin)
}

/// The line that begins at a byte.
fn line(table: &Table<'_>, begin: usize) -> Span {
    let rest = table.text.get(begin..).unwrap_or("");
    let length = rest.find(['\r', '\n']).unwrap_or(rest.len());
    Span { origin: table.origin, start: begin as u32, end: (begin + length) as u32 }
}

/// What the reader of comma-separated values makes of a broken table.
fn misread(table: &Table<'_>, error: &csv::Error) -> (Span, String) {
    let begin = error.position().map_or(0, csv::Position::byte) as usize;
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} values, the table {expected_len} columns")
        }
        other => format!("the row cannot be read: {other:?}"),
    };
    (line(table, begin), message)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number"))
}

/// A plain decimal in a unit as nanoseconds, rounded once; whole numbers are exact.
fn time(text: &str, unit: u64) -> Result<u64, String> {
    let refused = || format!("{text:?} is not a number of at least zero");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return Err(refused());
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| refused())? };
    // More than eighteen digits say nothing about a nanosecond.
    let kept = &fraction[..fraction.len().min(18)];
    let parts: u128 = if kept.is_empty() { 0 } else { kept.parse().map_err(|_| refused())? };
    let scale = 10u128.pow(kept.len() as u32);
    let rest = (parts * u128::from(unit) + scale / 2) / scale;
    let nanos = u128::from(whole) * u128::from(unit) + rest;
    let longest = u128::from(Sampler::LONGEST.as_nanos());
    if nanos > longest {
        return Err(format!("{text} is longer than a hundred years"));
    }
    Ok(Duration::from_nanos(nanos as u64).as_nanos())
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn decimals_become_whole_nanoseconds() {
        assert_eq!(time("2725", 1_000), Ok(2_725_000));
        assert_eq!(time("0.0015", 1_000_000), Ok(1_500));
        assert_eq!(time(".5", 1_000_000_000), Ok(500_000_000));
        assert_eq!(time("1.0000000005", 1_000_000_000), Ok(1_000_000_001));
        assert_eq!(time("1.4", 1), Ok(1));
        assert_eq!(time("3.", 1), Ok(3));
        for bad in ["", ".", "-1", "1e3", "1,5", "NaN", "inf", "+1", "99999999999999999999"] {
            assert!(time(bad, 1_000).is_err(), "{bad}");
        }
        assert!(time("3153600001", 1_000_000_000).is_err());
    }
}
