//! Rows and tables that statements lock, and sessions that hold them: what the text says about transactions at a database.

use super::{Compiler, site};
use crate::decode::At;
use crate::language::{DatabaseText, HoldLock, HoldTable, LockModeText, PopularityText, QueryText, RowText};
use crate::leaf::Name;
use crate::suggest;
use knockon_kernel::Sampler;
use knockon_model::blueprint::{Action, Site, Step};
use knockon_model::id::ServiceId;
use knockon_model::lock::{LockMode, RowId};

/// The address of a row's table.
fn table(name: &Name) -> Site {
    site("row", &name.0, 0)
}

/// The address of a whole table.
fn whole_table(name: &str) -> Site {
    site("table", name, 0)
}

impl LockModeText {
    pub(super) const fn mode(&self) -> LockMode {
        match self {
            Self::AccessShare => LockMode::AccessShare,
            Self::RowShare => LockMode::RowShare,
            Self::RowExclusive => LockMode::RowExclusive,
            Self::ShareUpdateExclusive => LockMode::ShareUpdateExclusive,
            Self::Share => LockMode::Share,
            Self::ShareRowExclusive => LockMode::ShareRowExclusive,
            Self::Exclusive => LockMode::Exclusive,
            Self::AccessExclusive => LockMode::AccessExclusive,
        }
    }
}

/// The mode in which an operation locks its table.
fn mode_of(query: &QueryText) -> LockMode {
    match query.operation.as_str() {
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" => LockMode::RowExclusive,
        _ if query.locks.value.is_some() => LockMode::RowShare,
        _ => LockMode::AccessShare,
    }
}

/// The name by which a query class calls its row, and how many rows there are.
fn named(query: &QueryText) -> Option<(&Name, u32)> {
    Some(match query.locks.value.as_ref()? {
        RowText::Row(row) => (&row.name.value, 1),
        RowText::Drawn(row) => (&row.table.value, row.count.0),
    })
}

impl Compiler<'_> {
    pub(super) fn lock_step(&mut self, row: &RowText) -> Step {
        let (name, rows, popularity, draw) = match row {
            RowText::Row(row) => (&row.name, 1, &PopularityText::Uniform, 0),
            RowText::Drawn(row) => {
                let draw = row.draw.value.map_or(0, |draw| draw.0 - 1);
                (&row.table, row.count.0, &row.popularity.value, draw)
            }
        };
        let popularity = match popularity {
            PopularityText::Zipf(zipf) => Sampler::zipf(rows, zipf.exponent.0),
            _ => Sampler::uniform(0.0, f64::from(rows)),
        };
        let popularity = popularity.or_else(|error| {
            self.report(name.span, error.to_string(), None);
            Sampler::constant(0.0)
        });
        let popularity = popularity.map(|sampler| self.add_sampler(sampler)).unwrap_or_default();
        Step::Lock { table: table(name), rows, popularity, draw }
    }

    /// The lock of its table that a query class takes, if the database keeps those.
    pub(super) fn table_lock_step(&mut self, database: &DatabaseText, query: &QueryText) -> Option<Step> {
        let kept = database.tables.get(&query.table).is_some_and(|table| table.locked.value);
        if !kept {
            if query.table_lock.is_some() && !database.tables.partial {
                let message = format!("the locks of the table {:?} are not kept", query.table.value);
                let hint = suggest::hint(&query.table, database.tables.names());
                let hint = hint.or(Some(format!("name it in `tables: {{{:?}: ()}}`", query.table.value)));
                self.report(query.table_lock.span, message, hint);
            }
            return None;
        }
        let mode = query.table_lock.value.as_ref().map_or_else(|| mode_of(query), LockModeText::mode);
        Some(Step::LockTable { table: whole_table(&query.table), mode })
    }

    pub(super) fn hold_table(&mut self, hold: &HoldTable) -> Option<Action> {
        let service = self.acted_on_database(&hold.database);
        let database = self.system.databases.get(&hold.database.0)?;
        let kept = |name: &str| database.tables.get(name).is_some_and(|table| table.locked.value);
        let used = database.queries.iter().any(|(_, entry)| *entry.value.table == hold.table.0);
        if !(kept(&hold.table.0) && used) {
            if !hold.table.broken && !database.tables.partial && !database.queries.partial {
                let known = database.tables.names().filter(|name| kept(name));
                let hint = suggest::hint(&hold.table.0, known);
                let message = format!("no query class of {:?} locks a table {:?}", hold.database.0, hold.table.0);
                let name = &hold.table.0;
                let hint = hint.or(Some(format!(
                    "name it in the database's `tables: {{{name:?}: ()}}`, and as the table of one of them"
                )));
                self.report(hold.table.span, message, hint);
            }
            return None;
        }
        Some(Action::HoldTable { service, table: whole_table(&hold.table.0).0, mode: hold.mode.value.mode() })
    }

    /// A database by name.
    pub(super) fn acted_on_database(&mut self, name: &At<Name>) -> ServiceId {
        let service = self.acted_on(name);
        if self.system.databases.get(&name.0).is_none() && self.services.contains_key(name.0.as_str()) {
            self.report(name.span, format!("{:?} is not a database", name.0), None);
        }
        service
    }

    pub(super) fn hold_lock(&mut self, hold: &HoldLock) -> Option<Action> {
        let service = self.acted_on_database(&hold.database);
        let database = self.system.databases.get(&hold.database.0)?;
        let rows: Vec<(&Name, u32)> = database.queries.iter().filter_map(|(_, entry)| named(&entry.value)).collect();
        let Some(&(_, count)) = rows.iter().find(|(name, _)| **name == hold.row.value) else {
            if !hold.row.broken && !database.queries.partial {
                let known: Vec<&str> = rows.iter().map(|(name, _)| name.0.as_str()).collect();
                let hint = suggest::hint(&hold.row.0, known);
                let message = format!("no query class of {:?} locks {:?}", hold.database.0, hold.row.0);
                self.report(hold.row.span, message, hint.or(Some("give one of them `locks:`".into())));
            }
            return None;
        };
        if hold.number.0 > count {
            self.report(hold.number.span, format!("{:?} has {count} rows", hold.row.0), None);
        }
        let row = RowId { table: table(&hold.row).0, number: hold.number.0 - 1 };
        Some(Action::Hold { service, row })
    }
}
