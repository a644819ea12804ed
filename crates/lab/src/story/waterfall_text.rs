//! A request as text: a bar for each span, what was logged below it, its twin beside it.

use super::blame::Holder;
use super::toll;
use super::waterfall::{Log, Parts, Twin, Waterfall};
use super::words::{clock, count, difference, duration};
use knockon_model::record::Part;
use std::fmt::Write as _;

/// Columns of a bar.
const BAR: usize = 32;
/// A part of the ledger is named if it is at least this much of its span.
const NAMED: f64 = 0.01;

impl Waterfall {
    /// The text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.tell_client(&mut text);
        self.tell_spans(&mut text);
        self.tell_twins(&mut text);
        if !self.holders.is_empty() {
            text.push_str("\nwho held what requests like it waited for, in these windows (truth/blame)\n");
        }
        for line in Holder::in_lines(&self.holders) {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    fn tell_client(&self, text: &mut String) {
        let Some(client) = &self.client else {
            let _ =
                writeln!(text, "trace {}: had not ended when the run did (no row in truth/requests)", self.trace_id);
            return;
        };
        let _ = writeln!(text, "request {} of {}: {}", client.number, client.source, client.name);
        let _ = writeln!(text, "trace      {}", self.trace_id);
        let _ = writeln!(text, "sent       {}", clock(client.sent_ns));
        let attempts =
            if client.attempts == 1 { String::new() } else { format!(", {} attempts", count(client.attempts)) };
        let _ = writeln!(
            text,
            "ended      {} after {}{attempts}",
            outcome(&client.outcome, client.status, client.error.as_deref()),
            duration(client.latency_ns as f64)
        );
    }

    fn tell_spans(&self, text: &mut String) {
        let (from, until) = self.extent_ns();
        if self.spans.is_empty() {
            text.push_str("\nno spans: no server finished anything for it\n");
        } else {
            text.push_str("\nsince sent   duration  (observed/spans; where the time went: truth/ledger)\n");
        }
        let name = |line: &super::Line| format!("{}{} {}", "  ".repeat(line.depth), line.span.service, line.span.name);
        let wide = self.spans.iter().map(|line| name(line).chars().count()).max().unwrap_or(0);
        for line in &self.spans {
            let span = &line.span;
            let failed = match (&span.error, span.failed) {
                (Some(error), _) => format!(" [{error}]"),
                (None, true) => " [error]".to_owned(),
                (None, false) => String::new(),
            };
            let resends = span.resends.map_or(String::new(), |times| format!(" (resent, {times})"));
            let _ = writeln!(
                text,
                "{:>10}  {:>9}  {}  {:<wide$}  {}",
                difference((span.start_ns - from) as f64),
                duration(span.duration_ns as f64),
                bar(span.start_ns - from, span.duration_ns, until - from),
                name(line),
                format!("{}{failed}{resends}", in_words(&span.parts, span.duration_ns)).trim(),
            );
            line.logs.iter().for_each(|log| tell_log(text, log, from));
        }
        self.logs.iter().for_each(|log| tell_log(text, log, from));
        if self.spans.iter().any(|line| line.depth == 0 && line.span.parent_span_id.is_some()) {
            text.push_str(
                "the span that caused those at the left was never written: its process died, or it had not ended\n",
            );
        }
    }

    fn tell_twins(&self, text: &mut String) {
        if self.twins.is_empty() {
            text.push_str(if self.compared {
                "\nwithout the fault: the same, to the nanosecond (no row in truth/effects)\n"
            } else {
                "\nit was not compared with a world without faults: none was in force, or the run has no truth/effects\n"
            });
        }
        for twin in &self.twins {
            let names: Vec<_> = twin.faults.iter().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(text, "\nwithout {} (truth/effects, contrast {})", names.join(", "), twin.contrast);
            let end = outcome(&twin.without_outcome, twin.without_status, twin.without_error.as_deref());
            match twin.without_latency_ns {
                Some(latency) => {
                    let _ = writeln!(text, "  {end} after {}", duration(latency as f64));
                }
                None => text.push_str("  not sent, or not ended\n"),
            }
            if let (Some(client), Some(whole), Some(without)) =
                (&self.client, twin.difference_ns, twin.without_latency_ns)
            {
                tell_parts(text, &client.parts, twin, (client.latency_ns, without, whole));
            }
            let _ = writeln!(text, "  {}", verdict(twin));
        }
    }
}

fn verdict(twin: &Twin) -> String {
    let band = twin.band_ns.map_or_else(
        || "nothing is known of what chance does here".to_owned(),
        |band| match band {
            0 => "chance moves fewer than one such request in two hundred".to_owned(),
            band => format!("chance moves such a request by {} at most", duration(band as f64)),
        },
    );
    match (twin.hurt, twin.outside) {
        (true, _) => format!("the fault hurt it: {band}"),
        (false, true) => format!("it is not the same, and not counted as hurt by the fault: {band}"),
        (false, false) => format!("chance explains the difference: {band}"),
    }
}

fn tell_parts(text: &mut String, with: &Parts, twin: &Twin, whole: (i64, i64, i64)) {
    let without = twin.parts_without(with);
    let _ = writeln!(text, "  {:<24}  {:>9}  {:>9}  {:>10}", "where its time went", "with", "without", "difference");
    for part in Part::ALL {
        let (a, b) = (with.get(part), without.get(part));
        if a != 0 || b != 0 {
            row(text, toll::words(part.column().trim_end_matches("_ns")), (a, b, a - b));
        }
    }
    row(text, "in all", whole);
}

fn row(text: &mut String, head: &str, (with, without, apart): (i64, i64, i64)) {
    let (with, without, apart) = (duration(with as f64), duration(without as f64), difference(apart as f64));
    let _ = writeln!(text, "  {head:<24}  {with:>9}  {without:>9}  {apart:>10}");
}

fn tell_log(text: &mut String, log: &Log, from: u64) {
    let _ = writeln!(
        text,
        "{:>10}  {:>9}  {:BAR$}  {} {}: {}",
        difference(log.time_ns.saturating_sub(from) as f64),
        "log",
        "",
        log.service,
        log.severity,
        // A stack trace would bury the rest.
        log.body.lines().next().unwrap_or_default()
    );
}

fn outcome(outcome: &str, status: Option<i64>, error: Option<&str>) -> String {
    match (status, error) {
        (Some(status), _) => format!("{outcome} ({status})"),
        (None, Some(error)) => format!("{outcome} ({error})"),
        (None, None) => outcome.to_owned(),
    }
}

/// Parts of a span that matter, the largest first.
fn in_words(parts: &Parts, duration_ns: i64) -> String {
    let named = parts.largest_first().into_iter().filter(|&(_, ns)| ns as f64 >= duration_ns as f64 * NAMED);
    let told: Vec<_> = named.map(|(part, ns)| format!("{} {}", part.replace('_', " "), duration(ns as f64))).collect();
    told.join(", ")
}

/// Where a span lies within the whole; at least one column, so that it is seen.
fn bar(start: u64, length: i64, whole: u64) -> String {
    let column = |at: u64| libm::round(at as f64 / whole.max(1) as f64 * BAR as f64) as usize;
    let from = column(start).min(BAR - 1);
    let until = column(start.saturating_add_signed(length)).clamp(from + 1, BAR);
    format!("{}{}{}", "·".repeat(from), "█".repeat(until - from), "·".repeat(BAR - until))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_lie_where_the_time_does_and_are_never_empty() {
        assert_eq!(bar(0, 100, 100), "█".repeat(BAR));
        assert_eq!(bar(50, 50, 100), "·".repeat(BAR / 2) + &"█".repeat(BAR / 2));
        assert_eq!(bar(100, 0, 100), "·".repeat(BAR - 1) + "█");
        assert_eq!(bar(0, 0, 0), "█".to_owned() + &"·".repeat(BAR - 1));
    }
}
