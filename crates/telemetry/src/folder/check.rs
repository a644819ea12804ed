//! Reads a finished run's tables back and holds their values against the manifest.

use super::{Manifest, read_manifest};
use crate::error::{Error, Result};
use crate::tables::{TABLES, Table};
use crate::writer::digest::TableDigest;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;

/// Decodes every table of a run and compares rows and digests with its manifest, which it returns.
///
/// # Errors
/// If a table cannot be read, or has other values than were written.
pub fn check_tables(run: &Path) -> Result<Manifest> {
    let manifest = read_manifest(run)?;
    for table in TABLES {
        if let Some(expected) = manifest.tables.get(table.path) {
            let folder = run.join(table.path);
            let digest = read(table, &folder, expected.parts)?;
            let found = (digest.rows(), digest.finish().to_string());
            if found != (expected.rows, expected.digest.clone()) {
                let words = |(rows, digest): (u64, String)| format!("{rows} rows with digest {digest}");
                let expected = words((expected.rows, expected.digest.clone()));
                return Err(Error::Altered { path: folder, found: words(found), expected });
            }
        }
    }
    Ok(manifest)
}

fn read(table: &'static Table, folder: &Path, parts: u32) -> Result<TableDigest> {
    let mut digest = TableDigest::new(table);
    let schema = table.schema();
    for part in 0..parts {
        let path = folder.join(format!("part-{part:05}.parquet"));
        let refused = |message: String| Error::Encoding { path: path.clone(), message };
        let file = File::open(&path).map_err(|source| Error::io("open", &path, source))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| refused(error.to_string()))?;
        let columns = |schema: &arrow::datatypes::Schema| {
            schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect::<Vec<_>>()
        };
        if columns(builder.schema()) != columns(&schema) {
            return Err(Error::Altered {
                path,
                found: "other columns".into(),
                expected: "those of this version".into(),
            });
        }
        for batch in builder.build().map_err(|error| refused(error.to_string()))? {
            digest.update(&batch.map_err(|error| refused(error.to_string()))?);
        }
    }
    Ok(digest)
}
