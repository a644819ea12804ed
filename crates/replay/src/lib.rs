//! Finished runs told again over a network, as time goes by.
//!
//! ```text
//! out/<run>/observed/ ──RunReader──┬─► Scrapes ──state at an instant──► Server ──HTTP──► whoever scrapes
//!                                  └─► Streams ──what is due──► Courier ──HTTP──► a receiver of OTLP or remote write
//! ```
//!
//! This is the only crate that reads a wall clock, opens sockets and lets threads wait; what it tells is what the tables have, nothing is simulated
//! or drawn. Deliberately not here: the names of metrics and their text, which are `knockon-export`'s, and signals, which are the binary's.

mod clock;
mod error;
mod scrapes;
mod send;
mod serve;

pub use clock::{Clock, Speed};
pub use error::{Error, Result};
pub use scrapes::Scrapes;
pub use send::{Account, Protocol, Sending, Signal, Sum, send};
pub use serve::{Server, Serving};
