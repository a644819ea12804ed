//! Audits worlds: `worlds FIRST LAST [EVENTS]` makes one of each number, `worlds FILE…` one of the bytes of each file.
//! Prints what is wrong, or one line about each world.
#![allow(clippy::print_stdout, reason = "a program")]

use knockon_arbitrary::{audit, bytes, load, scenario};
use std::panic::catch_unwind;

const LENGTH: usize = 2_500;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments.iter().map_while(|argument| argument.parse().ok()).collect();
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
