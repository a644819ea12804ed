//! Two worlds in two processes, run side by side and compared.
//!
//! Both sides tell their events and digest at the same simulated instants. Around the first instant that differs both are run once
//! more and tell every event since the last instant that was equal; the first of those that differs is named. Two processes rather
//! than two worlds in one: addresses, allocation and environment differ between processes, and a result must not hang on them.
//!
//! The same world twice is the same in everything, down to the numbers of its events. Two worlds of which one has a fault or a service more
//! are numbered differently from the start: of them is compared what happened, when, where, to which request and how it ended
//! ([`Sides::by_name`]), in components that both have. That a fault acts is no difference then; what follows from it is.
//!
//! Deliberately not here: what the worlds are, and what a difference means. `sim verify` gives the same world twice, `sim diff` those of
//! two finished runs.

pub(crate) mod side;

use crate::arguments::Subjected;
use crate::exit::Exit;
use crate::failure::Failure;
use knockon_kernel::Duration;
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Instants at which sides are compared, about.
const INSTANTS: u64 = 4_096;

/// Two worlds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides<'a> {
    first: &'a Subjected,
    second: &'a Subjected,
    /// Distance of the instants.
    step_ns: u64,
    /// Components that are left out, where worlds are not the same.
    apart: Option<&'a BTreeSet<String>>,
}

/// Where two worlds stand at the same instants.
#[derive(Debug)]
pub(crate) struct Instants {
    /// How many of them were equal.
    pub(crate) equal: u64,
    /// What each side told last, of those that were run to their ends.
    pub(crate) last: [Option<Instant>; 2],
    /// Between which of them events part, if they do.
    pub(crate) parted: Option<Interval>,
    /// Between which of them what the worlds hold parts before any event does: a heap may fill for minutes until it is collected.
    pub(crate) held: Option<[u64; 2]>,
}

/// Where one world stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Instant {
    /// When.
    pub(crate) time_ns: u64,
    /// Events so far that are compared.
    pub(crate) events: u64,
    /// Digest of these events.
    of_events: String,
    /// Digest of what the world holds after them.
    held: String,
    /// Digest of all its events and of what it holds.
    pub(crate) digest: String,
}

/// The instants around a first difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Interval {
    /// So much earlier that an event that is the same can be told too, if there was one.
    told_from_ns: u64,
    /// The last instant at which both were equal.
    pub(crate) after_ns: u64,
    /// The first at which they were not.
    pub(crate) until_ns: u64,
}

/// Where two worlds part.
#[derive(Debug)]
pub(crate) struct Parting {
    /// The last event that is the same, if one was told.
    pub(crate) equal: Option<Told>,
    /// The first event of each side that is not; `None` where a side has no more.
    pub(crate) differing: [Option<Told>; 2],
}

/// An event, or whatever else a side tells when asked for events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    pub(crate) number: u64,
    pub(crate) time_ns: u64,
    pub(crate) digest: String,
    pub(crate) component: Option<String>,
    /// The request's trace, 32 hexadecimal digits.
    pub(crate) trace: Option<String>,
    pub(crate) text: String,
}

impl<'a> Sides<'a> {
    /// Two worlds, of which the longer one lasts `longest`.
    pub(crate) fn new(first: &'a Subjected, second: &'a Subjected, longest: Duration) -> Self {
        Self { first, second, step_ns: longest.as_nanos().div_ceil(INSTANTS).max(1), apart: None }
    }

    /// The same, compared by names. Instances and sources in `apart` are in one of them only.
    pub(crate) fn by_name(self, apart: &'a BTreeSet<String>) -> Self {
        Self { apart: Some(apart), ..self }
    }

    /// Compares both at all instants, or until their events differ.
    pub(crate) fn instants(&self, to_the_end: bool) -> Result<Instants, Failure> {
        let mut sides = self.start(None)?;
        let [mut earlier, mut before] = [None::<Instant>, None];
        let mut told = Instants { equal: 0, last: [None, None], parted: None, held: None };
        let ns = |instant: &Option<Instant>| instant.as_ref().map_or(0, |instant| instant.time_ns);
        loop {
            let lines = [sides[0].line()?, sides[1].line()?];
            if lines == [None, None] || told.parted.is_some() && !to_the_end {
                ended(sides, &lines)?;
                return Ok(told);
            }
            let instants = lines.each_ref().map(|line| line.as_deref().and_then(Instant::parse));
            let happened = match &instants {
                [Some(a), Some(b)] => (a.time_ns, a.events, &a.of_events) == (b.time_ns, b.events, &b.of_events),
                _ => lines[0] == lines[1],
            };
            let after_ns = ns(&before);
            let until_ns = instants.iter().map(ns).fold(after_ns, u64::max);
            if told.parted.is_none() && !happened {
                told.parted = Some(Interval { told_from_ns: ns(&earlier), after_ns, until_ns });
            }
            if told.parted.is_none() {
                let held = |instant: &Option<Instant>| instant.as_ref().map(|instant| instant.held.clone());
                if held(&instants[0]) == held(&instants[1]) {
                    told.equal += 1;
                } else {
                    told.held = told.held.or(Some([after_ns, until_ns]));
                }
                let events = |instant: &Option<Instant>| instant.as_ref().map_or(0, |instant| instant.events);
                let passed = std::mem::replace(&mut before, instants[0].clone());
                if events(&passed) != events(&before) {
                    earlier = passed;
                }
            }
            for (last, instant) in told.last.iter_mut().zip(instants) {
                // Of what ended at a limit the limit is told once more.
                *last = instant.or(last.take());
            }
        }
    }

