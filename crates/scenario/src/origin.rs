//! Where text came from: the files of a scenario, kept so that an error can show the line it is about.
//!
//! A [`Span`] is a range of bytes in one of them. Values given on the command line are origins too, so `--set` errors
//! look like errors in a file.

/// A range of bytes in one origin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Span {
    pub(crate) origin: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// One text and its name.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// All texts of a scenario, in order of reading.
#[derive(Debug, Default)]
pub(crate) struct Origins(Vec<Origin>);

/// A line and column, both from 1; columns count characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Origins {
    /// Keeps a text and returns its number.
    pub(crate) fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        self.0.push(Origin { name: name.into(), text: text.into() });
        (self.0.len() - 1) as u32
    }

    pub(crate) fn get(&self, origin: u32) -> &Origin {
        &self.0[origin as usize]
    }

    /// The span of a whole text.
    pub(crate) fn whole(&self, origin: u32) -> Span {
        Span { origin, start: 0, end: self.get(origin).text.len() as u32 }
    }

    /// The position of a byte.
    pub(crate) fn position(&self, origin: u32, byte: u32) -> Position {
        let text = &self.get(origin).text;
        let before = &text.as_bytes()[..(byte as usize).min(text.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        // Continuation bytes of UTF-8 are not characters of their own.
        let column = 1 + before[line_start..].iter().filter(|&&b| b & 0xC0 != 0x80).count();
        Position { line, column }
    }

    /// The byte at a position; the end of the text when there is no such place.
    pub(crate) fn byte(&self, origin: u32, position: Position) -> u32 {
        let text = &self.get(origin).text;
        let mut start = 0;
        for line in text.split_inclusive('\n').take(position.line.saturating_sub(1)) {
            start += line.len();
        }
        let offset: usize = text[start..].chars().take(position.column.saturating_sub(1)).map(char::len_utf8).sum();
        (start + offset).min(text.len()) as u32
    }

    /// The text of a line, without its end.
    pub(crate) fn line(&self, origin: u32, line: usize) -> &str {
        self.get(origin).text.lines().nth(line.saturating_sub(1)).unwrap_or("")
    }
}
