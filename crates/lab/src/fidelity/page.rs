//! The page of all comparisons: Markdown, for people.

use super::Comparison;
use crate::expectations::Verdict;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Writes the page: totals by family, a table for each set, in the order given.
#[must_use]
pub fn page(comparisons: &[Comparison]) -> String {
    let mut page = String::from(
        "# What real systems did, and what knockon says\n\n\
         Real HikariCP, PostgreSQL, OpenJDK, Redis, nginx and sockets were given work, three times each; the scenarios in\n\
         `scenarios/fidelity/` replay the very same arrivals, with the real software's parameters. For each observable: the median of\n\
         the repeats with their smallest and largest value, what was simulated, by how much it differs from the median, and the bounds between\n\
         which a prediction is fair: the repeats' range, widened by what one may expect of any model (counts and shares 5 %, instants 10 %, shares\n\
         of time in collections 25 %, pauses 30 %, times of death 8 %; verdicts of yes and no exactly).\n\
         A miss that a scenario declares is explained below the table by the mechanism that is absent; it counts as a miss all the same.\n\n\
         This page is written by `sim run scenarios/fidelity --summary --format markdown > FIDELITY.md`; a test holds it to what the scenarios give.\n\n\
         | family | sets | observables | fair |\n| --- | --- | --- | --- |\n",
    );
    let mut families: Vec<&str> = Vec::new();
    let counted: Vec<&Comparison> = comparisons.iter().filter(|comparison| comparison.counted).collect();
    for comparison in &counted {
        if !families.contains(&comparison.family) {
            families.push(comparison.family);
        }
    }
    for family in &families {
        let of: Vec<&Comparison> = counted.iter().copied().filter(|comparison| comparison.family == *family).collect();
        total(&mut page, family, &of);
    }
    total(&mut page, "all", &counted);
    for set in sets(comparisons) {
        let of: Vec<&Comparison> = comparisons.iter().filter(|comparison| comparison.set == set).collect();
        let fair = of.iter().filter(|comparison| comparison.is_fair()).count();
        let apart =
            if of.iter().all(|comparison| comparison.counted) { "" } else { " They do not count in the table above." };
        let _ = writeln!(page, "\n## {set}\n\n{} of {} fair.{apart}\n", fair, of.len());
        page.push_str("| observable | measured | simulated | difference | fair | verdict |\n| --- | --- | --- | --- | --- | --- |\n");
        for comparison in &of {
            row(&mut page, comparison);
        }
        let missed = of.iter().filter(|comparison| !comparison.is_fair());
        let mechanisms: std::collections::BTreeSet<&str> =
            missed.filter_map(|comparison| comparison.mechanism.as_deref()).collect();
        for mechanism in mechanisms {
            let _ = writeln!(page, "\n{mechanism}");
        }
    }
    page
}

/// Sets in the order of their first comparison.
fn sets(comparisons: &[Comparison]) -> Vec<&str> {
    let mut seen = BTreeMap::new();
    for comparison in comparisons {
        let next = seen.len();
        seen.entry(comparison.set.as_str()).or_insert(next);
    }
    let mut sets: Vec<(&str, usize)> = seen.into_iter().collect();
    sets.sort_by_key(|(_, place)| *place);
    sets.into_iter().map(|(set, _)| set).collect()
}

fn total(page: &mut String, name: &str, of: &[&Comparison]) {
    let fair = of.iter().filter(|comparison| comparison.is_fair()).count();
    let sets: std::collections::BTreeSet<&str> = of.iter().map(|comparison| comparison.set.as_str()).collect();
    let share = if of.is_empty() { 0.0 } else { fair as f64 / of.len() as f64 * 100.0 };
    let _ = writeln!(page, "| {name} | {} | {} | {fair} ({share:.1} %) |", sets.len(), of.len());
}

fn row(page: &mut String, comparison: &Comparison) {
    let Comparison { observable, median, smallest, largest, fair: [low, high], simulated, .. } = comparison;
    let measured = if smallest == largest {
        number(*median)
    } else {
        format!("{} ({} to {})", number(*median), number(*smallest), number(*largest))
    };
    let (simulated, difference) = match simulated {
        None => ("none".to_owned(), String::new()),
        Some(value) => (number(*value), difference(*value, *median)),
    };
    let verdict = match Verdict::of(comparison) {
        Verdict::Held => "fair".to_owned(),
        Verdict::Differs | Verdict::NotMeasured => "**miss**".to_owned(),
        other => format!("**{other}**"),
    };
    let _ = writeln!(
        page,
        "| `{observable}` | {measured} | {simulated} | {difference} | {} to {} | {verdict} |",
        number(*low),
        number(*high)
    );
}

/// By how much a value lies above another: in parts of it, or as it is where that is nothing.
fn difference(value: f64, of: f64) -> String {
    if of.abs() < 1e-9 { format!("{:+.3}", value - of) } else { format!("{:+.1} %", (value - of) / of.abs() * 100.0) }
}

/// Four digits that count, no more.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 1000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 1.0 => 3,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fidelity::made_up::{comparison, declared};

    #[test]
    fn numbers_have_four_digits_that_count() {
        for (value, text) in
            [(0.0, "0"), (0.12345, "0.1235"), (1.5, "1.5"), (22.97164, "22.97"), (150.26, "150.3"), (8400.4, "8400")]
        {
            assert_eq!(number(value), text);
        }
        assert_eq!(difference(1.1, 1.0), "+10.0 %");
        assert_eq!(difference(0.02, 0.0), "+0.020");
    }

    #[test]
    fn a_miss_is_shown_as_a_miss() {
        let why = |simulated| declared(simulated, "Absent: regions.");
        let page = page(&[
            comparison(Some(5.0)),
            comparison(Some(7.0)),
            comparison(None),
            why(Some(7.0)),
            why(None),
            why(Some(5.0)),
        ]);
        for line in [
            "| heap | 1 | 6 | 2 (33.3 %) |",
            "2 of 6 fair.\n",
            "| `full` | 4 (3 to 5) | 7 | +75.0 % | 2 to 6 | **missed, explained** |",
            "| `full` | 4 (3 to 5) | none |  | 2 to 6 | **missed, explained** |",
            "| `full` | 4 (3 to 5) | 5 | +25.0 % | 2 to 6 | **no longer a miss: remove it** |\n\nAbsent: regions.\n",
            "| `full` | 4 (3 to 5) | 5 | +25.0 % | 2 to 6 | fair |",
            "| `full` | 4 (3 to 5) | 7 | +75.0 % | 2 to 6 | **miss** |",
            "| `full` | 4 (3 to 5) | none |  | 2 to 6 | **miss** |",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}
