//! Rows that statements lock, and sessions that are ended: what the text says about transactions at a database.

use super::{Compiler, site};
use crate::decode::At;
use crate::language::{HoldLock, PopularityText, QueryText, RowText};
use crate::leaf::Name;
use crate::suggest;
use knockon_kernel::Sampler;
use knockon_model::blueprint::{Action, Site, Step};
use knockon_model::id::ServiceId;
use knockon_model::lock::RowId;

/// The address of a row's table.
fn table(name: &Name) -> Site {
    site("row", &name.0, 0)
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
        let (name, rows, popularity) = match row {
            RowText::Row(row) => (&row.name, 1, &PopularityText::Uniform),
            RowText::Drawn(row) => (&row.table, row.count.0, &row.popularity.value),
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
        Step::Lock { table: table(name), rows, popularity }
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
