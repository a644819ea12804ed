//! What `sim golden check` found, in the XML that JUnit made usual and every CI service shows: a test for each file and seed.

/// Tests, with what moved in each.
#[derive(Debug, Default)]
pub(super) struct Report {
    tests: Vec<(String, u64, Vec<String>)>,
}

impl Report {
    /// Adds a test; it failed if anything moved.
    pub(super) fn add(&mut self, file: &str, seed: u64, moved: &[String]) {
        self.tests.push((file.to_owned(), seed, moved.to_vec()));
    }

    /// The file. It has no times, so that the same results are the same bytes.
    pub(super) fn to_xml(&self) -> String {
        let failures = self.tests.iter().filter(|(_, _, moved)| !moved.is_empty()).count();
        let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\"", self.tests.len());
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"sim golden\" {counts}>\n"
        );
        for (file, seed, moved) in &self.tests {
            let test = format!("    <testcase classname=\"{}\" name=\"seed {seed}\"", escaped(file));
            match moved.first() {
                None => xml.push_str(&format!("{test}/>\n")),
                Some(first) => xml.push_str(&format!(
                    "{test}>\n      <failure message=\"{}\" type=\"moved\">{}</failure>\n    </testcase>\n",
                    escaped(first),
                    escaped(&moved.join("\n"))
                )),
            }
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
        report.add("golden/a.json", 1, &[]);
        report.add("golden/a.json", 2, &["world: 01 → 02".to_owned(), "summary: <\"&\u{1b}>".to_owned()]);
        let xml = report.to_xml();
        assert!(xml.contains("<testsuite name=\"sim golden\" tests=\"2\" failures=\"1\" errors=\"0\">"), "{xml}");
        assert!(xml.contains("<testcase classname=\"golden/a.json\" name=\"seed 1\"/>"), "{xml}");
        assert!(xml.contains("message=\"world: 01 → 02\""), "{xml}");
        assert!(xml.contains("&#10;summary: &lt;&quot;&amp;\u{fffd}&gt;</failure>"), "{xml}");
    }
}
