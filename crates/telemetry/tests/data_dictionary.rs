//! The data dictionary in the project's docs is the one that the declarations give, and it says what a reader needs.

use knockon_model::record::Part;
use knockon_telemetry::{Kind, TABLES, data_dictionary};
use std::collections::BTreeMap;
use std::path::Path;

/// `KNOCKON_BLESS=1 cargo test` writes the page anew.
#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tables.md");
    if std::env::var_os("KNOCKON_BLESS").is_some() {
        std::fs::write(&path, data_dictionary()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == data_dictionary(), "docs/tables.md is not what the tables say; refresh it with KNOCKON_BLESS=1");
}

#[test]
fn one_name_has_one_meaning() {
    let mut seen = BTreeMap::new();
    for column in TABLES.iter().flat_map(|table| table.columns) {
        let kind = *seen.entry(column.name).or_insert(column.kind);
        // `kind` and `name` are of what the row is; all else is one thing everywhere.
        assert!(kind == column.kind, "{} is {} here and {} there", column.name, kind.word(), column.kind.word());
    }
}

#[test]
fn columns_are_described_and_units_are_in_names() {
    for table in TABLES {
        assert!(table.path.starts_with("observed/") || table.path.starts_with("truth/"));
        for column in table.columns {
            let name = format!("{}.{}", table.path, column.name);
            assert!(column.meaning.ends_with(['.', '…']), "{name} has no sentence");
            assert_eq!(column.name.ends_with("_ns"), column.kind == Kind::Nanoseconds, "{name}");
            assert!(!column.name.ends_with("_ns") || column.unit == "ns", "{name}");
        }
    }
}

#[test]
fn effects_have_a_difference_for_every_part_in_order() {
    let effects = TABLES.iter().find(|table| table.path == "truth/effects").unwrap();
    let whole = effects.columns.iter().position(|column| column.name == "difference_ns").unwrap();
    let parts: Vec<_> = effects.columns[whole + 1..][..Part::COUNT].iter().map(|column| column.name).collect();
    let expected = Part::ALL.map(|part| part.column().replace("_ns", "_difference_ns"));
    assert_eq!(parts, expected);
}

#[test]
fn the_ledger_has_every_part_in_order() {
    let ledger = TABLES.iter().find(|table| table.path == "truth/ledger").unwrap();
    let parts: Vec<_> = ledger.columns[2..].iter().map(|column| column.name).collect();
    assert_eq!(parts, Part::ALL.map(Part::column));
    for (part, column) in Part::ALL.into_iter().zip(&ledger.columns[2..]) {
        assert_eq!(column.nullable, !(part.occurs(true) && part.occurs(false)), "{}", column.name);
    }
}
