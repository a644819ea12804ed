//! The digest of a table: a hash of its decoded values, column by column.
//!
//! It does not depend on batches, row groups, parts, threads, compression or the order in which a dictionary was filled,
//! so it stays the same when a library writes the same values as other bytes. Values are hashed as little-endian numbers, words by their
//! own hashes; missing values by a bit stream beside the others. XXH3, 128 bits: it finds differences, it is no signature.

use super::super::tables::Table;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type};
use std::fmt;
use twox_hash::{XxHash3_64, xxhash3_128};

/// A 128-bit digest, shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The digest of some bytes: of a document.
pub(crate) fn of_bytes(bytes: &[u8]) -> Digest {
    Digest(xxhash3_128::Hasher::oneshot(bytes))
}

/// The running digest of a table.
pub(crate) struct TableDigest {
    table: &'static Table,
    columns: Vec<ColumnDigest>,
    rows: u64,
    scratch: Vec<u8>,
}

struct ColumnDigest {
    values: xxhash3_128::Hasher,
    presence: xxhash3_128::Hasher,
}

impl TableDigest {
    pub(crate) fn new(table: &'static Table) -> Self {
        let column = || ColumnDigest { values: xxhash3_128::Hasher::new(), presence: xxhash3_128::Hasher::new() };
        Self { table, columns: table.columns.iter().map(|_| column()).collect(), rows: 0, scratch: Vec::new() }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) fn update(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for (digest, array) in self.columns.iter_mut().zip(batch.columns()) {
            self.scratch.clear();
            values(array.as_ref(), &mut self.scratch);
            digest.values.write(&self.scratch);
            // A column that may be null says so for every row, so that no nulls and no column differ.
            if let Some(nulls) = array.logical_nulls() {
                self.scratch.clear();
                self.scratch.extend(nulls.iter().map(u8::from));
                digest.presence.write(&self.scratch);
            } else {
                self.scratch.clear();
                self.scratch.resize(array.len(), 1);
                digest.presence.write(&self.scratch);
            }
        }
    }

    pub(crate) fn finish(&self) -> Digest {
        let mut whole = xxhash3_128::Hasher::new();
        whole.write(&self.rows.to_le_bytes());
        for (column, digest) in self.table.columns.iter().zip(&self.columns) {
            whole.write(column.name.as_bytes());
            whole.write(&[0]);
            whole.write(&digest.values.finish_128().to_le_bytes());
            whole.write(&digest.presence.finish_128().to_le_bytes());
        }
        Digest(whole.finish_128())
    }
}

impl fmt::Debug for TableDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableDigest").field("table", &self.table.path).field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// Appends the bytes of all values that are not missing.
fn values(array: &dyn Array, out: &mut Vec<u8>) {
    use arrow::datatypes::{Float64Type, Int64Type, TimestampNanosecondType, UInt16Type, UInt32Type};
    macro_rules! numbers {
        ($kind:ty) => {{
            let array = array.as_primitive::<$kind>();
            match array.nulls().filter(|nulls| nulls.null_count() > 0) {
                None => out.extend(array.values().iter().flat_map(|value| value.to_le_bytes())),
                Some(_) => out.extend(array.iter().flatten().flat_map(|value| value.to_le_bytes())),
            }
        }};
    }
    match array.data_type() {
        DataType::Int64 => numbers!(Int64Type),
        DataType::Timestamp(..) => numbers!(TimestampNanosecondType),
        DataType::UInt16 => numbers!(UInt16Type),
        DataType::UInt32 => numbers!(UInt32Type),
        DataType::Float64 => numbers!(Float64Type),
        DataType::FixedSizeBinary(_) => {
            let array = array.as_fixed_size_binary();
            match array.nulls().filter(|nulls| nulls.null_count() > 0) {
                None => out.extend_from_slice(array.value_data()),
                Some(_) => array.iter().flatten().for_each(|value| out.extend_from_slice(value)),
            }
        }
        DataType::Utf8 => array.as_string::<i32>().iter().flatten().for_each(|text| push_text(text, out)),
        DataType::Dictionary(..) => {
            let array = array.as_dictionary::<Int32Type>();
            let words = array.values().as_string::<i32>();
            let hashes: Vec<[u8; 8]> = words
                .iter()
                .map(|word| XxHash3_64::oneshot(word.unwrap_or_default().as_bytes()).to_le_bytes())
                .collect();
            match array.keys().nulls().filter(|nulls| nulls.null_count() > 0) {
                None => array.keys().values().iter().for_each(|&key| out.extend_from_slice(&hashes[key as usize])),
                Some(_) => array.keys().iter().flatten().for_each(|key| out.extend_from_slice(&hashes[key as usize])),
            }
        }
        DataType::Map(..) => {
            let array = array.as_map();
            for row in 0..array.len() {
                let entries = array.value(row);
                out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
                let (keys, labels) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
                for entry in 0..entries.len() {
                    push_text(keys.value(entry), out);
                    push_text(labels.value(entry), out);
                }
            }
        }
        other => unreachable!("no table has a column of {other}"),
    }
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}
