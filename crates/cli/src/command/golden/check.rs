//! `sim golden check`: says what differs, layer by layer.

use super::file::{GoldenFile, Layers, Mark};
use super::junit::{Found, Report};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::terminal;
use knockon_kernel::Time;
use knockon_lab::Calendar;
use std::path::{Path, PathBuf};

/// Runs everything again and tells; in JUnit's XML as well, where a file is named. What cannot be run does not keep the rest from it.
pub(crate) fn execute(files: &[PathBuf], junit: Option<&Path>, interrupt: &Interrupt) -> Result<Exit, Failure> {
    let mut report = Report::default();
    // Half a report would look like a whole one.
    all(files, &mut report, interrupt)?;
    if let Some(path) = junit {
        std::fs::write(path, report.to_xml()).map_err(|error| Failure::io("write", path, &error))?;
    }
    if report.has_moved() {
        terminal::tell("hint: if this is meant, record it with `sim golden bless --because TEXT`");
    }
    Ok(if report.is_passed() { Exit::Success } else { Exit::Failed })
}

/// Checks one after the other, until all are or it is told to stop.
fn all(files: &[PathBuf], report: &mut Report, interrupt: &Interrupt) -> Result<(), Failure> {
    for path in files {
        let name = path.display().to_string();
        let golden = match GoldenFile::read(path) {
            Ok(golden) => golden,
            Err(failure) => {
                broken(&name, &failure)?;
                report.add(&name, None, Found::Broken(failure.to_string()));
                continue;
            }
        };
        for (&seed, recorded) in &golden.seeds {
            let title = format!("{name} seed {seed}");
            let found = match golden.measure(seed, interrupt) {
                Err(failure) if matches!(failure.exit, Exit::Interrupted | Exit::Terminated) => return Err(failure),
                Err(failure) => {
                    broken(&title, &failure)?;
                    Found::Broken(failure.to_string())
                }
                Ok((now, marks)) => {
                    let moved = differences(recorded.as_ref(), &now, &marks);
                    if moved.is_empty() {
                        terminal::print(&format!("same   {title}: {} events, {}\n", now.events, now.world))?;
                    } else {
                        let told: Vec<_> = moved.iter().map(|line| format!("    {line}\n")).collect();
                        terminal::print(&format!("MOVED  {title}\n{}", told.concat()))?;
                    }
                    Found::Moved(moved)
                }
            };
            report.add(&name, Some(seed), found);
        }
    }
    Ok(())
}

fn broken(title: &str, failure: &Failure) -> Result<(), Failure> {
    let text = failure.to_string();
    let told: String = text.lines().filter(|line| !line.is_empty()).map(|line| format!("    {line}\n")).collect();
    terminal::print(&format!("BROKEN {title}\n{told}"))
}

/// What moved between a recording and a run, from the world outwards.
pub(crate) fn differences(recorded: Option<&Layers>, now: &Layers, marks: &[Mark]) -> Vec<String> {
    let Some(recorded) = recorded else { return vec![format!("recorded for the first time: {}", now.world)] };
    let mut moved = Vec::new();
    if recorded.world != now.world || recorded.events != now.events {
        let (world, events) = (&recorded.world, recorded.events);
        moved.push(format!("world: {world} ({events} events) → {} ({} events)", now.world, now.events));
        moved.extend(first_divergence(&recorded.on_the_way, marks));
    }
    let paths: std::collections::BTreeSet<_> = recorded.tables.keys().chain(now.tables.keys()).collect();
    for path in paths {
        let told = |layers: &Layers| {
            layers
                .tables
                .get(path)
                .map_or_else(|| "none".to_owned(), |table| format!("{} ({} rows)", table.digest, table.rows))
        };
        if recorded.tables.get(path) != now.tables.get(path) {
            moved.push(format!("{path}: {} → {}", told(recorded), told(now)));
        }
    }
    let first_line = (0..recorded.summary.len().max(now.summary.len()))
        .find(|&line| recorded.summary.get(line) != now.summary.get(line));
    if let Some(line) = first_line {
        let told = |layers: &Layers| layers.summary.get(line).map_or("(no such line)", |line| line.trim()).to_owned();
        moved.push(format!("summary line {}: {} → {}", line + 1, told(recorded), told(now)));
    }
    if !moved.is_empty() && recorded.world == now.world {
        moved.push("the world is the same: only what is told of it moved".to_owned());
    }
    moved
}

