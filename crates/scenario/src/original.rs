//! What a real system did: the file that a scenario names with `Reproduces`.
//!
//! It tells how the experiment went, so that observables of a simulated run are taken over the same times, and for each observable what the
//! repeats gave and between which bounds a prediction is fair. JSON, because measurements are made by other programs.

use serde::Deserialize;

/// A measured set.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Original {
    /// Its name.
    pub set: String,
    /// What was measured, with versions.
    pub software: String,
    /// How the experiment went.
    pub experiment: Experiment,
    /// Whether its observables count where shares of fair predictions are reckoned; those of a set without repeats of the same work do not.
    #[serde(default = "counts")]
    pub counted: bool,
    /// What was observed of it.
    pub observables: Vec<Observable>,
    /// What was observed beside, of which nobody has said between which bounds a prediction is fair.
    #[serde(default)]
    pub beside: Vec<Beside>,
    /// Names of what was observed beside and is not reckoned of a run: inputs, and what a run does not tell.
    #[serde(default)]
    pub unseen: Vec<String>,
    /// Load averages over a minute of the machine, before and after its repeats: the smallest and the largest.
    #[serde(default)]
    pub load: Option<[f64; 2]>,
    /// What of the scenario was read off these very repeats, for people. What it decides is no prediction.
    #[serde(default)]
    pub constants: String,
}

/// A number of a measured set that is shown and not judged.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Its name.
    pub name: String,
    /// What each repeat gave; null where a repeat had no such value.
    pub by_repeat: Vec<Option<f64>>,
}

/// A number of a measured set.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observable {
    /// Its name.
    pub name: String,
    /// What each repeat gave; null where a repeat had no such value.
    pub by_repeat: Vec<Option<f64>>,
    /// Smallest and largest fair prediction.
    pub fair: [f64; 2],
}

/// Families of experiments: each has its own observables. Instants in seconds from the start.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Experiment {
    /// A connection pool under a fault.
    Pool(PoolExperiment),
    /// The same, with a row that some callers lock.
    RowLock(LockExperiment),
    /// Clients who retry, before a server with a queue, in a surge.
    RetryStorm(SurgeExperiment),
    /// A heap that a leak fills.
    Leak {},
    /// A heap with a store of a size that changes.
    Steady(SteadyExperiment),
    /// A look-aside cache that is flushed.
    CacheFlush(FlushExperiment),
    /// A rate limiter.
    RateLimit {},
    /// A TLS certificate that expires and is renewed.
    Certificate(CertificateExperiment),
    /// More connections than a database has slots.
    Slots(SlotExperiment),
}

/// When the fault began and ended, and the run.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolExperiment {
    /// The fault's beginning.
    pub t0_s: f64,
    /// Its end.
    pub t1_s: f64,
    /// The end of arrivals.
    pub end_s: f64,
}

/// A fault that locks a row.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockExperiment {
    /// The fault's beginning.
    pub t0_s: f64,
    /// Its end.
    pub t1_s: f64,
    /// The end of arrivals.
    pub end_s: f64,
    /// Connections of the pool.
    pub connections: u32,
    /// The endpoint whose requests lock the row.
    pub hot_endpoint: String,
    /// The statement that locks it.
    pub lock_statement: String,
}

/// A surge.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurgeExperiment {
    /// Its beginning.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// The end of arrivals.
    pub end_s: f64,
}

/// A store that grows in steps.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteadyExperiment {
    /// Size in MiB and beginning of each step.
    pub steps: Vec<(u32, f64)>,
    /// The end of arrivals.
    pub end_s: f64,
}

/// A flush.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlushExperiment {
    /// When everything is flushed.
    pub flush_s: f64,
    /// The end of arrivals.
    pub end_s: f64,
}

/// Two clients, one with a connection of its own for each request, one that keeps it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateExperiment {
    /// When the certificate expires: a prediction cannot know it otherwise.
    pub expires_s: f64,
    /// The endpoint that the client with new connections asks.
    pub new_endpoint: String,
}

/// Connections that are opened one by one, and as many at once.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotExperiment {
    /// The endpoint whose requests connect at once.
    pub at_once_endpoint: String,
}

const fn counts() -> bool {
    true
}

impl Original {
    /// Reads a measured set.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let original: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for observable in &original.observables {
            let [low, high] = observable.fair;
            if low > high {
                return Err(format!("{}: the fair bounds {low} and {high} are in the wrong order", observable.name));
            }
        }
        let judged = original.observables.iter().map(|observable| (&observable.name, &observable.by_repeat));
        let beside = original.beside.iter().map(|beside| (&beside.name, &beside.by_repeat));
        for (name, by_repeat) in judged.chain(beside) {
            if by_repeat.iter().all(Option::is_none) {
                return Err(format!("{name}: no repeat has a value"));
            }
        }
        Ok(original)
    }
}

impl Experiment {
    /// The family's name in tables.
    #[must_use]
    pub const fn family(&self) -> &'static str {
        match self {
            Self::Pool(_) => "connection pool",
            Self::RowLock(_) => "row lock",
            Self::RetryStorm(_) => "retry storm",
            Self::Leak {} | Self::Steady(_) => "heap",
            Self::CacheFlush(_) => "cache",
            Self::RateLimit {} | Self::Certificate(_) | Self::Slots(_) => "gate",
        }
    }
}

impl Observable {
    /// The middle of the repeats that had a value, the smallest and the largest.
    #[must_use]
    pub fn spread(&self) -> [f64; 3] {
        spread(&self.by_repeat)
    }

    /// Whether a prediction is fair.
    #[must_use]
    pub fn is_fair(&self, prediction: f64) -> bool {
        let [low, high] = self.fair;
        (low..=high).contains(&prediction)
    }
}

impl Beside {
    /// The middle of the repeats that had a value, the smallest and the largest.
    #[must_use]
    pub fn spread(&self) -> [f64; 3] {
        spread(&self.by_repeat)
    }
}

fn spread(by_repeat: &[Option<f64>]) -> [f64; 3] {
    let mut values: Vec<f64> = by_repeat.iter().copied().flatten().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    };
    [median, values.first().copied().unwrap_or(f64::NAN), values.last().copied().unwrap_or(f64::NAN)]
}

#[cfg(test)]
mod tests {
    use super::Original;

    const TEXT: &str = r#"{"set": "s", "software": "x 1", "experiment": {"pool": {"t0_s": 1, "t1_s": 2, "end_s": 3}},
        "observables": [{"name": "n", "by_repeat": [4, null, 2, 3], "fair": [1.5, 4.5]}]}"#;

    #[test]
    fn a_measured_set_says_its_spread_and_what_is_fair() {
        let original = Original::parse(TEXT).unwrap();
        let observable = &original.observables[0];
        assert_eq!(observable.spread(), [3.0, 2.0, 4.0]);
        assert!(observable.is_fair(4.5) && !observable.is_fair(4.51) && !observable.is_fair(f64::NAN));
        assert_eq!(original.experiment.family(), "connection pool");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        for (from, to, expected) in [
            ("\"software\": \"x 1\", ", "", "missing field `software`"),
            ("\"end_s\"", "\"ends\"", "unknown field `ends`"),
            ("[1.5, 4.5]", "[4.5, 1.5]", "n: the fair bounds"),
            ("[4, null, 2, 3]", "[null]", "n: no repeat"),
            ("}]}", "}], \"beside\": [{\"name\": \"m\", \"by_repeat\": [null]}]}", "m: no repeat"),
        ] {
            let message = Original::parse(&TEXT.replace(from, to)).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
