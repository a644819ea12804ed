//! `sim golden check`: says what differs, layer by layer.

use super::file::{GoldenFile, Layers};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::terminal;
use std::path::PathBuf;

pub(crate) fn execute(files: &[PathBuf], interrupt: &Interrupt) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for path in files {
        let golden = GoldenFile::read(path)?;
        for (&seed, recorded) in &golden.seeds {
            let now = golden.measure(seed, interrupt)?;
            let moved = differences(recorded.as_ref(), &now);
            let name = format!("{} seed {seed}", path.display());
            if moved.is_empty() {
                terminal::print(&format!("same  {name}: {} events, {}\n", now.events, now.world))?;
            } else {
                exit = Exit::Failed;
                let told: Vec<_> = moved.iter().map(|line| format!("    {line}\n")).collect();
                terminal::print(&format!("MOVED {name}\n{}", told.concat()))?;
            }
        }
    }
    if exit == Exit::Failed {
        terminal::tell("hint: if this is meant, record it with `sim golden bless --because TEXT`");
    }
    Ok(exit)
}

/// What moved between a recording and a run, from the world outwards.
pub(crate) fn differences(recorded: Option<&Layers>, now: &Layers) -> Vec<String> {
    let Some(recorded) = recorded else { return vec![format!("recorded for the first time: {}", now.world)] };
    let mut moved = Vec::new();
    if recorded.world != now.world || recorded.events != now.events {
        let (world, events) = (&recorded.world, recorded.events);
        moved.push(format!("world: {world} ({events} events) → {} ({} events)", now.world, now.events));
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

#[cfg(test)]
mod tests {
    use super::super::file::TableLayer;
    use super::*;

    fn layers() -> Layers {
        let logs = TableLayer { rows: 5, digest: "aa".into() };
        Layers {
            world: "01".into(),
            events: 9,
            tables: [("observed/logs".to_owned(), logs)].into(),
            summary: vec!["requests 5".into()],
        }
    }

    #[test]
    fn each_layer_is_named() {
        assert_eq!(differences(Some(&layers()), &layers()), Vec::<String>::new());
        let mut wording = layers();
        wording.tables.get_mut("observed/logs").unwrap().digest = "bb".into();
        assert_eq!(
            differences(Some(&layers()), &wording),
            ["observed/logs: aa (5 rows) → bb (5 rows)", "the world is the same: only what is told of it moved"]
        );
        let mut other = layers();
        other.world = "02".into();
        other.tables.clear();
        other.summary.push("timeline".into());
        assert_eq!(
            differences(Some(&layers()), &other),
            [
                "world: 01 (9 events) → 02 (9 events)",
                "observed/logs: aa (5 rows) → none",
                "summary line 2: (no such line) → timeline"
            ]
        );
        assert_eq!(differences(None, &layers()), ["recorded for the first time: 01"]);
    }
}
