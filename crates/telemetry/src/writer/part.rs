//! One Parquet file: encodings by the kind of column, zstd level 1, row groups of one fixed size.
//!
//! Identifiers and durations hardly repeat: a dictionary would be tried, filled and dropped. Times ascend: they are
//! written as differences. Deliberately not here: which rows, and when a new part begins.

use crate::error::{Error, Result};
use crate::folder::{FileSystem, OutputFile};
use crate::tables::{Kind, Table};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::io;
use std::path::{Path, PathBuf};

/// Rows of a row group. Encoded and compressed, a group of any table stays below 10 MiB of memory.
pub(super) const GROUP_ROWS: usize = 131_072;

/// A part that is being written.
pub(super) struct Part {
    path: PathBuf,
    writer: ArrowWriter<Box<dyn OutputFile>>,
}

impl Part {
    pub(super) fn create(files: &dyn FileSystem, path: PathBuf, table: &Table, schema: SchemaRef) -> Result<Self> {
        let file = files.create_file(&path).map_err(|source| Error::io("create", &path, source))?;
        let writer =
            ArrowWriter::try_new(file, schema, Some(properties(table))).map_err(|error| failed(&path, error))?;
        Ok(Self { path, writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|error| failed(&self.path, error))
    }

    /// Writes the footer and waits until the disk has it; returns the file's bytes.
    pub(super) fn close(mut self) -> Result<u64> {
        self.writer.finish().map_err(|error| failed(&self.path, error))?;
        let bytes = self.writer.bytes_written() as u64;
        self.writer.inner_mut().synchronise().map_err(|source| Error::io("synchronise", &self.path, source))?;
        Ok(bytes)
    }
}

fn properties(table: &Table) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("knockon ", env!("CARGO_PKG_VERSION")).into())
        .set_key_value_metadata(Some(vec![KeyValue::new("knockon.table".to_owned(), table.path.to_owned())]))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1")))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(GROUP_ROWS));
    for column in table.columns {
        let path = || column.name.into();
        match column.kind {
            Kind::Id(width) => {
                // The smallest and the largest of random numbers tell a reader nothing.
                properties = properties
                    .set_column_dictionary_enabled(path(), false)
                    .set_column_statistics_enabled(path(), EnabledStatistics::None);
                // The 8-byte identifiers are hashes that do not repeat; the 16-byte ones come in runs of a trace's spans.
                if width == 8 {
                    properties = properties.set_column_compression(path(), Compression::UNCOMPRESSED);
                }
            }
            Kind::Time => {
                properties = properties
                    .set_column_dictionary_enabled(path(), false)
                    .set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED);
            }
            Kind::Nanoseconds | Kind::Text | Kind::U64 => {
                properties = properties.set_column_dictionary_enabled(path(), false);
            }
            Kind::Word | Kind::U16 | Kind::U32 | Kind::F64 | Kind::Bool | Kind::WordMap => {}
        }
    }
    properties.build()
}

/// Parquet wraps what the file system said; the user needs that, not the wrapping.
fn failed(path: &Path, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => Error::io("write", path, *source),
            Err(other) => Error::Encoding { path: path.into(), message: other.to_string() },
        },
        other => Error::Encoding { path: path.into(), message: other.to_string() },
    }
}
