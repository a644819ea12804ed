//! What `sim golden check` found, in the XML that JUnit made usual and every CI service shows: a test for each file and seed.

/// What came of a test.
#[derive(Debug)]
pub(super) enum Found {
    /// It ran, and so much moved: nothing, if all is well.
    Moved(Vec<String>),
    /// It could not be run.
    Broken(String),
}

/// Tests: a golden file, a seed of it unless the file itself is no golden, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Report {
    tests: Vec<(String, Option<u64>, Found)>,
}

impl Report {
    /// Adds a test.
    pub(super) fn add(&mut self, file: &str, seed: Option<u64>, found: Found) {
        self.tests.push((file.to_owned(), seed, found));
    }

    /// Whether something moved.
    pub(super) fn has_moved(&self) -> bool {
        self.failures() > 0
    }

    /// Whether all ran and nothing moved.
    pub(super) fn is_passed(&self) -> bool {
        self.failures() + self.errors() == 0
    }

    fn failures(&self) -> usize {
        self.tests.iter().filter(|(_, _, found)| matches!(found, Found::Moved(moved) if !moved.is_empty())).count()
    }

    fn errors(&self) -> usize {
        self.tests.iter().filter(|(_, _, found)| matches!(found, Found::Broken(_))).count()
    }

    /// The file. It has no times, so that the same results are the same bytes.
    pub(super) fn to_xml(&self) -> String {
        let (tests, failures, errors) = (self.tests.len(), self.failures(), self.errors());
        let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"sim golden\" {counts}>\n"
        );
        for (file, seed, found) in &self.tests {
            let name = seed.map_or_else(|| "file".to_owned(), |seed| format!("seed {seed}"));
            let (element, kind, text) = match found {
                Found::Moved(moved) => ("failure", "moved", moved.join("\n")),
                Found::Broken(why) => ("error", "broken", why.trim_end().to_owned()),
            };
            xml.push_str(&format!("    <testcase classname=\"{}\" name=\"{name}\"", escaped(file)));
            let Some(first) = text.lines().next() else {
                xml.push_str("/>\n");
                continue;
            };
            xml.push_str(&format!(
                ">\n      <{element} message=\"{}\" type=\"{kind}\">{}</{element}>\n    </testcase>\n",
                escaped(first),
                escaped(&text)
            ));
        }
        xml.push_str("  </testsuite>\n</testsuites>\n");
        xml
    }
}

/// Text within an element or an attribute; what XML has no character for becomes a replacement.
fn escaped(text: &str) -> String {
    let character = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\n' => "&#10;".to_owned(),
        c if c.is_control() => char::REPLACEMENT_CHARACTER.to_string(),
        c => c.to_string(),
    };
    text.chars().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_a_failure_whatever_it_says() {
        let mut report = Report::default();
        let moved = vec!["world: 01 → 02".to_owned(), "summary: <\"&\u{1b}>".to_owned()];
        report.add("golden/a.json", Some(1), Found::Moved(Vec::new()));
        assert!(report.is_passed() && !report.has_moved());
        report.add("golden/a.json", Some(2), Found::Moved(moved));
        report.add("golden/b.json", None, Found::Broken("error: cannot read `golden/b.json`\n".to_owned()));
        assert!(!report.is_passed() && report.has_moved());
        let xml = report.to_xml();
        assert!(xml.contains("<testsuite name=\"sim golden\" tests=\"3\" failures=\"1\" errors=\"1\">"), "{xml}");
        assert!(xml.contains("<testcase classname=\"golden/a.json\" name=\"seed 1\"/>"), "{xml}");
        assert!(xml.contains("message=\"world: 01 → 02\""), "{xml}");
        assert!(xml.contains("name=\"file\">\n      <error message=\"error: cannot read `golden/b.json`\""), "{xml}");
        assert!(xml.contains("&#10;summary: &lt;&quot;&amp;\u{fffd}&gt;</failure>"), "{xml}");
    }
}
