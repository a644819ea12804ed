//! `sim golden bless`: records what runs give now, and keeps why.

use super::check::differences;
use super::file::{Blessing, GoldenFile};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::terminal;

pub(crate) fn execute(goldens: Vec<GoldenFile>, because: &str, interrupt: &Interrupt) -> Result<Exit, Failure> {
    if because.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, "`--because` is empty").hint("say what moved the results, in a sentence"));
    }
    for mut golden in goldens {
        let mut moved = Vec::new();
        for seed in golden.seeds.keys().copied().collect::<Vec<_>>() {
            let (now, marks) = golden.measure(seed, interrupt)?;
            let recorded = golden.seeds.insert(seed, Some(now.clone())).flatten();
            moved.extend(
                differences(recorded.as_ref(), &now, &marks).into_iter().map(|line| format!("seed {seed}: {line}")),
            );
        }
        let path = golden.path.display().to_string();
        if moved.is_empty() {
            terminal::print(&format!("same     {path}\n"))?;
            continue;
        }
        let told: Vec<_> = moved.iter().map(|line| format!("    {line}\n")).collect();
        golden.history.push(Blessing { because: because.trim().to_owned(), moved });
        golden.write()?;
        terminal::print(&format!("recorded {path}\n{}", told.concat()))?;
    }
    Ok(Exit::Success)
}
