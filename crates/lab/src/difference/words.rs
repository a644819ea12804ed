//! Words that repeat in millions of rows, as numbers.

use std::collections::BTreeMap;

/// The number of a word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Word(u32);

/// Words in the order of their first use.
#[derive(Clone, Debug, Default)]
pub struct Words {
    numbers: BTreeMap<String, Word>,
    words: Vec<String>,
}

impl Words {
    /// The number of a word.
    pub fn number(&mut self, word: &str) -> Word {
        if let Some(&number) = self.numbers.get(word) {
            return number;
        }
        let number = Word(self.words.len() as u32);
        self.numbers.insert(word.to_owned(), number);
        self.words.push(word.to_owned());
        number
    }

    /// A word by its number.
    #[must_use]
    pub fn word(&self, number: Word) -> &str {
        &self.words[number.0 as usize]
    }
}
