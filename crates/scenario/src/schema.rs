//! The language as a page for people, made from the tables that decode it.

use crate::decode::{Decode, Field};
use crate::expectation;
use crate::language::ScenarioText;
use crate::path;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Collects records and choices, each once, in the order in which they are met.
#[derive(Default)]
pub(crate) struct Schema {
    seen: BTreeSet<&'static str>,
    sections: Vec<String>,
    /// Every table met, with the record's name.
    tables: Vec<(&'static str, &'static [Field])>,
}

/// A variant, its meaning and the fields of its record.
type Variant = (&'static str, &'static [&'static str], &'static [Field]);

const COLUMN: usize = 30;

impl Schema {
    pub(crate) fn record(&mut self, what: &'static str, about: &[&str], fields: &'static [Field]) {
        if !self.seen.insert(what) {
            return;
        }
        let mut section = format!("## {what}\n\n{}\n\n", joined(about));
        self.tables.push((what, fields));
        fields.iter().for_each(|field| line(&mut section, field));
        self.sections.push(section);
        fields.iter().for_each(|field| (field.describe)(self));
    }

    pub(crate) fn choice(&mut self, what: &'static str, about: &[&str], variants: &[Variant]) {
        if !self.seen.insert(what) {
            return;
        }
        let mut section = format!("## {what}\n\n{} One of:\n\n", joined(about));
        for (name, meaning, fields) in variants {
            self.tables.push((name, fields));
            let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
            let form = if names.is_empty() { (*name).to_owned() } else { format!("{name}({})", names.join(", ")) };
            let _ = writeln!(section, "- `{form}`: {}", joined(meaning));
            fields.iter().for_each(|field| line(&mut section, field));
        }
        self.sections.push(section);
        variants.iter().flat_map(|(_, _, fields)| fields.iter()).for_each(|field| (field.describe)(self));
    }
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

fn line(section: &mut String, field: &Field) {
    let default = match field.default {
        Some(default) => {
            format!("default `{}`", default.replace(" :", ":").split_whitespace().collect::<Vec<_>>().join(" "))
        }
        None if (field.optional)() => "optional".into(),
        None => "required".into(),
    };
    let _ = writeln!(
        section,
        "    {:<COLUMN$} {}. Takes {}; {default}.",
        field.name,
        joined(field.meaning).trim_end_matches('.'),
        (field.expects)()
    );
}

const INTRODUCTION: &str = "\
# The scenario language

A scenario is one RON value: structs `(field: value)`, maps `{\"name\": value}`, lists `[value]`, texts in quotes. Quantities
carry their unit in a text: durations ns us ms s min h d (\"250ms\", \"1.5h\"), sizes B KiB MiB GiB TiB KB MB GB TB (\"512MiB\"), cores
cpu or m (\"0.5 cpu\", \"500m\"), rates /s /min /h /d (\"10/s\"), shares in % (\"0.1 %\"). The values of a variant may stand in the order of its fields
without their names: `LogNormal(\"2ms\", \"12ms\")`. Names are small letters, digits, `-` and `_`. Order of fields and entries never matters.

";

/// The language with every field's meaning, type, unit and default; the paths that patches take; the statistics that
/// expectations take.
#[must_use]
pub fn schema() -> String {
    let mut schema = Schema::default();
    ScenarioText::describe(&mut schema);
    format!("{INTRODUCTION}{}\n{}\n{}", schema.sections.join("\n"), path::describe(), expectation::describe())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_on_the_page_with_a_meaning_and_a_default_that_reads() {
        let mut schema = Schema::default();
        ScenarioText::describe(&mut schema);
        let page = super::schema();
        assert!(schema.tables.len() > 40, "{}", schema.tables.len());
        for (record, fields) in schema.tables {
            for field in fields {
                assert!(page.contains(&format!("    {:<COLUMN$} ", field.name)), "{record}.{}", field.name);
                assert!(joined(field.meaning).len() > 3, "{record}.{} says nothing", field.name);
                assert!((field.default_reads)(), "{record}.{}: {:?}", field.name, field.default);
            }
        }
    }

    #[test]
    fn every_path_and_statistic_is_on_the_page() {
        let page = super::schema();
        for part in ["SERVICE/POOL.maximum", "DATABASE/QUERY.demand", "SOURCE.error_share", "SERVICE/POOL.wait.p99"] {
            assert!(page.contains(part), "{part}");
        }
    }
}
