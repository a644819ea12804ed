//! One table over the expectations of many scenarios, and of many runs of each: what was expected, what was measured, how wide the
//! band is, and what came of it. The same facts as text for people, as JSON for programs and as a page to be kept; none knows how long
//! anything took.

use crate::expectations::{Judgement, Verdict};
use crate::fidelity::{Comparison, page};
use knockon_scenario::Measured;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One expectation of one scenario.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Row {
    /// Name of the scenario.
    pub system: String,
    /// What was looked at.
    pub statistic: String,
    /// What was expected of it.
    pub expected: String,
    /// What was measured; over several runs the smallest and the largest.
    pub measured: String,
    /// Half the width of the band of four standard errors; over several runs that of the widest.
    pub band: String,
    /// What came of it, in words.
    pub verdict: String,
    /// Whether it held in all runs.
    pub held: bool,
    /// In how many runs it held.
    pub held_in: usize,
    /// In how many runs it was missed, and explained.
    pub explained_in: usize,
    /// How many runs there are.
    pub runs: usize,
    /// The judgements of all runs that came to one.
    pub judgements: Vec<serde_json::Value>,
    /// Where one run was held against the real thing: what the page of comparisons tells of it.
    #[serde(skip)]
    pub comparison: Option<Comparison>,
}

const HEAD: [&str; 6] = ["system", "statistic", "expected", "measured", "band", "verdict"];

impl Row {
    fn cells(&self) -> [String; 6] {
        let Self { system, statistic, expected, measured, band, verdict, .. } = self;
        [system, statistic, expected, measured, band, verdict].map(Clone::clone)
    }
}

/// The table.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Overview {
    rows: Vec<Row>,
    scenarios: usize,
}

impl Overview {
    /// Adds a scenario by the judgements of its runs, one a seed; `Err` is why a run came to none.
    pub fn add(&mut self, system: &str, runs: &[Result<&[Judgement], String>]) {
        self.scenarios += 1;
        let told: Vec<&[Judgement]> = runs.iter().filter_map(|run| run.as_ref().ok().copied()).collect();
        let row = |statistic: &str, verdict: String, (held_in, explained_in): (usize, usize)| Row {
            system: system.to_owned(),
            statistic: statistic.to_owned(),
            expected: String::new(),
            measured: String::new(),
            band: String::new(),
            verdict,
            held: held_in == runs.len(),
            held_in,
            explained_in,
            runs: runs.len(),
            judgements: Vec::new(),
            comparison: None,
        };
        let mut problems: Vec<&String> = runs.iter().filter_map(|run| run.as_ref().err()).collect();
        problems.dedup();
        for problem in problems {
            self.rows.push(row("", problem.clone(), (told.len(), 0)));
        }
        for at in 0..told.first().map_or(0, |judgements| judgements.len()) {
            let all: Vec<&Judgement> = told.iter().filter_map(|judgements| judgements.get(at)).collect();
            let held_in = all.iter().filter(|judgement| judgement.held()).count();
            let explained_in = all.iter().filter(|judgement| judgement.is_explained()).count();
            let verdict = match all[..] {
                [one] if runs.len() == 1 => one.verdict.to_string(),
                _ => format!("held in {held_in} of {}{}", runs.len(), others(&all)),
            };
            let cells = Cells::of(&all);
            self.rows.push(Row {
                expected: cells.expected,
                measured: cells.measured,
                band: cells.band,
                judgements: all.iter().map(|judgement| judgement.to_json()).collect(),
                comparison: all[0].comparison.clone().filter(|_| runs.len() == 1),
                ..row(&cells.statistic, verdict, (held_in, explained_in))
            });
        }
    }

    /// The rows so far.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many rows held in all runs.
    fn held(&self) -> usize {
        self.rows.iter().filter(|row| row.held).count()
    }

    /// How many rows did not hold in all runs, but were missed, and explained, in the others.
    fn explained(&self) -> usize {
        self.rows.iter().filter(|row| row.explained_in > 0 && row.held_in + row.explained_in == row.runs).count()
    }

    /// For people: columns, and a line that counts.
    #[must_use]
    pub fn to_text(&self) -> String {
        let head = HEAD.map(str::to_owned);
        let lines: Vec<[String; 6]> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let mut widths = [0; 6];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        for line in &lines {
            let padded: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            let _ = writeln!(text, "{}", padded.join("  ").trim_end());
        }
        let _ = writeln!(text, "{}", self.count());
        text
    }

    /// The line that counts.
    fn count(&self) -> String {
        let plural = if self.scenarios == 1 { "" } else { "s" };
        let explained = match self.explained() {
            0 => String::new(),
            explained => format!(", {explained} missed and explained"),
        };
        format!("{} of {} held{explained}, in {} scenario{plural}", self.held(), self.rows.len(), self.scenarios)
    }

