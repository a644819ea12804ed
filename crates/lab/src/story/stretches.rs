//! When requests were hurt, in words.

use super::words::{clock, count, duration};
use crate::stretches::Stretch;

/// For how long nobody must have been hurt for harm to have gone.
pub(super) const APART_NS: u64 = 60_000_000_000;

/// Until when there was harm, where worlds were compared until `end` and it was never over for good.
pub(super) fn in_words(stretches: &[Stretch], end: u64) -> String {
    let Some(last) = stretches.last() else { return String::new() };
    let (until, left) = (clock(last.until_ns), end.saturating_sub(last.until_ns));
    let gone = if left == 0 {
        format!("; requests are hurt until {until}")
    } else {
        format!(
            "; the last request that it hurt ended at {until}, {} before the end of the comparison",
            duration(left as f64)
        )
    };
    match stretches.len() {
        1 => gone,
        many => format!("{gone}; harm came in {} stretches, a minute or more apart", count(many as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_when_the_last_of_them_ended_and_whether_they_came_again() {
        let stretch = |from_ns, until_ns| Stretch { from_ns, until_ns, hurt: 1 };
        let one = [stretch(0, 60_000_000_000)];
        assert_eq!(
            in_words(&one, 90_000_000_000),
            "; the last request that it hurt ended at 0:01:00, 30 s before the end of the comparison"
        );
        assert_eq!(in_words(&one, 60_000_000_000), "; requests are hurt until 0:01:00");
        let two = [one[0], stretch(180_000_000_000, 240_000_000_000)];
        assert!(
            in_words(&two, 600_000_000_000)
                .ends_with("of the comparison; harm came in 2 stretches, a minute or more apart")
        );
        assert_eq!(in_words(&[], 1), "");
    }
}