/// Between which events, and when, the world first differs, by the last fingerprint that is the same and the first that is not.
fn first_divergence(recorded: &[Mark], now: &[Mark]) -> Option<String> {
    let mark = |events: u64| now.binary_search_by_key(&events, |mark| mark.events).ok().map(|place| &now[place]);
    let common: Vec<_> = recorded.iter().filter_map(|one| Some((one, mark(one.events)?))).collect();
    let same = common.partition_point(|(recorded, now)| recorded.world == now.world);
    let last = same.checked_sub(1).map(|last| common[last].0);
    let from =
        last.map_or_else(|| "the first event".to_owned(), |mark| format!("event {} ({})", mark.events, at(mark)));
    Some(match common.get(same) {
        Some((mark, _)) => format!("it first differs between {from} and event {} ({})", mark.events, at(mark)),
        // Where nothing is recorded on the way, nothing is known of it.
        None => format!("it first differs after event {} ({})", last?.events, at(last?)),
    })
}

fn at(mark: &Mark) -> String {
    Calendar::offset(Time::ZERO + mark.at_ns)
}

#[cfg(test)]
mod tests {
    use super::super::file::TableLayer;
    use super::*;

    fn layers() -> Layers {
        let logs = TableLayer { rows: 5, digest: "aa".into() };
        Layers {
            world: "01".into(),
            events: 9,
            on_the_way: Vec::new(),
            tables: [("observed/logs".to_owned(), logs)].into(),
            summary: vec!["requests 5".into()],
        }
    }

    #[test]
    fn each_layer_is_named() {
        assert_eq!(differences(Some(&layers()), &layers(), &[]), Vec::<String>::new());
        let mut wording = layers();
        wording.tables.get_mut("observed/logs").unwrap().digest = "bb".into();
        assert_eq!(
            differences(Some(&layers()), &wording, &[]),
            ["observed/logs: aa (5 rows) → bb (5 rows)", "the world is the same: only what is told of it moved"]
        );
        let mut other = layers();
        other.world = "02".into();
        other.tables.clear();
        other.summary.push("timeline".into());
        assert_eq!(
            differences(Some(&layers()), &other, &[]),
            [
                "world: 01 (9 events) → 02 (9 events)",
                "observed/logs: aa (5 rows) → none",
                "summary line 2: (no such line) → timeline"
            ]
        );
        assert_eq!(differences(None, &layers(), &[]), ["recorded for the first time: 01"]);
    }

    #[test]
    fn where_worlds_part_is_between_two_marks() {
        let mark = |events: u64, world: &str| Mark {
            events,
            at_ns: knockon_kernel::Duration::from_secs(events),
            world: world.to_owned(),
        };
        let recorded = [mark(60, "a"), mark(120, "b"), mark(180, "c")];
        let told = |now: &[Mark]| first_divergence(&recorded, now).unwrap();
        assert_eq!(
            told(&[mark(60, "a"), mark(90, "x"), mark(120, "y"), mark(180, "z")]),
            "it first differs between event 60 (0:01:00.000) and event 120 (0:02:00.000)"
        );
        assert_eq!(told(&[mark(60, "x")]), "it first differs between the first event and event 60 (0:01:00.000)");
        assert_eq!(told(&recorded), "it first differs after event 180 (0:03:00.000)");
        assert_eq!(first_divergence(&[], &recorded), None);
    }
}