    /// For people, as Markdown: a table of what is no comparison with the real thing, if there is any, then the page of comparisons, if
    /// there are any.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let comparisons: Vec<Comparison> = self.rows.iter().filter_map(|row| row.comparison.clone()).collect();
        let others: Vec<&Row> = self.rows.iter().filter(|row| row.comparison.is_none()).collect();
        let mut text = String::new();
        if !others.is_empty() || comparisons.is_empty() {
            let _ = writeln!(text, "# What was expected, and what was measured\n\n{}.\n", self.count());
            let _ = writeln!(text, "| {} |\n|{}", HEAD.join(" | "), " --- |".repeat(HEAD.len()));
            for row in others {
                let _ = writeln!(text, "| {} |", row.cells().map(|cell| cell.replace('|', "\\|")).join(" | "));
            }
        }
        if !comparisons.is_empty() {
            text.push_str(if text.is_empty() { "" } else { "\n" });
            text.push_str(&page(&comparisons));
        }
        text
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "expectations": self.rows,
            "held": self.held(),
            "explained": self.explained(),
            "of": self.rows.len(),
            "scenarios": self.scenarios,
        })
    }
}

/// What else came of an expectation, and in how many runs.
fn others(all: &[&Judgement]) -> String {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for judgement in all.iter().filter(|judgement| !judgement.held()) {
        *counts.entry(judgement.verdict).or_default() += 1;
    }
    counts.into_iter().map(|(verdict, count)| format!("; {verdict} in {count}")).collect()
}

/// What the middle of a row shows.
struct Cells {
    statistic: String,
    expected: String,
    measured: String,
    band: String,
}

impl Cells {
    /// Of the judgements of one expectation in several runs.
    fn of(all: &[&Judgement]) -> Self {
        let first = all[0];
        if let Some(comparison) = &first.comparison {
            let [low, high] = comparison.fair;
            let simulated = all.iter().filter_map(|judgement| judgement.comparison.as_ref()?.simulated);
            return Self {
                statistic: comparison.observable.to_string(),
                expected: format!("{:.6}", comparison.median).trim_end_matches('0').trim_end_matches('.').to_owned(),
                measured: range(simulated, |value| format!("{value:.4}")),
                band: format!("{low:.4} to {high:.4}"),
            };
        }
        let numbers: Vec<_> = all.iter().filter_map(|judgement| judgement.numbers).collect();
        let Some(one) = numbers.first() else {
            let mut measured: Vec<&str> = all.iter().map(|judgement| judgement.measured.as_str()).collect();
            measured.sort_unstable();
            measured.dedup();
            let more = measured.len().saturating_sub(2);
            let told = measured.iter().take(2).copied().collect::<Vec<_>>().join(", ");
            let expected = first.expected.strip_prefix(&first.subject).unwrap_or(&first.expected);
            return Self {
                statistic: first.subject.clone(),
                expected: expected.trim_start_matches([':', ' ']).to_owned(),
                measured: if more == 0 { told } else { format!("{told} and {more} more") },
                band: String::new(),
            };
        };
        let shown = |number| Measured(number, one.unit).to_string();
        let widest = numbers.iter().map(|numbers| numbers.half_width).fold(0.0, knockon_kernel::math::max);
        let slack = if one.slack > 0.0 { format!(" + {}", shown(one.slack)) } else { String::new() };
        Self {
            statistic: first.subject.clone(),
            expected: shown(one.expected),
            measured: range(numbers.iter().map(|numbers| numbers.measured), shown),
            band: format!("± {} ({:.1} %){slack}", shown(widest), widest / one.expected * 100.0),
        }
    }
}

