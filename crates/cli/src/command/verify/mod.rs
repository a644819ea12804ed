//! `sim verify`: the same world in two processes, compared in lockstep.
//!
//! Both sides tell their events and digest at the same simulated instants. At the first instant that differs both are run once
//! more and tell every event since the last instant that was equal; the first of those that differs is named. Two processes rather
//! than two worlds in one: addresses, allocation and environment differ between processes, and a result must not hang on them.

pub(crate) mod side;

use crate::arguments::{Subjected, Verify};
use crate::command::load;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal;
use std::io::{self, BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Instants at which the sides are compared.
const INSTANTS: u64 = 4_096;

pub(crate) fn execute(arguments: &Verify) -> Result<Exit, Failure> {
    // Errors of the scenario are reported once and by this process.
    load::scenario(&arguments.subject)?;
    let sides = Sides { subject: &arguments.subject, tamper: arguments.tamper.as_ref() };
    match sides.first_difference(None)? {
        Outcome::Same { last, lines } => {
            let mut words = last.split_whitespace().skip(1);
            let (events, digest) = (words.next().unwrap_or("0"), words.next().unwrap_or("none"));
            terminal::print(&format!("same: {events} events, compared at {lines} instants, digest {digest}\n"))?;
            Ok(Exit::Success)
        }
        Outcome::Different { earlier, before, first, second } => {
            // One instant more, so that an event that is the same can be told too.
            let (told_from_ns, after_ns) = (instant_ns(earlier.as_deref()), instant_ns(before.as_deref()));
            let until_ns = instant_ns(Some(if first.is_empty() { &second } else { &first }));
            let event = sides.first_difference(Some((told_from_ns, until_ns)))?;
            terminal::print(&report(after_ns, until_ns, &event))?;
            Ok(Exit::Diverged)
        }
    }
}

/// What the comparison of two streams of lines found.
enum Outcome {
    Same {
        last: String,
        lines: u64,
    },
    /// The lines that differ, the equal one before them and the one before that.
    Different {
        earlier: Option<String>,
        before: Option<String>,
        first: String,
        second: String,
    },
}

struct Sides<'a> {
    subject: &'a Subjected,
    tamper: Option<&'a (String, String)>,
}

impl Sides<'_> {
    /// Runs both sides, over an interval of events or over all instants, until they differ.
    fn first_difference(&self, events: Option<(u64, u64)>) -> Result<Outcome, Failure> {
        let mut first = Side::start(self.subject, None, events)?;
        let mut second = Side::start(self.subject, self.tamper, events)?;
        let (mut earlier, mut before, mut lines) = (None, None, 0);
        loop {
            match (first.line()?, second.line()?) {
                (None, None) => {
                    first.end()?;
                    second.end()?;
                    return Ok(Outcome::Same { last: before.unwrap_or_default(), lines });
                }
                (one, other) if one == other => {
                    earlier = std::mem::replace(&mut before, one);
                    lines += 1;
                }
                (one, other) => {
                    // A side that told less than the other must at least have ended well.
                    if one.is_none() {
                        first.end()?;
                    }
                    if other.is_none() {
                        second.end()?;
                    }
                    let (first, second) = (one.unwrap_or_default(), other.unwrap_or_default());
                    return Ok(Outcome::Different { earlier, before, first, second });
                }
            }
        }
    }
}

/// A child process and the lines that it tells. Ends with its owner.
struct Side {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Side {
    fn start(
        subject: &Subjected,
        tamper: Option<&(String, String)>,
        events: Option<(u64, u64)>,
    ) -> Result<Self, Failure> {
        let failed =
            |error: &io::Error| Failure::new(Exit::InputOutput, "cannot start a second process").because(error);
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let mut command = Command::new(program);
        command.arg("verify-side").arg(&subject.scenario);
        command.arg("--seed").arg(subject.changes.seed.to_string());
        for (path, value) in subject.changes.overrides.iter().chain(tamper) {
            command.arg("--set").arg(format!("{path}={value}"));
        }
        for fault in &subject.changes.without {
            command.arg("--without").arg(fault);
        }
        if let Some(until) = &subject.changes.until {
            command.arg("--until").arg(format!("{}ns", until.as_nanos()));
        }
        if let Some((after_ns, until_ns)) = events {
            command.arg("--events-after").arg(after_ns.to_string());
            command.arg("--events-until").arg(until_ns.to_string());
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| failed(&error))?;
        let stdout = child.stdout.take().expect("the child was started with a pipe");
        Ok(Self { child, lines: BufReader::new(stdout).lines() })
    }

    fn line(&mut self) -> Result<Option<String>, Failure> {
        self.lines
            .next()
            .transpose()
            .map_err(|error| Failure::new(Exit::InputOutput, "cannot read from a compared process").because(&error))
    }

    fn end(&mut self) -> Result<(), Failure> {
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::new(Exit::Bug, format!("a compared process ended with {status}"))),
            Err(error) => Err(Failure::new(Exit::InputOutput, "cannot wait for a compared process").because(&error)),
        }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first word of a line: nanoseconds.
fn instant_ns(line: Option<&str>) -> u64 {
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn report(after_ns: u64, until_ns: u64, events: &Outcome) -> String {
    match events {
        Outcome::Same { .. } => format!(
            "different between {after_ns} ns and {until_ns} ns, but no event differed when both were run again:\n\
             the runs do not repeat even in themselves\n"
        ),
        Outcome::Different { before, first, second, .. } => {
            let told = |line: &str| if line.is_empty() { "(no more events)".to_owned() } else { in_words(line) };
            let before =
                before.as_deref().map_or_else(|| "(no event since the last equal instants)".to_owned(), in_words);
            format!(
                "different: the first event that differs lies between {after_ns} ns and {until_ns} ns\n  \
                 last equal  {before}\n  first side  {}\n  second side {}\n",
                told(first),
                told(second),
            )
        }
    }
}

/// `sequence time digest⇥text` for people.
fn in_words(line: &str) -> String {
    let (numbers, text) = line.split_once('\t').unwrap_or((line, ""));
    let mut numbers = numbers.split_whitespace();
    let (sequence, time_ns, digest) = (numbers.next(), numbers.next(), numbers.next());
    format!(
        "event {} at {} ns: {text} (digest {})",
        sequence.unwrap_or("?"),
        time_ns.unwrap_or("?"),
        digest.unwrap_or("?")
    )
}
