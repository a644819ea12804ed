//! The data dictionary: every table and column in words, as `sim schema tables` prints them.

use super::{TABLES, Table};
use std::fmt::Write;

/// Describes every table: path, meaning, and each column's type, unit and meaning, in Markdown.
#[must_use]
pub fn data_dictionary() -> String {
    let mut text = String::from(
        "# Tables of a run\n\n\
         Parquet, zstd level 1. Times are UTC, where `sim run` and `sim explain` tell offsets from the\n\
         scenario's `start` ([labels.md](labels.md#times) says how to convert); a duration is a whole number of nanoseconds and named `*_ns`. Rows are in the order\n\
         of their first time. Identifiers are bytes, big-endian. A type with `?` can be null: the value does not apply.\n",
    );
    for table in TABLES {
        describe(&mut text, table);
    }
    text
}

fn describe(text: &mut String, table: &Table) {
    let line = |text: &mut String, cells: [&str; 4]| {
        let [name, kind, unit, meaning] = cells;
        writeln!(text, "| {name} | {kind} | {unit} | {meaning} |").expect("writing to a string cannot fail");
    };
    write!(text, "\n## {}\n\n{}\n\n", table.path, table.meaning).expect("writing to a string cannot fail");
    line(text, ["column", "type", "unit", "meaning"]);
    line(text, ["---", "---", "---", "---"]);
    for column in table.columns {
        let kind = format!("{}{}", column.kind.word(), if column.nullable { "?" } else { "" });
        line(text, [&format!("`{}`", column.name), &kind, column.unit, column.meaning]);
    }
}