/// The smallest and the largest of some values; one where they are the same, nothing where there are none.
fn range(values: impl Iterator<Item = f64>, shown: impl Fn(f64) -> String) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match (values.first().map(|&value| shown(value)), values.last().map(|&value| shown(value))) {
        (Some(low), Some(high)) if low != high => format!("{low} … {high}"),
        (Some(low), _) => low,
        _ => Verdict::NotMeasured.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expectations::Numbers;
    use crate::fidelity::made_up::{comparison, declared};
    use knockon_scenario::Unit;
    use std::slice::from_ref;

    fn judgement(expected: &str, subject: &str, measured: &str, verdict: Verdict) -> Judgement {
        let (expected, subject, measured) = (expected.to_owned(), subject.to_owned(), measured.to_owned());
        Judgement { expected, subject, measured, verdict, numbers: None, comparison: None }
    }

    fn value(measured: f64, half_width: f64, verdict: Verdict) -> Judgement {
        let numbers =
            Numbers { expected: 0.5, measured, half_width, slack: 0.0, correlation: 0.0, unit: Unit::Seconds };
        Judgement { numbers: Some(numbers), ..judgement("", "clients.latency.mean", "", verdict) }
    }

    #[test]
    fn one_table_of_many_scenarios() {
        let mut overview = Overview::default();
        let held = [value(0.501, 0.004, Verdict::Held), judgement("api: never Exited", "api", "never", Verdict::Held)];
        overview.add("mm1", &[Ok(&held)]);
        overview.add("broken", &[Err("1 error in the scenario".into())]);
        let (one, two) = ([value(0.49, 0.004, Verdict::Held)], [value(0.53, 0.005, Verdict::Differs)]);
        overview.add("many", &[Ok(&one), Err("limit hit".into()), Ok(&two)]);
        assert_eq!(
            overview.to_text(),
            "\
system  statistic             expected      measured                 band                verdict
mm1     clients.latency.mean  500.000 ms    501.000 ms               ± 4.000 ms (0.8 %)  held
mm1     api                   never Exited  never                                        held
broken                                                                                   1 error in the scenario
many                                                                                     limit hit
many    clients.latency.mean  500.000 ms    490.000 ms … 530.000 ms  ± 5.000 ms (1.0 %)  held in 1 of 3; differs in 1
2 of 5 held, in 3 scenarios
"
        );
        let markdown = overview.to_markdown();
        assert!(
            markdown.starts_with(
                "# What was expected, and what was measured\n\n2 of 5 held, in 3 scenarios.\n\n| system |"
            )
        );
        assert!(markdown.ends_with("| many | clients.latency.mean | 500.000 ms | 490.000 ms … 530.000 ms | ± 5.000 ms (1.0 %) | held in 1 of 3; differs in 1 |\n"));
        let json = overview.to_json();
        assert_eq!((&json["held"], &json["of"]), (&2.into(), &5.into()));
        assert_eq!(json["expectations"][4]["judgements"][1]["verdict"], "differs");
    }

    #[test]
    fn what_is_held_against_the_real_thing_has_a_page_of_its_own() {
        let comparison = comparison(Some(5.0));
        let leak = [Judgement { comparison: Some(comparison.clone()), ..judgement("", "", "", Verdict::Held) }];
        let mut overview = Overview::default();
        overview.add("leak", &[Ok(&leak)]);
        assert_eq!(overview.to_markdown(), page(&[comparison]));
        overview.add("broken", &[Err("1 error in the scenario".into())]);
        let markdown = overview.to_markdown();
        let (table, rest) = markdown.split_once("\n\n# What real systems did").expect("both");
        assert!(
            table.ends_with("| broken |  |  |  |  | 1 error in the scenario |")
                && rest.contains("| `full` | 4 (3 to 5) | 5 |")
        );
        // Of several seeds there is no one prediction.
        let mut overview = Overview::default();
        overview.add("leak", &[Ok(&leak), Ok(&leak)]);
        assert!(overview.to_markdown().contains("| leak | full | 4 | 5.0000 | 2.0000 to 6.0000 | held in 2 of 2 |"));
    }

    #[test]
    fn a_declared_miss_is_told_as_one_and_counts_as_none_that_held() {
        let judged = |simulated| Judgement::of_comparison(declared(Some(simulated), "Absent: regions."));
        let (miss, fair) = (judged(7.0), judged(5.0));
        assert!(miss.passes() && !miss.held() && !fair.passes() && !fair.held());
        let drawn = |simulated| {
            let comparison = declared(Some(simulated), "Absent: regions; and by 24 seeds it is chance.");
            Judgement::of_comparison(Comparison { drawn: true, ..comparison })
        };
        assert!(drawn(7.0).is_explained() && drawn(5.0).held(), "what hangs on draws may be fair");
        let undeclared = Judgement::of_comparison(comparison(Some(7.0)));
        assert!(!undeclared.passes() && !undeclared.held());

        let mut overview = Overview::default();
        let all = [miss.clone(), Judgement::of_comparison(comparison(Some(5.0)))];
        overview.add("leak", &[Ok(&all)]);
        overview.add("again", &[Ok(from_ref(&miss)), Ok(from_ref(&fair))]);
        overview.add("stale", &[Ok(from_ref(&fair))]);
        assert_eq!(
            overview.to_text(),
            "\
system  statistic  expected  measured         band              verdict
leak    full       4         7.0000           2.0000 to 6.0000  missed, explained
leak    full       4         5.0000           2.0000 to 6.0000  held
again   full       4         5.0000 … 7.0000  2.0000 to 6.0000  held in 0 of 2; missed, explained in 1; no longer a miss: remove it in 1
stale   full       4         5.0000           2.0000 to 6.0000  no longer a miss: remove it
1 of 4 held, 1 missed and explained, in 3 scenarios
"
        );
        let json = overview.to_json();
        assert_eq!((&json["held"], &json["explained"], &json["of"]), (&1.into(), &1.into(), &4.into()));
        let row = &json["expectations"][0];
        assert_eq!((&row["verdict"], &row["held"]), (&"missed, explained".into(), &false.into()));
        let told = &row["judgements"][0];
        assert_eq!(
            (&told["verdict"], &told["held"], &told["passes"]),
            (&"missed, explained".into(), &false.into(), &true.into())
        );
        assert_eq!(told["comparison"]["mechanism"], "Absent: regions.");
        assert!(overview.to_markdown().contains("| **missed, explained** |"));
    }
}
