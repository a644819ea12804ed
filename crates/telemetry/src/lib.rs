//! Records to tables: Parquet parts, staged and renamed, with a manifest.
