//! Takes a request to the receiver, and again where that may help.
//!
//! Again: after 429, 502, 503 and 504, as OTLP has it, and where no answer came; remote write says the same of 429 and all 5xx. It waits for as long as `Retry-After` says in
//! seconds, or else twice as long each time. What is refused otherwise will be refused again, so that is an error.

use super::Sending;
use super::account::Signal;
use super::grpc::{Answer, Grpc};
use crate::error::{Error, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// The first wait, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// How often it is told at most that a receiver takes nothing for now.
const SAID_EVERY: Duration = Duration::from_secs(5);
/// What a receiver may ask to wait: no less, lest it be asked without a pause, and no more.
const ASKED: (Duration, Duration) = (WAITS.0, Duration::from_secs(3600));
/// What a receiver says of records that it did not take is told on so often, each wording once.
const SAYINGS: usize = 8;
/// How long an answer may take.
const ANSWERS: Duration = Duration::from_secs(30);

/// What is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// OTLP: protobuf over HTTP, zipped.
    HttpProtobuf,
    /// OTLP over gRPC, zipped.
    Grpc,
    /// Prometheus' remote write 1.0, metrics alone.
    RemoteWrite,
}

impl Protocol {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HttpProtobuf => "http/protobuf",
            Self::Grpc => "grpc",
            Self::RemoteWrite => "remote-write",
        }
    }
}

/// What came of a request.
pub(super) enum Sent {
    Acknowledged { tries: u64, unanswered: u64, rejected: u64 },
    Stopped { unanswered: u64 },
}

/// The way to a receiver.
pub(super) struct Courier {
    agent: ureq::Agent,
    grpc: Option<Grpc>,
    base: String,
    protocol: Protocol,
    headers: Vec<(String, String)>,
    /// What the receiver said of records that it did not take.
    said: BTreeSet<String>,
    /// When it was last told that the receiver takes nothing for now, and whether that has not been taken back since.
    refused: Option<(Instant, bool)>,
}

impl Courier {
    pub(super) fn new(sending: &Sending) -> Result<Self> {
        let refused = |why: &'static str| Err(Error::Address { to: sending.to.clone(), why });
        match sending.to.split_once("://") {
            Some(("http", rest)) if !rest.is_empty() => {}
            Some(("https", _)) => return refused("https is not spoken; send to a collector beside it, which does"),
            _ => return refused("it is no URL that begins with http://"),
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(ANSWERS));
        let (base, headers) = (sending.to.trim_end_matches('/').to_owned(), sending.headers.clone());
        let grpc = sending.protocol == Protocol::Grpc;
        let grpc = grpc.then(|| Grpc::new(&base, ANSWERS, &headers)).transpose()?;
        Ok(Self {
            agent: config.build().into(),
            grpc,
            base,
            protocol: sending.protocol,
            headers,
            said: BTreeSet::new(),
            refused: None,
        })
    }

    /// Where requests of a signal go.
    fn url(&self, signal: Signal) -> String {
        let is_bare = self.base.splitn(4, '/').nth(3).is_none();
        match self.protocol {
            Protocol::HttpProtobuf => format!("{}/v1/{}", self.base, signal.name()),
            Protocol::Grpc => self.base.clone(),
            Protocol::RemoteWrite if is_bare => format!("{}/api/v1/write", self.base),
            Protocol::RemoteWrite => self.base.clone(),
        }
    }

