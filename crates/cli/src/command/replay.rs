//! `sim replay`: a finished run, sent to a receiver. Nothing is simulated.

use crate::arguments::{Protocol, Replay, Semconv};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::terminal;
use knockon_export::SemanticConventions;
use knockon_replay::{Account, Sending, send};
use knockon_telemetry::{MANIFEST, RunReader};

pub(crate) fn execute(arguments: &Replay) -> Result<Exit, Failure> {
    if !arguments.run.join(MANIFEST).exists() {
        return Err(Failure::no_run(&arguments.run));
    }
    if arguments.semconv.is_some() && arguments.protocol == Protocol::RemoteWrite {
        return Err(Failure::new(Exit::Usage, "remote write has no attributes that `--semconv` would name")
            .hint("leave --semconv out; it is for --protocol http/protobuf and grpc"));
    }
    let interrupt = Interrupt::watch()?;
    let run = RunReader::open(&arguments.run)?;
    let sending = Sending {
        to: arguments.to.clone(),
        protocol: match arguments.protocol {
            Protocol::HttpProtobuf => knockon_replay::Protocol::HttpProtobuf,
            Protocol::Grpc => knockon_replay::Protocol::Grpc,
            Protocol::RemoteWrite => knockon_replay::Protocol::RemoteWrite,
        },
        speed: arguments.speed,
        shift_to_now: arguments.shift_to_now,
        looped: arguments.looped,
        headers: arguments.headers.clone(),
        semconv: match arguments.semconv.unwrap_or(Semconv::Stable) {
            Semconv::Stable => SemanticConventions::Stable,
            Semconv::Old => SemanticConventions::Old,
            Semconv::Both => SemanticConventions::Both,
        },
        resume: arguments.resume.clone(),
    };
    let account = send(&run, &sending, &|| interrupt.pending().is_some(), &mut terminal::tell)?;
    terminal::print(&told(&account))?;
    Ok(if account.finished { Exit::Success } else { interrupt.pending().unwrap_or(Exit::Success) })
}

fn told(account: &Account) -> String {
    let rejected: u64 = account.signals.values().map(|sum| sum.rejected).sum();
    let mut text = match (account.finished, account.passes) {
        (true, _) if rejected > 0 => "sent       all of it, of which the receiver rejected some\n".to_owned(),
        (true, _) => "sent       all of it\n".to_owned(),
        (false, 0) => "stopped    before all of it was sent\n".to_owned(),
        (false, 1) => "stopped    after all of it was sent once\n".to_owned(),
        (false, passes) => format!("stopped    after all of it was sent {passes} times\n"),
    };
    for (signal, sum) in &account.signals {
        text.push_str(&format!(
            "{:9}  {} in {} requests, {} requests sent again, {} rejected, {} possibly sent twice\n",
            signal.name(),
            sum.records,
            sum.requests,
            sum.retried,
            sum.rejected,
            sum.possibly_twice
        ));
    }
    text
}
