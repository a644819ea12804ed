//! Arbitrary valid worlds from bytes, and an auditor that must find nothing wrong with any of them.
//!
//! A byte string becomes a scenario in the language that people write, so that reading, checking and compiling are covered along with
//! the world. What can be made up is listed in open tables (`language`): a new field or variant of the language is one more row,
//! and a test compares the tables with the page of `sim schema scenario`.
//!
//! The [`audit`](fn@audit) runs a world with everything counted again the slow way, observed and not, straight and cut, and lets it run
//! dry. The [`change`] module rewrites scenarios in ways that must not matter, or must matter in a known way. Deliberately not
//! here: whether what happens is plausible. That is for theory and measurements.

mod audit;
mod blamed;
pub mod change;
mod choices;
mod draft;
mod language;
mod plan;
mod records;
mod table;
pub mod targets;

pub use audit::{Audited, audit};
pub use records::Records;

use draft::Draft;
use knockon_scenario::{Loaded, Options, Scenario};
use std::collections::{BTreeMap, BTreeSet};

/// The scenario that bytes stand for, as text of the language.
#[must_use]
pub fn scenario(bytes: &[u8]) -> String {
    Draft::new(bytes).record(&language::SCENARIO)
}

/// Loads a scenario that needs no other file.
///
/// # Errors
/// What is wrong with it, as people are shown it.
pub fn load(text: &str) -> Result<Loaded, String> {
    let systems = |file: &str| Err(format!("{file} is not there"));
    Scenario::from_text("arbitrary", text, &Options::default(), &systems).map_err(|errors| errors.to_string())
}

/// Bytes that look random, the same for the same number: what tests make worlds of where no fuzzer runs.
#[must_use]
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let key = knockon_kernel::Key::new(seed).name("arbitrary");
    (0..length as u64).map(|n| (key.with(n).bits() >> 32) as u8).collect()
}

/// What of the language can be made up: by record or variant, its fields; by choice, its variants; under "paths", the forms of paths.
#[must_use]
pub fn vocabulary() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut words: BTreeMap<&'static str, BTreeSet<&'static str>> = BTreeMap::new();
    for record in language::RECORDS {
        words.entry(record.what).or_default().extend(record.fields.iter().map(|field| field.name));
    }
    for choice in language::CHOICES {
        words.entry(choice.what).or_default().extend(choice.variants.iter().map(|variant| variant.name));
        for variant in choice.variants.iter().filter(|variant| !variant.fields.is_empty()) {
            words.entry(variant.name).or_default().extend(variant.fields.iter().map(|field| field.name));
        }
    }
    words.entry("paths").or_default().extend(language::FORMS.iter().map(|form| form.form));
    words
}

/// What of [`vocabulary`] the scenario of these bytes makes use of.
#[must_use]
pub fn used(bytes: &[u8]) -> BTreeSet<(&'static str, &'static str)> {
    let mut draft = Draft::new(bytes);
    let _ = draft.record(&language::SCENARIO);
    draft.used
}
