//! What is wrong with the parameters of a law.

use core::fmt;

/// A parameter that a law cannot have.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplerError {
    /// The law's name.
    pub law: &'static str,
    /// The parameter's name.
    pub parameter: &'static str,
    /// Its value.
    pub value: f64,
    /// What it must be, to be read after "must be".
    pub must_be: &'static str,
}

impl fmt::Display for SamplerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { law, parameter, value, must_be } = self;
        write!(f, "{law} law: {parameter} is {value}, but must be {must_be}")
    }
}

impl core::error::Error for SamplerError {}

/// Checks the parameters of one law.
pub(super) struct Check(pub(super) &'static str);

impl Check {
    pub(super) fn that(
        &self,
        ok: bool,
        parameter: &'static str,
        value: f64,
        must_be: &'static str,
    ) -> Result<(), SamplerError> {
        if ok { Ok(()) } else { Err(SamplerError { law: self.0, parameter, value, must_be }) }
    }

    pub(super) fn positive(&self, parameter: &'static str, value: f64) -> Result<(), SamplerError> {
        self.that(value > 0.0 && value.is_finite(), parameter, value, "a finite number above zero")
    }

    pub(super) fn not_negative(&self, parameter: &'static str, value: f64) -> Result<(), SamplerError> {
        self.that(value >= 0.0 && value.is_finite(), parameter, value, "a finite number that is not negative")
    }

    pub(super) fn at_least(
        &self,
        parameter: &'static str,
        value: f64,
        least: f64,
        must_be: &'static str,
    ) -> Result<(), SamplerError> {
        self.that(value >= least && value.is_finite(), parameter, value, must_be)
    }
}
