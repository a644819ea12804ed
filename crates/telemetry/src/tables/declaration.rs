//! What a table is: its path in a run folder, its meaning, and its columns in order.
//!
//! A declaration is the only place that says so. The Arrow schema with its field metadata, the Parquet encodings and the
//! data dictionary are all derived from it. Deliberately not here: where the values come from (each table's own file).

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use std::collections::HashMap;
use std::sync::Arc;

/// A table of a run folder.
#[derive(Debug)]
pub struct Table {
    /// Folder of its parts, relative to the run folder: `observed/spans`.
    pub path: &'static str,
    /// What one row is.
    pub meaning: &'static str,
    /// Columns, in order.
    pub columns: &'static [Column],
}

/// A column of a table.
#[derive(Debug)]
pub struct Column {
    /// Name. One name has one meaning in all tables.
    pub name: &'static str,
    /// Type, and with it the encoding.
    pub kind: Kind,
    /// Whether a value can be missing.
    pub nullable: bool,
    /// Unit by UCUM; empty where there is none.
    pub unit: &'static str,
    /// What the value means.
    pub meaning: &'static str,
}

/// Types of columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An identifier of so many bytes, big-endian.
    Id(i32),
    /// An instant: nanoseconds since the Unix epoch, UTC.
    Time,
    /// A duration in nanoseconds.
    Nanoseconds,
    /// A word out of few: a dictionary.
    Word,
    /// A text that seldom repeats.
    Text,
    /// A small unsigned number.
    U16,
    /// An unsigned number.
    U32,
    /// A large unsigned number.
    U64,
    /// A real number.
    F64,
    /// Yes or no.
    Bool,
    /// Pairs of text, ascending by key.
    WordMap,
}

impl Kind {
    /// The Arrow type.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Id(width) => DataType::FixedSizeBinary(width),
            Self::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Self::Nanoseconds => DataType::Int64,
            Self::Word => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Self::Text => DataType::Utf8,
            Self::U16 => DataType::UInt16,
            Self::U32 => DataType::UInt32,
            Self::U64 => DataType::UInt64,
            Self::F64 => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::WordMap => DataType::Map(
                Arc::new(Field::new(
                    "key_value",
                    DataType::Struct(
                        vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, false)]
                            .into(),
                    ),
                    false,
                )),
                true,
            ),
        }
    }

    /// The type in the data dictionary's words.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Id(width) => format!("binary[{width}]"),
            Self::Time => "timestamp(ns, UTC)".into(),
            Self::Nanoseconds => "int64".into(),
            Self::Word => "dictionary(string)".into(),
            Self::Text => "string".into(),
            Self::U16 => "uint16".into(),
            Self::U32 => "uint32".into(),
            Self::U64 => "uint64".into(),
            Self::F64 => "float64".into(),
            Self::Bool => "boolean".into(),
            Self::WordMap => "map(string, string)".into(),
        }
    }
}

impl Table {
    /// The Arrow schema, each field with its meaning and unit as metadata.
    #[must_use]
    pub fn schema(&self) -> Schema {
        let field = |column: &Column| {
            let mut metadata = HashMap::from([("meaning".to_owned(), column.meaning.to_owned())]);
            if !column.unit.is_empty() {
                metadata.insert("unit".to_owned(), column.unit.to_owned());
            }
            Field::new(column.name, column.kind.data_type(), column.nullable).with_metadata(metadata)
        };
        Schema::new(self.columns.iter().map(field).collect::<Vec<_>>())
    }
}

/// A column that always has a value.
pub(super) const fn required(name: &'static str, kind: Kind, unit: &'static str, meaning: &'static str) -> Column {
    Column { name, kind, nullable: false, unit, meaning }
}

/// A column whose value can be missing.
pub(super) const fn optional(name: &'static str, kind: Kind, unit: &'static str, meaning: &'static str) -> Column {
    Column { name, kind, nullable: true, unit, meaning }
}
