//! The page of all comparisons: Markdown, for people.

use super::tolerance::{self, Kind};
use super::{About, Beside, Comparison};
use crate::expectations::Verdict;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What stands before the tables: what is judged and by whom, what is not, and what is no prediction.
const HEAD: &str = "\
# What real systems did, and what knockon says

Real HikariCP, PostgreSQL, OpenJDK, Redis, nginx and sockets were given work, three times each, on two cores that other programs used too; the
scenarios in `scenarios/fidelity/` replay the very same arrivals, with the real software's parameters. Each set names the versions and the machine's load.

**What is judged.** Who measured says of each set which observables count, and between which bounds a prediction is fair: the range of the repeats,
widened at either side by a part of their median, or by a floor where that is more; a floor is never more than half of the median, and where the median
is nothing a smallest amount stands in for both (a request, a hundredth). The table of kinds has parts and floors. Bounds that a floor decides are marked with †, and what is fair within a floor and would not be without one is told as such.
A miss that a scenario declares is explained below the table by the mechanism that is absent; it counts as a miss all the same.

**What is not judged.** Who measured left out inputs, values too small to matter, those that the real thing does not repeat, and instants of a first
failure of which a repeat has fewer than 20. Latencies under collections and numbers of young collections are left out too, and no reason is
recorded. All of it that can be reckoned of a run is shown below each set, however far off it is; it is in no share of fair predictions. Of the rest the
names are told.

**What is no prediction.** Arrivals, sizes and settings are inputs. Some constants were read off the very repeats that are predicted: each set says
which. What one of them decides alone (how long a connection is held, how long one pause takes) shows only that the constant was read well.
For scale: plain models of 180 lines with such constants (a first-in-first-out pool, a queue with retries, a queue of queries) were fair in 397 of the 403
observables that they can express, of pools, locks, storms and caches, in these sets and others.

This page is written by `sim run scenarios/fidelity --summary --format markdown > FIDELITY.md`; a test holds it to what the scenarios give, and another one
the bounds to the table of kinds.

";

/// Writes the page: totals by family, the kinds, a table for each set, in the order given.
#[must_use]
pub fn page(comparisons: &[Comparison]) -> String {
    let mut page = String::from(HEAD);
    page.push_str("| family | sets | judged | fair | of these within a floor only | shown, not judged | inputs or not reckoned |\n| --- | --- | --- | --- | --- | --- | --- |\n");
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
    kinds(&mut page, &counted);
    for set in sets(comparisons) {
        let of: Vec<&Comparison> = comparisons.iter().filter(|comparison| comparison.set == set).collect();
        let fair = of.iter().filter(|comparison| comparison.is_fair()).count();
        let apart = if of.iter().all(|comparison| comparison.counted) { "" } else { UNCOUNTED };
        let _ = writeln!(page, "\n## {set}\n\n{} of {} fair.{apart}\n", fair, of.len());
        about(&mut page, &of[0].about);
        page.push_str("| observable | measured | simulated | difference | fair | verdict |\n| --- | --- | --- | --- | --- | --- |\n");
        for comparison in &of {
            row(&mut page, comparison);
        }
        let missed = of.iter().filter(|comparison| !comparison.is_fair() || comparison.drawn);
        let mechanisms: BTreeSet<&str> = missed.filter_map(|comparison| comparison.mechanism.as_deref()).collect();
        for mechanism in &mechanisms {
            let _ = writeln!(page, "\n{mechanism}");
        }
        not_judged(&mut page, &of[0].about, &mechanisms);
    }
    page
}

/// Why a set is in no share.
const UNCOUNTED: &str = " They do not count in the table above: who measured set no bounds here. These are this project's, the range of the \
     repeats and a tenth beyond it.";

/// How the set was measured, and what of it went into the scenario.
fn about(page: &mut String, about: &About) {
    if about.software.is_empty() {
        return;
    }
    let load = about
        .load
        .map_or_else(String::new, |[low, high]| format!("; load averages of the machine from {low} to {high}"));
    let _ = writeln!(page, "{}{load}. Read off these repeats: {}.\n", about.software, about.constants);
}

/// What is shown beside, and the names of the rest.
fn not_judged(page: &mut String, about: &About, told: &BTreeSet<&str>) {
    if !about.beside.is_empty() {
        page.push_str(
            "\nNot judged:\n\n| observable | measured | simulated | difference |\n| --- | --- | --- | --- |\n",
        );
    }
    for Beside { observable, measured: [median, smallest, largest], simulated, .. } in &about.beside {
        let measured = measured(*median, *smallest, *largest);
        let (simulated, difference) = told_beside(*simulated, *median);
        let _ = writeln!(page, "| `{observable}` | {measured} | {simulated} | {difference} |");
    }
    let mechanisms: BTreeSet<&str> = about.beside.iter().filter_map(|beside| beside.mechanism.as_deref()).collect();
    for mechanism in mechanisms.difference(told) {
        let _ = writeln!(page, "\n{mechanism}");
    }
    if !about.unseen.is_empty() {
        let names: Vec<String> = about.unseen.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(page, "\nMeasured too, and inputs or not reckoned of a run: {}.", names.join(", "));
    }
}

