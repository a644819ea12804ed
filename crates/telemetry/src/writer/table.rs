//! One table on its way to disk: records are gathered to chunks, encoded, hashed and written to parts.
//!
//! Chunks have one size whatever the batches were, so pages, row groups and bytes do not depend on them either.

use super::digest::{Digest, TableDigest};
use super::part::{GROUP_ROWS, Part};
use crate::error::{Error, Result};
use crate::folder::FileSystem;
use crate::tables::{Encoder, Table};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are encoded at a time; divides a row group.
const CHUNK_ROWS: usize = 8_192;
const _: () = assert!(GROUP_ROWS.is_multiple_of(CHUNK_ROWS));

/// Rows of a part. What its footer will say is held in memory until it is closed, so parts do not grow without end.
const PART_ROWS: u64 = 16 * GROUP_ROWS as u64;

/// What was written of a table.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) table: &'static Table,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) parts: u32,
    pub(crate) digest: Digest,
}

/// The parts of one table.
pub(super) struct Parts {
    files: Arc<dyn FileSystem>,
    folder: PathBuf,
    table: &'static Table,
    schema: SchemaRef,
    open: Part,
    parts: u32,
    rows_in_part: u64,
    bytes: u64,
    digest: TableDigest,
}

impl Parts {
    /// Creates the table's folder in the run folder, and the first part: a table without rows still has a file to read.
    pub(super) fn create(files: &Arc<dyn FileSystem>, run: &Path, table: &'static Table) -> Result<Self> {
        let folder = run.join(table.path);
        files.create_folder(&folder).map_err(|source| Error::io("create", &folder, source))?;
        let schema = Arc::new(table.schema());
        let open = Part::create(files.as_ref(), folder.join(part_name(0)), table, Arc::clone(&schema))?;
        let files = Arc::clone(files);
        Ok(Self {
            files,
            folder,
            table,
            schema,
            open,
            parts: 1,
            rows_in_part: 0,
            bytes: 0,
            digest: TableDigest::new(table),
        })
    }

    pub(super) fn write(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .expect("an encoder follows its table's declaration");
        if self.rows_in_part >= PART_ROWS {
            let path = self.folder.join(part_name(self.parts));
            let next = Part::create(self.files.as_ref(), path, self.table, Arc::clone(&self.schema))?;
            self.bytes += std::mem::replace(&mut self.open, next).close()?;
            self.parts += 1;
            self.rows_in_part = 0;
        }
        self.rows_in_part += batch.num_rows() as u64;
        self.digest.update(&batch);
        self.open.write(&batch)
    }

    pub(super) fn close(mut self) -> Result<Written> {
        self.bytes += self.open.close()?;
        let (rows, digest) = (self.digest.rows(), self.digest.finish());
        Ok(Written { table: self.table, rows, bytes: self.bytes, parts: self.parts, digest })
    }
}

fn part_name(number: u32) -> String {
    format!("part-{number:05}.parquet")
}

/// A table that records stream into.
pub(super) struct Stream<E: Encoder> {
    encoder: E,
    chunk: Vec<E::Record>,
    parts: Parts,
}

impl<E: Encoder> Stream<E> {
    pub(super) fn create(files: &Arc<dyn FileSystem>, run: &Path, encoder: E) -> Result<Self> {
        Ok(Self { encoder, chunk: Vec::with_capacity(CHUNK_ROWS), parts: Parts::create(files, run, E::TABLE)? })
    }

    #[inline]
    pub(super) fn push(&mut self, record: &E::Record) -> Result<()> {
        self.chunk.push(*record);
        if self.chunk.len() == CHUNK_ROWS { self.flush() } else { Ok(()) }
    }

    pub(super) fn extend(&mut self, records: &[E::Record]) -> Result<()> {
        records.iter().try_for_each(|record| self.push(record))
    }

    fn flush(&mut self) -> Result<()> {
        let columns = self.encoder.encode(&self.chunk);
        self.chunk.clear();
        self.parts.write(columns)
    }

    pub(super) fn close(mut self) -> Result<Written> {
        if !self.chunk.is_empty() {
            self.flush()?;
        }
        self.parts.close()
    }
}
