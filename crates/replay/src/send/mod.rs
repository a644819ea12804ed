//! A finished run, sent to whoever takes OTLP or Prometheus' remote write, in the order and at the pace in which it happened.
//!
//! ```text
//! spans by their end ─┐
//! lines by their time ├─► what is due next ──batches──► Courier ──one request in flight──► receiver
//! scrapes             ┘                                    └─► Account: acknowledged, under way (a file, if asked for)
//! ```
//!
//! Each stream of records has one order, so how many of it were acknowledged says where to go on. One request is in flight at a time: a receiver that
//! is slow slows the sender, nothing overtakes and nothing is dropped; what was refused for now is sent again, as long as it takes.

mod account;
mod courier;
mod grpc;
mod remote_write;
mod streams;

pub use account::{Account, Signal, Sum};
pub use courier::Protocol;

use crate::clock::Speed;
use crate::error::{Error, Result};
use account::Book;
use courier::{Courier, Sent};
use knockon_export::SemanticConventions;
use knockon_export::otlp::protobuf::{Change, SeriesList};
use knockon_telemetry::RunReader;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use streams::Streams;

/// Records of a request: what a batch span processor sends at once.
const BATCH: usize = 512;
/// Records that fall due within so much wall time of each other share a request.
const GATHERS: Duration = Duration::from_millis(20);
/// How long a wish to stop may wait.
const LOOKS_UP: Duration = Duration::from_millis(50);

/// How a run is sent.
#[derive(Clone, PartialEq, Debug)]
pub struct Sending {
    /// Where to: `http://host:port`, or a whole URL where the path is another than the protocol's.
    pub to: String,
    /// As what.
    pub protocol: Protocol,
    /// Simulated seconds a second.
    pub speed: Speed,
    /// Whether the run's beginning is now, so that all times are moved by as much.
    pub shift_to_now: bool,
    /// Whether it begins anew when it is over, with other ids, and times that go on.
    pub looped: bool,
    /// Headers of each request.
    pub headers: Vec<(String, String)>,
    /// The names of attributes.
    pub semconv: SemanticConventions,
    /// A file that says how far it came, which is gone on from if it is there.
    pub resume: Option<PathBuf>,
}

/// Sends a run until it is over or `stop` says so. `tell` is given what a person might want to know at once.
///
/// # Errors
/// If the run cannot be read, the receiver refuses for good, or the file of progress cannot be used.
pub fn send(
    run: &RunReader,
    sending: &Sending,
    stop: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(&str),
) -> Result<Account> {
    let manifest = run.manifest();
    let (start, length) = (manifest.start_unix_ns, i64::try_from(manifest.simulated_ns).unwrap_or(i64::MAX).max(1));
    let shift = if sending.shift_to_now { now_unix_ns().saturating_sub(start) } else { 0 };
    let mut book = Book::open(sending.resume.clone(), &manifest.run_digest, sending.protocol, shift)?;
    let mut courier = Courier::new(sending)?;
    let is_over = book.is_finished() && !sending.looped;
    if !book.is_new() && !is_over && sending.shift_to_now != (book.shift_ns() != 0) {
        tell("what was sent before was told with other times: going on with those");
    }
    match (book.is_finished(), sending.looped) {
        (true, false) => {
            tell(
                "all of the run was sent before, and nothing is sent now; name another file with --resume to send it again",
            );
            return Ok(book.account());
        }
        (true, true) => book.begin_pass()?,
        (false, _) => {}
    }
    let series = SeriesList::read(run)?;
    let mut began: Option<(Instant, i64)> = None;
    loop {
        let pass = book.pass();
        let later = length.saturating_mul(i64::try_from(pass).unwrap_or(i64::MAX));
        let change = Change { later_ns: book.shift_ns().saturating_add(later), ids: ids_of(pass) };
        let mut streams = Streams::open(run, &series, sending.protocol, sending.semconv, change)?;
        streams.skip(book.sent())?;
        while let Some((signal, due)) = streams.next()? {
            // Simulated time since the run's start, over all passes.
            let due = due.saturating_sub(start).saturating_add(later);
            let until = match sending.speed {
                Speed::Max => i64::MAX,
                Speed::Times(times) => {
                    let (instant, from) =
                        *began.get_or_insert((Instant::now(), if pass == 0 && book.is_new() { 0 } else { due }));
                    let due = instant + Duration::from_secs_f64((due - from).max(0) as f64 / 1e9 / times) + GATHERS;
                    if !wait_until(due, stop) {
                        return Ok(book.account());
                    }
                    let by_now = (instant.elapsed().as_secs_f64() * times * 1e9) as i64;
                    from.saturating_add(by_now).saturating_sub(later).saturating_add(start)
                }
            };
            if stop() {
                return Ok(book.account());
            }
            let batch = streams.take(signal, until, BATCH)?;
            book.under_way(signal, batch.records)?;
            match courier.deliver(signal, &batch.body, stop, tell)? {
                Sent::Acknowledged { tries, unanswered, rejected } => {
                    book.acknowledged(signal, &batch, tries, unanswered, rejected)?;
                }
                Sent::Stopped { unanswered } => {
                    book.given_up(unanswered)?;
                    return Ok(book.account());
                }
            }
        }
        if !sending.looped || stop() {
            book.finished()?;
            return Ok(book.account());
        }
        book.begin_pass()?;
    }
}

/// What ids are changed by in a pass: nothing in the first.
fn ids_of(pass: u64) -> u64 {
    // The odd number next to 2^64 over the golden ratio: multiples of it stay far apart.
    pass.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn now_unix_ns() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Waits; false where it was told to stop.
fn wait_until(instant: Instant, stop: &dyn Fn() -> bool) -> bool {
    loop {
        if stop() {
            return false;
        }
        let left = instant.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(LOOKS_UP));
    }
}

fn unusable(path: &std::path::Path, why: impl Into<String>) -> Error {
    Error::Progress { path: path.into(), why: why.into() }
}