/// By how much bounds are wider than the range of the repeats.
fn kinds(page: &mut String, counted: &[&Comparison]) {
    let mut kinds: Vec<(Kind, usize, usize)> = Vec::new();
    for comparison in counted {
        let kind = tolerance::of(&comparison.observable);
        let by_floor = usize::from(kind.is_by_floor(comparison.median));
        match kinds.iter_mut().find(|(known, ..)| *known == kind) {
            Some((_, all, floor)) => (*all, *floor) = (*all + 1, *floor + by_floor),
            None => kinds.push((kind, 1, by_floor)),
        }
    }
    page.push_str("\n| kind | bounds beyond the range of the repeats, as a part of their median | observables | decided by the floor |\n| --- | --- | --- | --- |\n");
    for (kind, all, by_floor) in kinds {
        let _ = writeln!(page, "| {} | {} | {all} | {by_floor} |", kind.name, kind.in_words());
    }
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
    let floor = of.iter().filter(|comparison| is_fair_by_floor(comparison)).count();
    let sets: BTreeMap<&str, &About> =
        of.iter().map(|comparison| (comparison.set.as_str(), &*comparison.about)).collect();
    let share = if of.is_empty() { 0.0 } else { fair as f64 / of.len() as f64 * 100.0 };
    let [beside, unseen] = [|about: &About| about.beside.len(), |about: &About| about.unseen.len()]
        .map(|count| sets.values().map(|about| count(about)).sum::<usize>());
    let all = of.len();
    let _ =
        writeln!(page, "| {name} | {} | {all} | {fair} ({share:.1} %) | {floor} | {beside} | {unseen} |", sets.len());
}

/// Whether a prediction is fair, and would not be if the bounds had no floor.
fn is_fair_by_floor(comparison: &Comparison) -> bool {
    let Comparison { observable, median, smallest, largest, simulated, counted, .. } = comparison;
    let by = tolerance::of(observable).without_floor(*median);
    let beyond = |value: f64| value < smallest - by || value > largest + by;
    *counted && comparison.is_fair() && simulated.is_some_and(beyond)
}

fn row(page: &mut String, comparison: &Comparison) {
    let Comparison { observable, median, smallest, largest, fair: [low, high], simulated, counted, .. } = comparison;
    let measured = measured(*median, *smallest, *largest);
    let (mut told, difference) = told_beside(*simulated, *median);
    let mut bounds = [low, high].map(|bound| number(*bound));
    // A value beside a bound by less than the digits that are shown would look fair.
    if let Some(value) = simulated.filter(|_| !comparison.is_fair() && bounds.contains(&told)) {
        (told, bounds) = (format!("{value:.6}"), [low, high].map(|bound| format!("{bound:.6}")));
    }
    let verdict = match Verdict::of(comparison) {
        Verdict::Held if is_fair_by_floor(comparison) => "fair within the floor".to_owned(),
        Verdict::Held => "fair".to_owned(),
        Verdict::Differs | Verdict::NotMeasured => "**miss**".to_owned(),
        other => format!("**{other}**"),
    };
    let [low, high] = bounds;
    let mark = if *counted && tolerance::of(observable).is_by_floor(*median) { " †" } else { "" };
    let _ =
        writeln!(page, "| `{observable}` | {measured} | {told} | {difference} | {low} to {high}{mark} | {verdict} |");
}

/// The median, and the range where there is one.
fn measured(median: f64, smallest: f64, largest: f64) -> String {
    if smallest == largest {
        number(median)
    } else {
        format!("{} ({} to {})", number(median), number(smallest), number(largest))
    }
}

/// A value, and by how much it differs from what was measured.
fn told_beside(simulated: Option<f64>, median: f64) -> (String, String) {
    simulated.map_or_else(|| ("none".to_owned(), String::new()), |value| (number(value), difference(value, median)))
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
            "| heap | 1 | 6 | 2 (33.3 %) | 0 | 0 | 0 |",
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

    #[test]
    fn what_is_not_judged_is_shown_however_far_off_it_is() {
        let beside = |observable: &str, simulated, mechanism: Option<&str>| Beside {
            observable: observable.into(),
            measured: [2.0, 1.0, 3.0],
            simulated,
            mechanism: mechanism.map(Into::into),
        };
        let about = About {
            software: "OpenJDK 17".into(),
            load: Some([1.5, 11.0]),
            constants: "what a pause costs".into(),
            beside: vec![beside("latency", Some(8.0), Some("Absent: pauses that fall.")), beside("young", None, None)],
            unseen: vec!["arrivals".into()],
        };
        let page = page(&[Comparison { about: about.into(), ..comparison(Some(4.0)) }]);
        for told in [
            "| heap | 1 | 1 | 1 (100.0 %) | 0 | 2 | 1 |",
            "1 of 1 fair.\n\nOpenJDK 17; load averages of the machine from 1.5 to 11. Read off these repeats: what a pause costs.\n\n",
            "\nNot judged:\n",
            "| `latency` | 2 (1 to 3) | 8 | +300.0 % |\n| `young` | 2 (1 to 3) | none |  |\n\nAbsent: pauses that fall.\n",
            "\nMeasured too, and inputs or not reckoned of a run: `arrivals`.\n",
        ] {
            assert!(page.contains(told), "{told} is not in\n{page}");
        }
    }

    #[test]
    fn what_only_a_floor_makes_fair_and_what_digits_hide_is_told() {
        let share = |simulated| Comparison {
            observable: "timeout_share_fault".into(),
            median: 0.1,
            smallest: 0.1,
            largest: 0.1,
            fair: [0.08, 0.120_04],
            ..comparison(Some(simulated))
        };
        let page = page(&[share(0.104), share(0.11), share(0.120_044)]);
        for told in [
            "| 0.104 | +4.0 % | 0.08 to 0.12 † | fair |",
            "| 0.11 | +10.0 % | 0.08 to 0.12 † | fair within the floor |",
            "| 0.120044 | +20.0 % | 0.080000 to 0.120040 † | **miss** |",
            "| heap | 1 | 3 | 2 (66.7 %) | 1 | 0 | 0 |",
            "| shares of requests | 5 %, at least 0.02 | 3 | 3 |",
        ] {
            assert!(page.contains(told), "{told} is not in\n{page}");
        }
    }
}
