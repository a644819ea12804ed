//! Values back to RON text, laid out: on one line where it fits, else one part a line.

/// A value to print.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Print {
    /// As it stands.
    Atom(String),
    /// An opening, labelled or unlabelled parts, a closing.
    Group { open: String, parts: Vec<(Option<String>, Print)>, close: &'static str },
}

/// Longest line that a group may take as a whole.
const WIDTH: usize = 110;

impl Print {
    /// A text, quoted and escaped.
    pub(crate) fn text(text: &str) -> Self {
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => quoted.extend(['\\', c]),
                '\n' => quoted.push_str("\\n"),
                '\r' => quoted.push_str("\\r"),
                '\t' => quoted.push_str("\\t"),
                c => quoted.push(c),
            }
        }
        quoted.push('"');
        Self::Atom(quoted)
    }

    /// `[…]`
    pub(crate) fn list(parts: impl IntoIterator<Item = Print>) -> Self {
        Self::Group { open: "[".into(), parts: parts.into_iter().map(|part| (None, part)).collect(), close: "]" }
    }

    /// The same value under a variant's name.
    pub(crate) fn named(self, name: &str) -> Self {
        match self {
            Self::Group { open, parts, close: ")" } if open == "(" => {
                Self::Group { open: format!("{name}("), parts, close: ")" }
            }
            other => Self::Group { open: format!("{name}("), parts: vec![(None, other)], close: ")" },
        }
    }

    fn flat(&self, out: &mut String) {
        match self {
            Self::Atom(text) => out.push_str(text),
            Self::Group { open, parts, close } => {
                out.push_str(open);
                for (n, (label, part)) in parts.iter().enumerate() {
                    if n > 0 {
                        out.push_str(", ");
                    }
                    if let Some(label) = label {
                        out.push_str(label);
                        out.push_str(": ");
                    }
                    part.flat(out);
                }
                out.push_str(close);
            }
        }
    }

    fn lay_out(&self, indent: usize, before: usize, out: &mut String) {
        let mut line = String::new();
        self.flat(&mut line);
        let Self::Group { open, parts, close } = self else {
            return out.push_str(&line);
        };
        if indent + before + line.chars().count() <= WIDTH || parts.is_empty() {
            return out.push_str(&line);
        }
        out.push_str(open);
        for (label, part) in parts {
            out.push('\n');
            out.push_str(&" ".repeat(indent + 4));
            let label = label.as_ref().map_or(String::new(), |label| format!("{label}: "));
            out.push_str(&label);
            part.lay_out(indent + 4, label.chars().count() + 1, out);
            out.push(',');
        }
        out.push('\n');
        out.push_str(&" ".repeat(indent));
        out.push_str(close);
    }

    /// On one line.
    pub(crate) fn line(&self) -> String {
        let mut out = String::new();
        self.flat(&mut out);
        out
    }

    /// Laid out, with a line end.
    pub(crate) fn page(&self) -> String {
        let mut out = String::new();
        self.lay_out(0, 0, &mut out);
        out.push('\n');
        out
    }
}
