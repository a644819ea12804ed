//! Recorded data: columns of values that were measured elsewhere. Row n belongs to request n of a source.
//!
//! Arrivals, the endpoint of a request, durations of its steps and its cache key can be read from its row, at whatever depth of
//! calls they are needed. Columns are shared between worlds, never changed. Not here: files and their formats, which the
//! scenario crate reads.

use crate::id::{ColumnId, DataId, RecordedId, SamplerId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Everything recorded that a world reads.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recordings {
    /// Tables named by [`DataId`], in name order.
    pub tables: Vec<Recording>,
    /// Their columns, named by [`ColumnId`]; those that nothing reads are not kept.
    pub columns: Vec<Column>,
    /// What is read of a request's row, named by [`RecordedId`].
    pub fields: Vec<Recorded>,
    /// Durations that are read from the row. The sampler of that number stands for them in formulas, where a mean is asked for,
    /// and for requests without a row.
    pub samplers: Vec<(SamplerId, RecordedId)>,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u32,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// A value for each row: nanoseconds, a number, or the position of a class in its source's mix.
    pub values: Values,
}

/// Values that clones share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Values(Arc<[u64]>);

impl From<Vec<u64>> for Values {
    fn from(values: Vec<u64>) -> Self {
        Self(values.into())
    }
}

impl From<Values> for Vec<u64> {
    fn from(values: Values) -> Self {
        values.0.to_vec()
    }
}

impl std::ops::Deref for Values {
    type Target = [u64];
    fn deref(&self) -> &[u64] {
        &self.0
    }
}

/// What is read of a request's row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// By [`DataId`]: one column for each attempt of a call, further attempts read the last. None where a table has no such column.
    pub columns: Vec<Vec<ColumnId>>,
    /// Multiplies durations; 1 is exact.
    pub factor: f64,
}

/// The table whose rows belong to a source's requests. A source ends with its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Table.
    pub data: DataId,
    /// The column that names each request's part of the mix; without one it is drawn by weight.
    pub classes: Option<ColumnId>,
}

impl Recordings {
    /// Whether a source's rows have ended before its request of this number, counted from 1.
    #[must_use]
    pub fn ends_before(&self, rows: Rows, number: u64) -> bool {
        number > u64::from(self.tables[rows.data.index()].rows)
    }

    /// The value of a request's row for an attempt, numbered from 1.
    #[must_use]
    pub fn value(&self, field: RecordedId, data: DataId, row: u32, attempt: u16) -> Option<u64> {
        let columns = self.fields[field.index()].columns.get(data.index())?;
        let column = columns.get(usize::from(attempt).saturating_sub(1)).or(columns.last())?;
        self.columns[column.index()].values.get(row as usize).copied()
    }
}
