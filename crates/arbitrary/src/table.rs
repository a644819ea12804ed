//! Tables of the language as a generator sees them: which fields a record has, and how to make a value of each up.
//!
//! They are open lists. A new field or variant of the language is one more row; a test compares them with the page of
//! `sim schema scenario`, so none is forgotten.

use crate::draft::Draft;

/// Makes a value up, as text of the language; `None` where there can be none.
pub(crate) type Make = fn(&mut Draft<'_>) -> Option<String>;

/// A field of a record.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// In how many of 256 records it is written; `None` is always.
    pub(crate) often: Option<u8>,
    pub(crate) make: Make,
}

/// A field that is always written.
pub(crate) const fn must(name: &'static str, make: Make) -> Field {
    Field { name, often: None, make }
}

/// A field that is written in one of three records.
pub(crate) const fn may(name: &'static str, make: Make) -> Field {
    Field { name, often: Some(85), make }
}

/// A field that is written in one of sixteen records: what it does drowns what others do.
pub(crate) const fn rare(name: &'static str, make: Make) -> Field {
    Field { name, often: Some(16), make }
}

/// A struct of the language.
#[derive(Debug)]
pub(crate) struct Record {
    /// What the language calls it.
    pub(crate) what: &'static str,
    pub(crate) fields: &'static [Field],
}

/// A variant of an enum of the language.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    /// How often it is chosen, relative to the others.
    pub(crate) weight: u8,
    /// Whether it can be chosen here.
    pub(crate) fits: fn(&Draft<'_>) -> bool,
    /// What is decided before its fields are written.
    pub(crate) enter: fn(&mut Draft<'_>),
    pub(crate) fields: &'static [Field],
}

/// A variant that fits everywhere.
pub(crate) const fn variant(name: &'static str, fields: &'static [Field]) -> Variant {
    Variant { name, weight: 1, fits: |_| true, enter: |_| {}, fields }
}

impl Variant {
    pub(crate) const fn weighing(mut self, weight: u8) -> Self {
        self.weight = weight;
        self
    }

    pub(crate) const fn fitting(mut self, fits: fn(&Draft<'_>) -> bool) -> Self {
        self.fits = fits;
        self
    }

    pub(crate) const fn entering(mut self, enter: fn(&mut Draft<'_>)) -> Self {
        self.enter = enter;
        self
    }
}

/// An enum of the language. Its first variant fits everywhere.
#[derive(Debug)]
pub(crate) struct Choice {
    /// What the language calls it.
    pub(crate) what: &'static str,
    pub(crate) variants: &'static [Variant],
}
