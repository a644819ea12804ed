//! A flat Parquet table, compressed with snappy, column by column.

use crate::error::{Error, Result};
use crate::target::Output;
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows that are collected before they are encoded.
const BATCH: usize = 8192;
/// Rows of a row group.
const GROUP: usize = 1 << 18;

/// A value of a row; none is missing, since what reads such tables takes a missing one for a number that is none.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Text(String),
    Whole(i64),
    Real(f64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

/// A table on its way.
pub(super) struct Flat<'a> {
    writer: ArrowWriter<Output<'a>>,
    path: PathBuf,
    schema: Arc<Schema>,
    rows: Vec<Vec<Cell>>,
    count: u64,
}

impl<'a> Flat<'a> {
    /// Begins a table whose columns are named, each with a value of its type.
    pub(super) fn begin(file: Output<'a>, columns: &[(String, Cell)]) -> Result<Self> {
        let field = |(name, like): &(String, Cell)| {
            let kind = match like {
                Cell::Text(_) => DataType::Utf8,
                Cell::Whole(_) => DataType::Int64,
                Cell::Real(_) => DataType::Float64,
            };
            Field::new(name, kind, false)
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by("knockon".to_owned())
            .set_max_row_group_row_count(Some(GROUP))
            .build();
        let path = file.path().to_owned();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties));
        let writer = writer.map_err(|error| Error::io("write", &path, io::Error::other(error)))?;
        Ok(Self { writer, path, schema, rows: Vec::with_capacity(BATCH), count: 0 })
    }

    /// Adds a row, with a value for each column.
    pub(super) fn row(&mut self, row: Vec<Cell>) -> Result<()> {
        debug_assert_eq!(row.len(), self.schema.fields().len());
        self.rows.push(row);
        self.count += 1;
        if self.rows.len() == BATCH { self.encode() } else { Ok(()) }
    }

    fn encode(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let column = |(place, field): (usize, &Arc<Field>)| -> ArrayRef {
            let cells = rows.iter().map(|row| &row[place]);
            match field.data_type() {
                DataType::Utf8 => Arc::new(StringArray::from_iter_values(cells.map(|cell| match cell {
                    Cell::Text(text) => text.as_str(),
                    other => panic!("{} is no text: {other:?}", field.name()),
                }))),
                DataType::Int64 => Arc::new(Int64Array::from_iter_values(cells.map(|cell| match cell {
                    Cell::Whole(number) => *number,
                    other => panic!("{} is no whole number: {other:?}", field.name()),
                }))),
                _ => Arc::new(Float64Array::from_iter_values(cells.map(|cell| match cell {
                    Cell::Real(number) => *number,
                    other => panic!("{} is no real number: {other:?}", field.name()),
                }))),
            }
        };
        let columns = self.schema.fields().iter().enumerate().map(column).collect();
        let written = RecordBatch::try_new(self.schema.clone(), columns).map_err(io::Error::other);
        let written = written.and_then(|batch| self.writer.write(&batch).map_err(io::Error::other));
        written.map_err(|error| Error::io("write", &self.path, error))
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<()> {
        self.encode()?;
        let Self { writer, path, count, .. } = self;
        let mut file = writer.into_inner().map_err(|error| Error::io("write", &path, io::Error::other(error)))?;
        file.count(count);
        file.finish()
    }
}
