//! The digest of a table: a hash of its decoded values, column by column.
//!
//! It does not depend on batches, row groups, parts, threads, compression or the order in which a dictionary was filled,
//! so it stays the same when a library writes the same values as other bytes. Numbers are hashed as little-endian bytes, words by
//! their own hashes, a missing value as one that no present value has. XXH3, 128 bits: it finds differences, it is no signature.

use crate::tables::Table;
use arrow::array::{Array, AsArray, PrimitiveArray, RecordBatch};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt16Type, UInt32Type,
    UInt64Type,
};
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
    columns: Vec<xxhash3_128::Hasher>,
    rows: u64,
    scratch: Vec<u8>,
}

impl TableDigest {
    pub(crate) fn new(table: &'static Table) -> Self {
        let columns = table.columns.iter().map(|_| xxhash3_128::Hasher::new()).collect();
        Self { table, columns, rows: 0, scratch: Vec::new() }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) fn update(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for (digest, array) in self.columns.iter_mut().zip(batch.columns()) {
            self.scratch.clear();
            values(array.as_ref(), &mut self.scratch);
            digest.write(&self.scratch);
        }
    }

    pub(crate) fn finish(&self) -> Digest {
        let mut whole = xxhash3_128::Hasher::new();
        whole.write(&self.rows.to_le_bytes());
        for (column, digest) in self.table.columns.iter().zip(&self.columns) {
            whole.write(column.name.as_bytes());
            whole.write(&[0]);
            whole.write(&digest.finish_128().to_le_bytes());
        }
        Digest(whole.finish_128())
    }
}

impl fmt::Debug for TableDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableDigest").field("table", &self.table.path).field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// What stands for a missing number: no instant, duration, status or count is that small or large.
const MISSING_NUMBER: i64 = i64::MIN;

/// What stands for a missing word or text: no word's hash, but with a chance of 2⁻⁶⁴.
const MISSING_WORD: [u8; 8] = [0; 8];

/// Appends the bytes of all values.
fn values(array: &dyn Array, out: &mut Vec<u8>) {
    match array.data_type() {
        DataType::Int64 => numbers(array.as_primitive::<Int64Type>(), out, |value| value),
        DataType::Timestamp(..) => numbers(array.as_primitive::<TimestampNanosecondType>(), out, |value| value),
        DataType::UInt16 => numbers(array.as_primitive::<UInt16Type>(), out, i64::from),
        DataType::UInt32 => numbers(array.as_primitive::<UInt32Type>(), out, i64::from),
        DataType::UInt64 => numbers(array.as_primitive::<UInt64Type>(), out, u64::cast_signed),
        DataType::Float64 => numbers(array.as_primitive::<Float64Type>(), out, |value| value.to_bits().cast_signed()),
        DataType::Boolean => {
            let array = array.as_boolean();
            assert!(array.nulls().is_none(), "no table has a column of yes, no and unknown");
            eight_bytes(out, array.len(), |row| u64::from(array.value(row)).to_le_bytes());
        }
        DataType::FixedSizeBinary(width) => {
            let array = array.as_fixed_size_binary();
            match array.nulls() {
                None => out.extend_from_slice(array.value_data()),
                Some(nulls) if nulls.null_count() == array.len() => {
                    out.resize(out.len() + array.len() * usize::try_from(*width).expect("widths are positive"), 0);
                }
                // Zero is nobody's identifier.
                Some(_) => {
                    let missing = vec![0; usize::try_from(*width).expect("widths are positive")];
                    array.iter().for_each(|value| out.extend_from_slice(value.unwrap_or(&missing)));
                }
            }
        }
        DataType::Utf8 => array.as_string::<i32>().iter().flatten().for_each(|text| push_text(text, out)),
        DataType::Dictionary(..) => {
            let array = array.as_dictionary::<Int32Type>();
            let words = array.values().as_string::<i32>();
            let hash = |word: Option<&str>| XxHash3_64::oneshot(word.unwrap_or_default().as_bytes()).to_le_bytes();
            let hashes: Vec<[u8; 8]> = words.iter().map(hash).collect();
            let keys = array.keys();
            eight_bytes(out, keys.len(), |row| {
                if keys.is_null(row) { MISSING_WORD } else { hashes[keys.value(row) as usize] }
            });
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

fn numbers<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, out: &mut Vec<u8>, widen: impl Fn(T::Native) -> i64) {
    let values = array.values();
    match array.nulls() {
        None => eight_bytes(out, values.len(), |row| widen(values[row]).to_le_bytes()),
        Some(nulls) => eight_bytes(out, values.len(), |row| {
            if nulls.is_valid(row) { widen(values[row]) } else { MISSING_NUMBER }.to_le_bytes()
        }),
    }
}

/// Appends eight bytes a row, without asking for room at each.
fn eight_bytes(out: &mut Vec<u8>, rows: usize, value: impl Fn(usize) -> [u8; 8]) {
    let begin = out.len();
    out.resize(begin + 8 * rows, 0);
    for (row, bytes) in out[begin..].chunks_exact_mut(8).enumerate() {
        bytes.copy_from_slice(&value(row));
    }
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}
