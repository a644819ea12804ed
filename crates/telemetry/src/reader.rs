//! A finished run, read back: its manifest, its documents of truth, and chosen columns of its tables, batch by batch.
//!
//! Values come as plain numbers and text, by row and by the place of a column among those that were asked for, so that nobody else needs to
//! know Arrow. Deliberately not here: what rows mean, and whether they are what the manifest says (`check_tables`).

use crate::error::{Error, Result};
use crate::folder::{Manifest, read_manifest};
use crate::tables::{TABLES, Table};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt16Type, UInt32Type, UInt64Type,
};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 8192;

/// A run's folder.
#[derive(Clone, Debug)]
pub struct RunReader {
    folder: PathBuf,
    manifest: Manifest,
}

impl RunReader {
    /// Opens a finished run.
    ///
    /// # Errors
    /// If there is no manifest, or none that this version reads.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self { folder: folder.into(), manifest: read_manifest(folder)? })
    }

    /// Where it lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it is made of.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether it has a table, be it without rows: `truth/effects`.
    #[must_use]
    pub fn has(&self, table: &str) -> bool {
        self.manifest.tables.contains_key(table)
    }

    /// The bytes of a file in its folder, such as `truth/incidents.json`; `None` if there is no such file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn document(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path, error)),
        }
    }

    /// Reads columns of a table, in the order of its rows. A table that the run does not have has no rows.
    ///
    /// # Errors
    /// If a file cannot be read, or has no such columns; later, if a batch cannot be decoded.
    pub fn read(&self, table: &str, columns: &[&str]) -> Result<Batches> {
        let parts = self.manifest.tables.get(table).map_or(0, |summary| summary.parts);
        let folder = self.folder.join(table);
        let paths = (0..parts).map(|part| folder.join(format!("part-{part:05}.parquet"))).collect::<Vec<_>>();
        let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
        let declared = TABLES.into_iter().find(|declared| declared.path == table);
        let mut batches = Batches { paths: paths.into_iter(), declared, columns, current: None };
        batches.next_part()?;
        Ok(batches)
    }
}

/// Rows of a table, some at a time.
#[derive(Debug)]
pub struct Batches {
    paths: std::vec::IntoIter<PathBuf>,
    declared: Option<&'static Table>,
    columns: Vec<String>,
    current: Option<(PathBuf, ParquetRecordBatchReader)>,
}

impl Batches {
    fn next_part(&mut self) -> Result<()> {
        self.current = None;
        let Some(path) = self.paths.next() else { return Ok(()) };
        let file = File::open(&path).map_err(|source| Error::io("open", &path, source))?;
        let refused = |error: &dyn std::fmt::Display| altered(&path, error);
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| refused(&error))?;
        // What is declared is what can be read; of a table of another version only what it has as it is declared.
        let is_declared = |name: &String| {
            let kind = self.declared?.columns.iter().find(|column| column.name == name)?.kind;
            (builder.schema().field_with_name(name).ok()?.data_type() == &kind.data_type()).then_some(())
        };
        if let Some(missing) = self.columns.iter().find(|&column| is_declared(column).is_none()) {
            return Err(altered(&path, &format!("no column `{missing}` as it should be")));
        }
        let roots = builder.parquet_schema().root_schema().get_fields().iter().enumerate();
        let chosen = roots.filter(|(_, field)| self.columns.iter().any(|column| column == field.name()));
        let mask = ProjectionMask::roots(builder.parquet_schema(), chosen.map(|(place, _)| place).collect::<Vec<_>>());
        let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
        self.current = Some((path.clone(), reader.map_err(|error| refused(&error))?));
        Ok(())
    }
}

fn altered(path: &Path, found: &dyn std::fmt::Display) -> Error {
    Error::Altered { path: path.into(), found: found.to_string(), expected: "a table of this version".into() }
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (path, reader) = self.current.as_mut()?;
            match reader.next() {
                Some(Ok(batch)) => {
                    let column = |name: &String| batch.column_by_name(name).cloned();
                    let columns = self.columns.iter().map(column).collect::<Option<Vec<_>>>();
                    return Some(
                        columns
                            .map(|columns| Batch { columns, rows: batch.num_rows() })
                            .ok_or_else(|| altered(path, &"other columns")),
                    );
                }
                Some(Err(error)) => return Some(Err(altered(path, &error))),
                None => {
                    if let Err(error) = self.next_part() {
                        return Some(Err(error));
                    }
                }
            }
        }
    }
}

/// Some rows of chosen columns. A column's place is that among those that were asked for.
///
/// Each way to read a value gives `None` where it is missing.
///
/// # Panics
/// If a column or row is not there, or the column is declared to be of another type.
#[derive(Clone, Debug)]
pub struct Batch {
    columns: Vec<ArrayRef>,
    rows: usize,
}

impl Batch {
    /// How many rows there are.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// A word or text.
    #[must_use]
    pub fn text(&self, column: usize, row: usize) -> Option<&str> {
        let array = self.present(column, row)?;
        match array.data_type() {
            DataType::Dictionary(..) => {
                let words = array.as_dictionary::<Int32Type>();
                Some(words.values().as_string::<i32>().value(words.keys().value(row) as usize))
            }
            _ => Some(array.as_string::<i32>().value(row)),
        }
    }

    /// An instant (nanoseconds since the Unix epoch, UTC), a duration, or any other whole number.
    #[must_use]
    pub fn integer(&self, column: usize, row: usize) -> Option<i64> {
        let array = self.present(column, row)?;
        Some(match array.data_type() {
            DataType::Timestamp(..) => array.as_primitive::<TimestampNanosecondType>().value(row),
            DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
            DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
            DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).cast_signed(),
            _ => array.as_primitive::<Int64Type>().value(row),
        })
    }

    /// A real number.
    #[must_use]
    pub fn real(&self, column: usize, row: usize) -> Option<f64> {
        self.present(column, row).map(|array| array.as_primitive::<Float64Type>().value(row))
    }

    /// Yes or no.
    #[must_use]
    pub fn answer(&self, column: usize, row: usize) -> Option<bool> {
        self.present(column, row).map(|array| array.as_boolean().value(row))
    }

    /// An identifier, as its number.
    #[must_use]
    pub fn id(&self, column: usize, row: usize) -> Option<u128> {
        let bytes = self.present(column, row)?.as_fixed_size_binary().value(row);
        Some(bytes.iter().fold(0, |number, &byte| number << 8 | u128::from(byte)))
    }

    /// The keys and values of a map, in their order; none where it is missing.
    pub fn pairs(&self, column: usize, row: usize) -> impl Iterator<Item = (&str, &str)> {
        let map = self.present(column, row).map(|array| array.as_map());
        map.into_iter().flat_map(move |map| {
            let offsets = map.value_offsets();
            let (keys, values) = (map.keys().as_string::<i32>(), map.values().as_string::<i32>());
            (offsets[row] as usize..offsets[row + 1] as usize).map(|at| (keys.value(at), values.value(at)))
        })
    }

    fn present(&self, column: usize, row: usize) -> Option<&ArrayRef> {
        let array = &self.columns[column];
        array.is_valid(row).then_some(array)
    }
}
