//! A first scenario of a user's own: a few choices, written out as commented text that is healthy as it stands.
//!
//! The first service is where requests come in; it calls the second for reads and all others, one after the other, for writes. Those behind
//! it keep the data; a service that is alone keeps it itself. What is not chosen (demands, shares) is a plausible guess that
//! the text calls one; how many processes, connections and workers there are follows from the rate, so that nothing is busier than a third.
//!
//! Deliberately not here: files and the check, which are the caller's.

mod size;
mod text;

use crate::leaf::Name;
use knockon_kernel::Duration;
use size::Size;

/// What a first scenario is made from.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    /// The services; the first is the one that clients call.
    pub services: Vec<String>,
    /// What they run on.
    pub runtime: DraftRuntime,
    /// Whether there is a PostgreSQL database.
    pub database: bool,
    /// Whether there is a Redis cache before what reads fetch.
    pub cache: bool,
    /// Requests in a second, on average.
    pub rate: f64,
    /// Simulated time.
    pub duration: Duration,
    /// What goes wrong, a third into it.
    pub fault: DraftFault,
}

/// What the services of a first scenario run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DraftRuntime {
    /// A Java virtual machine; connections by HikariCP.
    Jvm,
    /// Node.js.
    Node,
    /// CPython; connections by SQLAlchemy.
    Python,
    /// No managed memory.
    Native,
}

/// What goes wrong in a first scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DraftFault {
    /// A query of the database becomes slow.
    SlowQuery,
    /// More requests come.
    Surge,
    /// The last service stands still.
    Pause,
    /// Nothing.
    Nothing,
}

impl Draft {
    /// Fewest and most requests in a second: below, nothing meets; above, one Redis and one database are not what anybody would have.
    const RATES: (f64, f64) = (0.1, 5_000.0);
    /// More services than fit on a page.
    const SERVICES: usize = 12;
    /// Shorter than the metric grid tells anything.
    const SHORTEST: Duration = Duration::from_secs(180);

    /// The scenario as text, which `sim check` finds healthy. `file` is its name as it is to be typed.
    ///
    /// # Errors
    /// Everything about the choices that cannot be, in words.
    pub fn text(&self, file: &str) -> Result<String, Vec<String>> {
        let refusals = self.refusals();
        if refusals.is_empty() { Ok(text::text(self, &Size::of(self), file)) } else { Err(refusals) }
    }

    fn refusals(&self) -> Vec<String> {
        let mut refusals: Vec<_> = self.services.iter().filter_map(|name| Name::refusal(name)).collect();
        let taken = [("clients", true), ("crowd", true), ("postgres", self.database), ("redis", self.cache)];
        for (n, name) in self.services.iter().enumerate() {
            if self.services[..n].contains(name) {
                refusals.push(format!("there are two services `{name}`"));
            }
            if taken.contains(&(name, true)) {
                refusals.push(format!("the name `{name}` is that of something else in the scenario"));
            }
        }
        if self.services.is_empty() || self.services.len() > Self::SERVICES {
            refusals.push(format!("there are {} services; give 1 to {}", self.services.len(), Self::SERVICES));
        }
        if !(Self::RATES.0..=Self::RATES.1).contains(&self.rate) {
            refusals.push(format!(
                "a rate of {}/s; give one from {}/s to {}/s",
                self.rate,
                Self::RATES.0,
                Self::RATES.1
            ));
        }
        if self.duration < Self::SHORTEST {
            refusals.push("a duration of less than 3min leaves no time before, during and after a fault".into());
        }
        if self.fault == DraftFault::SlowQuery && !self.database {
            refusals.push("there is no query without a database; choose another fault".into());
        }
        refusals
    }

    /// The services that keep the data.
    fn keepers(&self) -> &[String] {
        if self.services.len() > 1 { &self.services[1..] } else { &self.services }
    }
}

/// Reads a rate as scenarios write it: "10/s", "600/min". Requests in a second.
///
/// # Errors
/// What to write instead.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    crate::unit::rate(text).map_err(|_| "give a number in a time, such as 10/s or 600/min".to_owned())
}

#[cfg(test)]
mod tests;
