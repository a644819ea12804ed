//! A resolved scenario as groups within groups: enough to move and rewrite its parts, nothing of what they mean.

/// A value: an atom, or a group of values.
#[derive(Clone, PartialEq, Debug)]
pub enum Tree {
    /// A number, a word, or a text in its quotes.
    Atom(String),
    /// `name(…)`, `{…}` or `[…]`.
    Group {
        /// The word before the bracket; empty where there is none.
        name: String,
        /// `(`, `{` or `[`.
        open: char,
        /// Parts, with the name of the field or the entry's key in its quotes.
        parts: Vec<(Option<String>, Tree)>,
    },
}

impl Tree {
    /// Reads what the resolved text of a scenario is made of.
    ///
    /// # Panics
    /// If the text is none.
    #[must_use]
    pub fn parse(resolved: &str) -> Self {
        let mut reader = Reader { rest: resolved };
        let tree = reader.value();
        assert!(reader.rest.trim().is_empty(), "a scenario is one value: {:?} is left", reader.rest);
        tree
    }

    /// As text of the language.
    #[must_use]
    pub fn print(&self) -> String {
        match self {
            Self::Atom(text) => text.clone(),
            Self::Group { name, open, parts } => {
                let parts: Vec<String> = parts
                    .iter()
                    .map(|(key, value)| key.as_ref().map_or(String::new(), |key| format!("{key}: ")) + &value.print())
                    .collect();
                let close = Self::close(*open);
                format!("{name}{open}{}{close}", parts.join(", "))
            }
        }
    }

    fn close(open: char) -> char {
        match open {
            '(' => ')',
            '[' => ']',
            _ => '}',
        }
    }

    /// Visits every group, the outer before the inner.
    pub fn visit(&mut self, look: &mut dyn FnMut(&mut Self)) {
        look(self);
        if let Self::Group { parts, .. } = self {
            parts.iter_mut().for_each(|(_, value)| value.visit(look));
        }
    }

    /// Whether the order of its parts means nothing.
    #[must_use]
    pub fn is_unordered(&self) -> bool {
        matches!(self, Self::Group { open: '(' | '{', parts, .. } if parts.iter().all(|(key, _)| key.is_some()))
    }

    /// Its parts; none of an atom.
    ///
    /// # Panics
    /// If it is an atom.
    pub fn parts_mut(&mut self) -> &mut Vec<(Option<String>, Self)> {
        match self {
            Self::Group { parts, .. } => parts,
            Self::Atom(text) => panic!("{text} has no parts"),
        }
    }

    /// Its parts; none of an atom.
    #[must_use]
    pub fn parts(&self) -> &[(Option<String>, Self)] {
        match self {
            Self::Group { parts, .. } => parts,
            Self::Atom(_) => &[],
        }
    }

    /// The word before its bracket; of an atom the atom.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Group { name, .. } => name,
            Self::Atom(text) => text,
        }
    }

    /// A part by the name of its field, or by its key without quotes.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let named =
            |part: &&(Option<String>, Self)| part.0.as_deref().is_some_and(|name| name.trim_matches('"') == key);
        self.parts().iter().find(named).map(|(_, value)| value)
    }

    /// As [`Tree::get`], to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Group { parts, .. } = self else { return None };
        let named =
            |part: &&mut (Option<String>, Self)| part.0.as_deref().is_some_and(|name| name.trim_matches('"') == key);
        parts.iter_mut().find(named).map(|(_, value)| value)
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn peek(&mut self) -> char {
        self.rest = self.rest.trim_start();
        self.rest.chars().next().unwrap_or('\0')
    }

    fn take(&mut self, length: usize) -> String {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken.to_owned()
    }

    fn value(&mut self) -> Tree {
        if self.peek() == '"' {
            return Tree::Atom(self.text());
        }
        let end = self.rest.find(|c: char| "(){}[],:\"".contains(c) || c.is_whitespace()).unwrap_or(self.rest.len());
        let name = self.take(end);
        let open = self.peek();
        if !"({[".contains(open) || open == '\0' {
            return Tree::Atom(name);
        }
        self.take(1);
        let close = Tree::close(open);
        let mut parts = Vec::new();
        while self.peek() != close {
            let value = self.value();
            if self.peek() == ':' {
                self.take(1);
                let Tree::Atom(key) = value else { panic!("a group as a name") };
                parts.push((Some(key), self.value()));
            } else {
                parts.push((None, value));
            }
            if self.peek() == ',' {
                self.take(1);
            }
        }
        self.take(1);
        Tree::Group { name, open, parts }
    }

    /// A text in quotes, as it stands.
    fn text(&mut self) -> String {
        let mut escaped = true;
        let end = self.rest.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        self.take(end.expect("a text ends") + 1)
    }
}
