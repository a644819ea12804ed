//! When requests were hurt: harm may come and go while its fault stays.

use super::words::{clock, count, duration};
use serde::Serialize;
use std::collections::BTreeMap;

/// For how long nobody must have been hurt for harm to have gone.
const APART_NS: u64 = 60_000_000_000;

/// A time in which requests were hurt, one after another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Stretch {
    /// Sending of the first, since the run began.
    pub from_ns: u64,
    /// End of the last.
    pub until_ns: u64,
}

/// All of them so far, by their beginning.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretches(BTreeMap<u64, u64>);

impl Stretches {
    /// A request was hurt, under way from one instant to the other; they may come in any order.
    pub(super) fn add(&mut self, mut from: u64, mut until: u64) {
        let near = |&(&began, &ended): &(&u64, &u64)| {
            began <= until.saturating_add(APART_NS) && from <= ended.saturating_add(APART_NS)
        };
        let met: Vec<(u64, u64)> = self
            .0
            .range(..=until.saturating_add(APART_NS))
            .rev()
            .take_while(near)
            .map(|(&began, &ended)| (began, ended))
            .collect();
        for (began, ended) in met {
            self.0.remove(&began);
            (from, until) = (from.min(began), until.max(ended));
        }
        self.0.insert(from, until);
    }

    pub(super) fn finish(self) -> Vec<Stretch> {
        self.0.into_iter().map(|(from_ns, until_ns)| Stretch { from_ns, until_ns }).collect()
    }
}

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
    fn requests_within_a_minute_of_each_other_are_one_stretch_in_whatever_order_they_come() {
        const S: u64 = 1_000_000_000;
        let mut all = [(0, 10), (50, 60), (200, 260), (205, 210), (321, 330), (130, 135), (395, 400)];
        for _ in 0..all.len() {
            all.rotate_left(1);
            let mut stretches = Stretches::default();
            all.iter().for_each(|&(from, until)| stretches.add(from * S, until * S));
            let found: Vec<_> = stretches.finish().iter().map(|of| (of.from_ns / S, of.until_ns / S)).collect();
            assert_eq!(found, [(0, 60), (130, 135), (200, 260), (321, 330), (395, 400)]);
        }
    }

    #[test]
    fn it_is_said_when_the_last_of_them_ended_and_whether_they_came_again() {
        let stretch = |from_ns, until_ns| Stretch { from_ns, until_ns };
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
