//! Text that leaves this program: data to standard output, everything else to standard error.
//!
//! A reader that closed its end of the pipe has what it wanted, so a broken pipe is no failure; every other error of standard
//! output is. Names come from files that others wrote, so characters that steer a terminal are replaced.

use crate::exit::Exit;
use crate::failure::Failure;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

/// Text without control characters (but line ends and tabs) and without those that change the direction of writing.
pub(crate) struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| out.write_char(if is_steering(c) { char::REPLACEMENT_CHARACTER } else { c }))
    }
}

fn is_steering(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Writes data to standard output and flushes it.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match write!(out, "{}", Printable(text)).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::InputOutput, "cannot write to standard output").because(&error))
        }
        _ => Ok(()),
    }
}

/// Writes a message to standard error. There is nobody to tell when that fails.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", Printable(text.trim_end()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_replaced() {
        assert_eq!(Printable("a\tb\nc → é").to_string(), "a\tb\nc → é");
        assert_eq!(Printable("\u{1b}[2J\u{202e}x\r\u{9b}").to_string(), "\u{fffd}[2J\u{fffd}x\u{fffd}\u{fffd}");
    }
}
