//! Audits worlds: `worlds FIRST LAST [EVENTS]` makes one of each number, `worlds FILE…` one of the bytes of each file. `worlds cover
//! FOLDER` writes few and small ones that together have everything that can be made up: seeds for a fuzzer.
//! Prints what is wrong, or one line about each world.
#![expect(clippy::print_stdout, reason = "a program")]

use knockon_arbitrary::{audit, bytes, load, scenario, used};
use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::Path;

const LENGTH: usize = 2_500;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments.iter().map_while(|argument| argument.parse().ok()).collect();
    if let [command, folder] = &arguments[..]
        && command == "cover"
    {
        return cover(Path::new(folder));
    }
    let mut wrong = 0;
    match numbers[..] {
        [first, last, ..] => {
            let events = numbers.get(2).copied().unwrap_or(10_000);
            for seed in first..=last {
                wrong += u32::from(!look(&seed.to_string(), &bytes(seed, LENGTH), events));
            }
        }
        _ => {
            for file in &arguments {
                let bytes = std::fs::read(file).unwrap_or_default();
                wrong += u32::from(!look(file, &bytes, 10_000));
            }
        }
    }
    println!("{wrong} worlds with something wrong");
    std::process::exit(i32::from(wrong > 0));
}

/// Writes worlds that add something to those before, small ones first and those that add most.
fn cover(folder: &Path) {
    let mut covered = BTreeSet::new();
    for adds in [40, 20, 10, 5, 3, 2, 1] {
        for length in [100, 200, 300, 400, 600, 900, 1_200] {
            for seed in 0..400 {
                let bytes = bytes(seed, length);
                let used = used(&bytes);
                if used.difference(&covered).count() < adds {
                    continue;
                }
                let Ok(loaded) = load(&scenario(&bytes)) else { continue };
                let lively =
                    audit(&loaded.blueprint, 1_000).is_ok_and(|audited| audited.events > 100 && audited.answered > 0);
                if lively {
                    covered.extend(used);
                    std::fs::write(folder.join(format!("seed-{seed}-{length}")), bytes)
                        .expect("the folder can be written to");
                }
            }
        }
    }
    println!("{} words are covered", covered.len());
}

/// Tells about one world; whether nothing is wrong with it.
fn look(name: &str, bytes: &[u8], events: u64) -> bool {
    let text = scenario(bytes);
    let loaded = match load(&text) {
        Ok(loaded) => loaded,
        Err(errors) => {
            println!("{name}: refused: {errors}\n{text}");
            return false;
        }
    };
    if std::env::var_os("TEXT").is_some() {
        println!("{}", loaded.resolved_text);
    }
    match catch_unwind(|| audit(&loaded.blueprint, events)) {
        Ok(Ok(audited)) => {
            println!("{name}: {audited:?}");
            true
        }
        Ok(Err(wrong)) => {
            println!("{name}: WRONG {wrong}");
            false
        }
        Err(_) => {
            println!("{name}: PANIC");
            false
        }
    }
}