    /// Finds the first event that differs; `None` if none does when both are run again.
    pub(crate) fn events(&self, interval: Interval) -> Result<Option<Parting>, Failure> {
        let mut sides = self.start(Some((interval.told_from_ns, interval.until_ns)))?;
        let mut before = None;
        loop {
            match [sides[0].line()?, sides[1].line()?] {
                [None, None] => {
                    sides.into_iter().try_for_each(Side::end)?;
                    return Ok(None);
                }
                [Some(one), Some(other)] if happened(&one) == happened(&other) => before = Some(one),
                lines => {
                    ended(sides, &lines)?;
                    let equal = before.as_deref().map(Told::parse);
                    return Ok(Some(Parting { equal, differing: lines.map(|line| line.as_deref().map(Told::parse)) }));
                }
            }
        }
    }

    fn start(&self, events: Option<(u64, u64)>) -> Result<[Side; 2], Failure> {
        Ok([self.side(self.first, events)?, self.side(self.second, events)?])
    }

    fn side(&self, subject: &Subjected, events: Option<(u64, u64)>) -> Result<Side, Failure> {
        Side::start(subject, self.step_ns, events, self.apart)
    }
}

/// What is told of an event without its number, which is another where others have happened in between.
fn happened(line: &str) -> &str {
    line.split_once(' ').map_or(line, |(_, happened)| happened)
}

/// A side that told less than the other must at least have ended well.
fn ended(sides: [Side; 2], lines: &[Option<String>; 2]) -> Result<(), Failure> {
    sides.into_iter().zip(lines).filter(|(_, line)| line.is_none()).try_for_each(|(side, _)| side.end())
}

impl Instant {
    /// `time events digest digest digest`; what else is told says why a side ended.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let instant = Self {
            time_ns: words.next()?.parse().ok()?,
            events: words.next()?.parse().ok()?,
            of_events: words.next()?.to_owned(),
            held: words.next()?.to_owned(),
            digest: words.next()?.to_owned(),
        };
        words.next().is_none().then_some(instant)
    }
}

impl Told {
    /// `number time digest⇥component⇥trace⇥text`; other lines are text.
    fn parse(line: &str) -> Self {
        Self::parsed(line).unwrap_or_else(|| Self {
            number: 0,
            time_ns: 0,
            digest: String::new(),
            component: None,
            trace: None,
            text: line.to_owned(),
        })
    }

    fn parsed(line: &str) -> Option<Self> {
        let mut fields = line.splitn(4, '\t');
        let mut numbers = fields.next()?.split(' ');
        let mut given = || fields.next().map(|field| (!field.is_empty()).then(|| field.to_owned()));
        Some(Self {
            number: numbers.next()?.parse().ok()?,
            time_ns: numbers.next()?.parse().ok()?,
            digest: numbers.next()?.to_owned(),
            component: given()?,
            trace: given()?,
            text: given()?.unwrap_or_default(),
        })
    }
}

/// A child process and the lines that it tells. Ends with its owner.
#[derive(Debug)]
struct Side {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Side {
    fn start(
        subject: &Subjected,
        step_ns: u64,
        events: Option<(u64, u64)>,
        apart: Option<&BTreeSet<String>>,
    ) -> Result<Self, Failure> {
        let failed =
            |error: &io::Error| Failure::new(Exit::InputOutput, "cannot start a second process").because(error);
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let mut command = Command::new(program);
        command.arg("verify-side").arg(&subject.scenario);
        command.arg("--seed").arg(subject.changes.seed.to_string());
        for (path, value) in &subject.changes.overrides {
            command.arg("--set").arg(format!("{path}={value}"));
        }
        for fault in &subject.changes.without {
            command.arg("--without").arg(fault);
        }
        if let Some(until) = &subject.changes.until {
            command.arg("--until").arg(format!("{}ns", until.as_nanos()));
        }
        command.arg("--step").arg(step_ns.to_string());
        if let Some((after_ns, until_ns)) = events {
            command.arg("--events-after").arg(after_ns.to_string());
            command.arg("--events-until").arg(until_ns.to_string());
        }
        if let Some(apart) = apart {
            command.arg("--by-name");
            for name in apart {
                command.arg("--apart").arg(name);
            }
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

    fn end(mut self) -> Result<(), Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sides_tell_is_read_back() {
        let instant = Instant::parse("15 3 0f aa 00ff").unwrap();
        assert_eq!((instant.time_ns, instant.events, &*instant.of_events, &*instant.digest), (15, 3, "0f", "00ff"));
        assert_eq!(instant.held, "aa");
        for line in ["15 limit hit", "15 3 0f", "15 3 0f 00ff", "", "15 3 0f aa 00ff more"] {
            assert_eq!(Instant::parse(line), None, "{line:?}");
        }
        let told = Told::parse("7 15 00ff\tapi-0\t\tdelivery of GET /a\tb");
        assert_eq!((told.number, told.time_ns, &*told.digest), (7, 15, "00ff"));
        assert_eq!((told.component.as_deref(), told.trace), (Some("api-0"), None));
        assert_eq!(told.text, "delivery of GET /a\tb");
        assert_eq!(Told::parse("ended early").text, "ended early");
    }
}
