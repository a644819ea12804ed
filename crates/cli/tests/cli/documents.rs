//! `docs/documents.md` describes what is written: every key of the JSON files of a run, what is null and which words there are.

use super::{end, sim};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A row of a table of the page: its type and its meaning.
type Row = (String, String);

/// The tables of the page by heading, their rows by key.
type Page = BTreeMap<String, BTreeMap<String, Row>>;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> Page {
    let text = fs::read_to_string(project().join("docs/documents.md")).unwrap();
    let (mut page, mut heading) = (Page::new(), String::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('#') {
            heading = name.trim_start_matches('#').trim().to_owned();
        } else if let Some(row) = line.strip_prefix("| `") {
            let (key, rest) = row.split_once("` | ").unwrap_or_else(|| panic!("{line}"));
            // A table of words has no types.
            let (kind, meaning) = rest.trim_end_matches(" |").split_once(" | ").unwrap_or(("", rest));
            let rows = page.entry(heading.clone()).or_default();
            let known = rows.insert(key.to_owned(), (kind.to_owned(), meaning.to_owned()));
            assert!(known.is_none(), "{heading}: {key} is described twice");
        }
    }
    page
}

/// The heading that a type links to: `[word](#parts-of-faults)`.
fn linked(page: &Page, kind: &str) -> Option<String> {
    let anchor = kind.split_once("](#")?.1.split_once(')')?.0.to_owned();
    let heading = page.keys().find(|heading| heading.to_lowercase().replace(' ', "-") == anchor);
    Some(heading.unwrap_or_else(|| panic!("no table is headed #{anchor}")).clone())
}

/// What of a document the page does not say, or says otherwise.
struct Reader<'a> {
    page: &'a Page,
    wrong: Vec<String>,
}

impl Reader<'_> {
    /// Members of an object that the table under `heading` describes, each as `prefix` and its key.
    fn members(&mut self, heading: &str, prefix: &str, value: &Value) {
        let page = self.page;
        for (key, value) in value.as_object().unwrap_or_else(|| panic!("{heading} {prefix}: {value}")) {
            let rows = &page[heading];
            // A key that is a name stands for itself.
            let any = || {
                rows.get_key_value(&format!("{prefix}{key}"))
                    .or_else(|| rows.iter().find(|(row, _)| named(row, prefix)))
            };
            match any() {
                Some((row, (kind, meaning))) => self.value(heading, row, kind, meaning, value),
                None => self.wrong.push(format!("{heading}: {prefix}{key} is not described")),
            }
        }
    }

    fn value(&mut self, heading: &str, row: &str, kind: &str, meaning: &str, value: &Value) {
        let plain = kind.trim_end_matches('?');
        let fits = match (value, plain) {
            (Value::Null, _) => kind.ends_with('?'),
            (_, _) if plain.starts_with('[') => {
                let table = linked(self.page, plain).expect("a type in brackets is a link");
                match value {
                    Value::String(word) => self.page[&table].contains_key(word),
                    Value::Object(_) => {
                        self.members(&table, "", value);
                        true
                    }
                    _ => false,
                }
            }
            (Value::String(word), "word") => meaning.contains(&format!("`{word}`")),
            (Value::String(text), "time") => {
                text.len() == "2026-01-05T09:00:00.000000000Z".len() && text.ends_with('Z')
            }
            (Value::String(_), "text") | (Value::Bool(_), "yes/no") | (Value::Number(_), "number") => true,
            (Value::Number(_), "count") => value.is_u64(),
            (Value::Number(_), "ns") => value.is_i64() || value.is_u64(),
            (Value::Array(texts), "list of text") => texts.iter().all(Value::is_string),
            (Value::Array(members), "list") => {
                members.iter().for_each(|member| self.members(heading, &format!("{row}[]."), member));
                true
            }
            (Value::Object(_), "object") => {
                self.members(heading, &format!("{row}."), value);
                true
            }
            _ => false,
        };
        if !fits {
            self.wrong.push(format!("{heading}: {row} is described as {kind}, and is {value}"));
        }
    }
}

/// Whether a row describes all members of an object whatever their names: `tables.{path}` those of `tables.`.
fn named(row: &str, prefix: &str) -> bool {
    row.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('{') && rest.find('}') == Some(rest.len() - 1))
}

fn wrong(run: &Path) -> Vec<String> {
    let page = page();
    let mut reader = Reader { page: &page, wrong: Vec::new() };
    let documents = ["incidents.json", "propagation.json", "difficulty.json", "milestones.json", "faults.json"]
        .map(|name| format!("truth/{name}"));
    for name in documents.iter().map(String::as_str).chain(["manifest.json"]) {
        let document: Value = serde_json::from_str(&fs::read_to_string(run.join(name)).unwrap()).unwrap();
        match &document {
            Value::Array(all) => all.iter().for_each(|one| reader.members(name, "", one)),
            _ => reader.members(name, "", &document),
        }
    }
    reader.wrong
}

fn run_of(scenario: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let scenario = project().join("scenarios").join(scenario);
    let ended = end(sim(folder.path()).arg("run").arg(scenario).args(["--out", "run"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    folder
}

#[test]
fn every_key_that_a_run_writes_is_described_as_it_is() {
    for scenario in ["pool_exhaustion.ron", "memory_leak.ron"] {
        let folder = run_of(scenario);
        assert_eq!(wrong(&folder.path().join("run")), Vec::<String>::new(), "{scenario}: docs/documents.md");
    }
}

#[test]
fn what_is_not_described_is_found() {
    let page = page();
    let wrong = |heading: &str, text: &str| {
        let mut reader = Reader { page: &page, wrong: Vec::new() };
        reader.members(heading, "", &serde_json::from_str(text).unwrap());
        reader.wrong
    };
    assert_eq!(wrong("truth/faults.json", r#"{"until": null, "settings": [{"path": "a"}]}"#), Vec::<String>::new());
    assert_eq!(wrong("manifest.json", r#"{"tables": {"observed/logs": {"rows": 3}}}"#), Vec::<String>::new());
    for (heading, text) in [
        ("truth/faults.json", r#"{"colour": "red"}"#),
        ("truth/faults.json", r#"{"name": null}"#),
        ("truth/faults.json", r#"{"kind": "earthquake"}"#),
        ("truth/faults.json", r#"{"settings": [{"where": "a"}]}"#),
        ("truth/incidents.json", r#"{"requests": {"hurt": "many"}}"#),
        ("truth/incidents.json", r#"{"contrasts": [{"kind": "luck"}]}"#),
        ("truth/milestones.json", r#"{"milestones": [{"state": "asleep"}]}"#),
        ("manifest.json", r#"{"tables": {"observed/logs": {"columns": 3}}}"#),
    ] {
        assert_eq!(wrong(heading, text).len(), 1, "{heading} {text}");
    }
}
