//! The nearest right word, for a hint.

/// The candidate that is most like `word`, if one is alike enough to have been meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, candidate)| distance <= (candidate.chars().count().max(3) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

/// A hint: the nearest candidate, or the list of all when it is short enough to read.
pub(crate) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    // Comparing is quadratic in the length of the word; nobody meant a name that long.
    if word.len() <= 200
        && let Some(nearest) = nearest(word, candidates.clone())
    {
        return Some(format!("did you mean `{nearest}`?"));
    }
    let all: Vec<&str> = candidates.into_iter().collect();
    match all.len() {
        0 => None,
        1..=20 => Some(format!("known here: {}", all.join(", "))),
        n => Some(format!("known here: {}, … ({n} in all)", all[..12].join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let words = ["maximum", "minimum_idle", "acquire_timeout"];
        assert_eq!(nearest("maxmum", words), Some("maximum"));
        assert_eq!(nearest("Maximum", words), Some("maximum"));
        assert_eq!(nearest("aquire_timeout", words), Some("acquire_timeout"));
        assert_eq!(nearest("colour", words), None);
    }
}
