//! OTLP over gRPC, on a runtime of its own that only turns while a request is under way.
//!
//! Requests are encoded already, so messages are bytes here, and answers too. Source: OTLP 1.x, "OTLP/gRPC Response" and "Throttling": which codes are worth
//! another try, and how long the receiver asks to wait (`google.rpc.RetryInfo` in the details of the status).

use super::account::Signal;
use crate::error::{Error, Result};
use prost::Message as _;
use prost::bytes::{Buf, BufMut, Bytes};
use std::error::Error as _;
use std::io;
use std::time::Duration;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

/// The way to a receiver that speaks gRPC.
pub(super) struct Grpc {
    runtime: tokio::runtime::Runtime,
    client: tonic::client::Grpc<Channel>,
    headers: Vec<(AsciiMetadataKey, AsciiMetadataValue)>,
}

/// What a receiver made of a request.
pub(super) enum Answer {
    Taken(Vec<u8>),
    /// Not now; after so long, if it says so.
    Later(String, Option<Duration>),
    /// No answer: it may have come.
    None(String),
}

impl Grpc {
    pub(super) fn new(to: &str, answers: Duration, headers: &[(String, String)]) -> Result<Self> {
        let refused = |why: &'static str| Error::Address { to: to.to_owned(), why };
        let endpoint = Endpoint::from_shared(to.to_owned()).map_err(|_| refused("it is no URL"))?.timeout(answers);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Network)?;
        let channel = {
            let _entered = runtime.enter();
            endpoint.connect_lazy()
        };
        let named = headers.iter().map(|(name, value)| {
            let name = AsciiMetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes()).ok()?;
            Some((name, value.parse().ok()?))
        });
        let headers = named.collect::<Option<_>>().ok_or_else(|| refused("a header is not as gRPC has it"))?;
        let client = tonic::client::Grpc::new(channel).send_compressed(CompressionEncoding::Gzip);
        Ok(Self { runtime, client, headers })
    }

    /// Sends a request once.
    pub(super) fn send(&mut self, signal: Signal, body: &[u8]) -> Result<Answer> {
        let service = match signal {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        };
        let mut request = Request::new(body.to_vec());
        for (name, value) in &self.headers {
            request.metadata_mut().insert(name.clone(), value.clone());
        }
        let client = &mut self.client;
        let answer = self.runtime.block_on(async {
            client.ready().await.map_err(|error| Status::from_error(error.into()))?;
            client.unary(request, PathAndQuery::from_static(service), Encoded).await
        });
        match answer {
            Ok(answer) => Ok(Answer::Taken(answer.into_inner())),
            Err(status) => judged(&status, service),
        }
    }
}

fn judged(status: &Status, service: &str) -> Result<Answer> {
    let mut cause = status.source();
    while let Some(error) = cause {
        let refused = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if refused == Some(io::ErrorKind::ConnectionRefused) {
            return Ok(Answer::Later("cannot be reached".to_owned(), None));
        }
        cause = error.source();
    }
    let said = format!("answers {:?}", status.code());
    let delay = retry_delay(status.details());
    match status.code() {
        _ if status.source().is_some() => Ok(Answer::None(format!("gives no answer ({})", status.message()))),
        Code::DeadlineExceeded | Code::Cancelled => Ok(Answer::None(said)),
        Code::Unavailable | Code::Aborted | Code::OutOfRange | Code::DataLoss => Ok(Answer::Later(said, delay)),
        Code::ResourceExhausted if delay.is_some() => Ok(Answer::Later(said, delay)),
        code => Err(Error::Refused {
            url: service.to_owned(),
            status: u16::try_from(code as i32).unwrap_or_default(),
            said: status.message().chars().take(200).collect(),
        }),
    }
}

/// `google.rpc.Status`, as far as it matters here.
#[derive(Clone, PartialEq, prost::Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

fn retry_delay(details: &[u8]) -> Option<Duration> {
    let found = Details::decode(details)
        .ok()?
        .details
        .into_iter()
        .find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&found.value[..]).ok()?.retry_delay?;
    Some(Duration::new(delay.seconds.try_into().ok()?, delay.nanos.try_into().ok()?))
}

/// Messages that are bytes already.
struct Encoded;

impl Codec for Encoded {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Encoded {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> std::result::Result<(), Status> {
        out.put(Bytes::from(item));
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> std::result::Result<Option<Vec<u8>>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        Ok(Some(bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worth_another_try_and_when() {
        let retry = RetryInfo { retry_delay: Some(Delay { seconds: 1, nanos: 500_000_000 }) };
        let any = Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".into(), value: retry.encode_to_vec() };
        let details = Details { details: vec![any] }.encode_to_vec();
        let asked = Status::with_details(Code::ResourceExhausted, "slowly", details.into());
        assert!(matches!(judged(&asked, "x"), Ok(Answer::Later(_, Some(wait))) if wait == Duration::from_millis(1500)));
        assert!(matches!(judged(&Status::unavailable("no"), "x"), Ok(Answer::Later(_, None))));
        assert!(judged(&Status::resource_exhausted("never"), "x").is_err(), "it does not say when");
        assert!(judged(&Status::invalid_argument("never"), "x").is_err());
    }
}