    /// Sends a request until it is taken.
    pub(super) fn deliver(
        &mut self,
        signal: Signal,
        body: &[u8],
        stop: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Sent> {
        let url = self.url(signal);
        let zipped = if self.protocol == Protocol::HttpProtobuf { zipped(body) } else { Vec::new() };
        let (mut tries, mut unanswered, mut wait) = (0, 0, WAITS.0);
        loop {
            tries += 1;
            let answer = match (&mut self.grpc, self.protocol) {
                (Some(grpc), _) => grpc.send(signal, body)?,
                (None, Protocol::RemoteWrite) => self.post(&url, "snappy", body)?,
                (None, _) => self.post(&url, "gzip", &zipped)?,
            };
            let (why, asked) = match answer {
                Answer::Taken(answer) => {
                    if let Some((_, stands @ true)) = &mut self.refused {
                        *stands = false;
                        tell(&format!("{url} takes requests again"));
                    }
                    let partial = Partial::read(self.protocol, signal, &answer);
                    if !partial.said.is_empty() && self.said.len() < SAYINGS && self.said.insert(partial.said.clone()) {
                        let said = &partial.said;
                        tell(&match partial.rejected {
                            0 => format!("{url} takes all of a request, and says: {said}"),
                            rejected => format!("{url} rejects {rejected} records of a request that it takes: {said}"),
                        });
                    }
                    return Ok(Sent::Acknowledged { tries, unanswered, rejected: partial.rejected });
                }
                Answer::Later(why, asked) => (why, asked),
                Answer::None(why) => {
                    // It may have come, and only its answer not.
                    unanswered += 1;
                    (why, None)
                }
            };
            let pause = asked.map_or(wait, |asked| asked.clamp(ASKED.0, ASKED.1));
            if self.refused.is_none_or(|(told, stands)| !stands && told.elapsed() >= SAID_EVERY) {
                self.refused = Some((Instant::now(), true));
                let seconds = pause.as_secs_f64();
                tell(&format!("{url} {why}; trying again in {seconds} s and, if need be, until it takes it"));
            }
            if !super::wait_until(Instant::now() + pause, stop) {
                return Ok(Sent::Stopped { unanswered });
            }
            wait = (wait * 2).min(WAITS.1);
        }
    }

    /// Posts a request once.
    fn post(&self, url: &str, coding: &str, body: &[u8]) -> Result<Answer> {
        let is_remote_write = self.protocol == Protocol::RemoteWrite;
        let mut request = self.agent.post(url).header("Content-Type", "application/x-protobuf");
        request = request.header("Content-Encoding", coding);
        request = request.header("User-Agent", concat!("knockon/", env!("CARGO_PKG_VERSION")));
        if is_remote_write {
            request = request.header("X-Prometheus-Remote-Write-Version", "0.1.0");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        match request.send(body) {
            Ok(mut response) => {
                let status = response.status().as_u16();
                let asked =
                    response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
                let answer = response.body_mut().read_to_vec().unwrap_or_default();
                match status {
                    200..300 => Ok(Answer::Taken(answer)),
                    429 | 502..=504 => Ok(Answer::Later(format!("answers {status}"), asked.map(Duration::from_secs))),
                    500.. if is_remote_write => {
                        Ok(Answer::Later(format!("answers {status}"), asked.map(Duration::from_secs)))
                    }
                    _ => {
                        let said = String::from_utf8_lossy(&answer[..answer.len().min(200)]).trim().to_owned();
                        Err(Error::Refused { url: url.to_owned(), status, said })
                    }
                }
            }
            Err(ureq::Error::ConnectionFailed | ureq::Error::HostNotFound) => {
                Ok(Answer::Later("cannot be reached".to_owned(), None))
            }
            Err(ureq::Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                Ok(Answer::Later("cannot be reached".to_owned(), None))
            }
            Err(ureq::Error::BadUri(_) | ureq::Error::Http(_)) => {
                Err(Error::Address { to: url.to_owned(), why: "it, or a header, is not as HTTP has it" })
            }
            Err(error) => Ok(Answer::None(format!("gives no answer ({error})"))),
        }
    }
}

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("memory takes all")
}

/// What a receiver did not take of a request that it took, and why, in its own words. A warning has words alone.
#[derive(Debug, Default, PartialEq, Eq)]
struct Partial {
    rejected: u64,
    said: String,
}

impl Partial {
    fn read(protocol: Protocol, signal: Signal, answer: &[u8]) -> Self {
        let found = match signal {
            _ if protocol == Protocol::RemoteWrite => None,
            Signal::Traces => ExportTraceServiceResponse::decode(answer)
                .ok()
                .and_then(|of| of.partial_success)
                .map(|of| (of.rejected_spans, of.error_message)),
            Signal::Logs => ExportLogsServiceResponse::decode(answer)
                .ok()
                .and_then(|of| of.partial_success)
                .map(|of| (of.rejected_log_records, of.error_message)),
            Signal::Metrics => ExportMetricsServiceResponse::decode(answer)
                .ok()
                .and_then(|of| of.partial_success)
                .map(|of| (of.rejected_data_points, of.error_message)),
        };
        let Some((rejected, said)) = found else { return Self::default() };
        let said = said.trim().chars().take(200).collect();
        Self { rejected: u64::try_from(rejected).unwrap_or(0), said }
    }
}
