//! What is wrong with a scenario: every error of one pass, in order of place, with the line it is about and a hint.

use crate::origin::{Origins, Span};
use std::fmt::{self, Write as _};

/// One error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// The file's name as it was given, or `--set` and the like.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What to do about it.
    pub hint: Option<String>,
    snippet: String,
    width: usize,
}

/// Every error of one pass over a scenario. Never empty. `Display` renders all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostics(Vec<Diagnostic>);

/// An error whose place is not resolved to a line yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Finding {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// Errors after so many are summed up in one.
const SHOWN: usize = 100;

impl Diagnostics {
    /// Resolves findings to places, in order of place.
    pub(crate) fn new(mut findings: Vec<Finding>, origins: &Origins) -> Self {
        findings.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
        findings.dedup();
        let more = findings.len().saturating_sub(SHOWN);
        findings.truncate(SHOWN);
        if more > 0
            && let Some(last) = findings.last_mut()
        {
            last.hint = Some(format!("{more} more errors follow; these come first"));
        }
        Self(findings.into_iter().map(|finding| Diagnostic::new(finding, origins)).collect())
    }

    /// One error that has no place within a text, such as a file that cannot be read.
    pub(crate) fn without_place(file: &str, message: String, hint: Option<String>) -> Self {
        let place =
            Diagnostic { message, file: file.to_owned(), line: 0, column: 0, hint, snippet: String::new(), width: 0 };
        Self(vec![place])
    }

    /// The errors, in order of place.
    #[must_use]
    pub fn all(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl Diagnostic {
    fn new(finding: Finding, origins: &Origins) -> Self {
        let Span { origin, start, end } = finding.span;
        let place = origins.position(origin, start);
        let snippet = origins.line(origin, place.line);
        let rest = snippet.chars().count().saturating_sub(place.column - 1).max(1);
        let text = &origins.get(origin).text;
        let marked = text.get(start as usize..end as usize).unwrap_or("").chars().count().max(1);
        Self {
            message: finding.message,
            file: origins.get(origin).name.clone(),
            line: place.line,
            column: place.column,
            hint: finding.hint,
            snippet: snippet.to_owned(),
            width: marked.min(rest),
        }
    }
}

/// A line is shown up to so many characters around the place.
const WINDOW: usize = 120;

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", Printable(&self.message))?;
        if self.line == 0 {
            writeln!(f, "  --> {}", Printable(&self.file))?;
            if let Some(hint) = &self.hint {
                writeln!(f, "  = hint: {}", Printable(hint))?;
            }
            return Ok(());
        }
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // A long line is cut on both sides, so that the place stays in sight.
        let skipped = if self.column > WINDOW { self.column - WINDOW / 2 } else { 0 };
        let shown: String = self.snippet.chars().skip(skipped).take(WINDOW).collect();
        let width = self.width.min(WINDOW.saturating_sub(self.column - 1 - skipped)).max(1);
        writeln!(f, "{margin} --> {}:{}:{}", Printable(&self.file), self.line, self.column)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", Printable(&shown))?;
        writeln!(f, "{margin} | {}{}", " ".repeat(self.column - 1 - skipped), "^".repeat(width))?;
        if let Some(hint) = &self.hint {
            writeln!(f, "{margin} = hint: {}", Printable(hint))?;
        }
        Ok(())
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, diagnostic) in self.0.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Text that cannot steer a terminal: control and direction-changing characters are shown as a replacement character,
/// one for one, so that columns stay where they are.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\t' => f.write_char(' '),
            c if is_forbidden(c) || c == '\n' || c == '\r' => f.write_char('\u{FFFD}'),
            c => f.write_char(c),
        })
    }
}

/// Characters that have no business in a scenario: control characters other than line ends and tabs, and those that
/// change the direction of writing or are invisible.
pub(crate) fn is_forbidden(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{7F}'..='\u{9F}'
        | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}
