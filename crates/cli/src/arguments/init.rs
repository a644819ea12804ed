//! `sim init` as typed.

use clap::{Args, ValueEnum};
use knockon_kernel::Duration;
use std::path::PathBuf;

/// `sim init`.
#[derive(Args, Debug)]
pub(crate) struct Init {
    /// File to write; `-` is standard output
    #[arg(value_name = "FILE", default_value = "scenario.ron")]
    pub(crate) file: PathBuf,
    /// Services, by name; clients call the first
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "api,orders")]
    pub(crate) services: Vec<String>,
    /// What they run on
    #[arg(long, value_enum, default_value_t = Runtime::Jvm)]
    pub(crate) runtime: Runtime,
    /// Where they keep data
    #[arg(long, value_enum, default_value_t = Database::Postgres)]
    pub(crate) database: Database,
    /// What stands before it
    #[arg(long, value_enum, default_value_t = Cache::None)]
    pub(crate) cache: Cache,
    /// Requests in a time
    #[arg(long, value_name = "RATE", value_parser = knockon_scenario::parse_rate, default_value = "10/s")]
    pub(crate) rate: f64,
    /// Simulated time
    #[arg(long, value_name = "DURATION", value_parser = knockon_scenario::parse_duration, default_value = "30min")]
    pub(crate) duration: Duration,
    /// What goes wrong [default: slow-query with a database, else surge]
    #[arg(long, value_enum)]
    pub(crate) fault: Option<Fault>,
    /// Overwrites the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// What services of a first scenario run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Runtime {
    /// Java: a collected heap, HikariCP
    Jvm,
    /// Node.js: one event loop
    Node,
    /// CPython: one interpreter, SQLAlchemy
    Python,
    /// Go, Rust, C++ …: no managed memory
    Native,
}

/// The database of a first scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Database {
    /// PostgreSQL
    Postgres,
    /// There is none
    None,
}

/// The cache of a first scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Cache {
    /// Redis
    Redis,
    /// There is none
    None,
}

/// What goes wrong in a first scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Fault {
    /// An INSERT takes longer than the database has workers for
    SlowQuery,
    /// Five times as many requests come beside the usual ones
    Surge,
    /// The last service stands still
    Pause,
    /// Nothing
    None,
}
