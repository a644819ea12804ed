//! Rows of three worlds that meet by their address: those of the fact and of the placebo wait for that of the world without the fault, or it for them.

use super::address::ByAddress;
use std::collections::hash_map::Entry;
use std::hash::Hash;

/// Rows of a list that are looked at before those of the next one.
const PIECE: usize = 64;

/// Goes through lists side by side, piece by piece. What of them belongs together comes close together then, and few rows wait at a time.
pub(super) fn side_by_side<T, const N: usize>(lists: [&[T]; N], mut take: impl FnMut(usize, &T)) {
    let longest = lists.iter().map(|list| list.len()).max().unwrap_or(0);
    let pieces = longest.div_ceil(PIECE);
    for piece in 0..pieces {
        for (which, list) in lists.iter().enumerate() {
            let rows = &list[list.len() * piece / pieces..list.len() * (piece + 1) / pieces];
            rows.iter().for_each(|row| take(which, row));
        }
    }
}

/// A row of the world without the fault, and which of the others it has met.
#[derive(Clone, Copy, Debug)]
struct Twin<T> {
    row: T,
    fact: bool,
    placebo: bool,
}

/// Rows that wait for others: of the fact, of the placebo, and of the world without the fault, which is between them.
#[derive(Clone, Debug)]
pub(super) struct Meeting<K, F, T, P> {
    fact: ByAddress<K, F>,
    twins: ByAddress<K, Twin<T>>,
    placebo: ByAddress<K, P>,
}

impl<K, F, T, P> Default for Meeting<K, F, T, P> {
    fn default() -> Self {
        Self { fact: ByAddress::default(), twins: ByAddress::default(), placebo: ByAddress::default() }
    }
}

impl<K: Copy + Eq + Hash, F, T: Copy, P> Meeting<K, F, T, P> {
    /// Rows that wait, of all worlds.
    pub(super) fn len(&self) -> usize {
        self.fact.len() + self.twins.len() + self.placebo.len()
    }

    /// The most rows of a world that wait.
    pub(super) fn waiting(&self) -> usize {
        self.fact.len().max(self.twins.len()).max(self.placebo.len())
    }

    /// A row of the fact comes, and meets its twin if that is there; else it is made, to wait.
    pub(super) fn fact(&mut self, key: K, row: impl FnOnce() -> F, met: impl FnOnce(&T)) {
        let Entry::Occupied(mut entry) = self.twins.entry(key) else {
            self.fact.insert(key, row());
            return;
        };
        let twin = entry.get_mut();
        debug_assert!(!twin.fact, "an address comes once in each world");
        twin.fact = true;
        met(&twin.row);
        if twin.placebo {
            entry.remove();
        }
    }

    /// The same of the placebo.
    pub(super) fn placebo(&mut self, key: K, row: impl FnOnce() -> P, met: impl FnOnce(&T)) {
        let Entry::Occupied(mut entry) = self.twins.entry(key) else {
            self.placebo.insert(key, row());
            return;
        };
        let twin = entry.get_mut();
        debug_assert!(!twin.placebo, "an address comes once in each world");
        twin.placebo = true;
        met(&twin.row);
        if twin.fact {
            entry.remove();
        }
    }

    /// A row of the world without the fault comes, and meets those that are there.
    pub(super) fn twin(&mut self, key: K, row: T) -> (Option<F>, Option<P>) {
        let (fact, placebo) = (self.fact.remove(&key), self.placebo.remove(&key));
        if fact.is_none() || placebo.is_none() {
            self.twins.insert(key, Twin { row, fact: fact.is_some(), placebo: placebo.is_some() });
        }
        (fact, placebo)
    }

    /// The twin of a row of the fact that comes when no other is taken in.
    pub(super) fn late(&mut self, key: K) -> Option<T> {
        let twin = self.twins.get_mut(&key).filter(|twin| !twin.fact)?;
        twin.fact = true;
        Some(twin.row)
    }

    /// All rows that wait, in no order: of the fact, of the world without the fault, and of the placebo.
    pub(super) fn rows(&self) -> (impl Iterator<Item = &F>, impl Iterator<Item = &T>, impl Iterator<Item = &P>) {
        (self.fact.values(), self.twins.values().map(|twin| &twin.row), self.placebo.values())
    }

    /// What has not met in the end, in no order: rows of the fact, and twins that waited for one.
    pub(super) fn rest(self) -> (impl Iterator<Item = F>, impl Iterator<Item = T>) {
        (self.fact.into_values(), self.twins.into_values().filter(|twin| !twin.fact).map(|twin| twin.row))
    }

    /// Twins wait no longer.
    pub(super) fn give_up_twins(&mut self, over: impl Fn(&T) -> bool) {
        self.twins.retain(|_, twin| !over(&twin.row));
    }

    /// Rows of the fact that have waited long enough, in no order.
    pub(super) fn give_up_fact(&mut self, over: impl Fn(&F) -> bool) -> impl Iterator<Item = F> {
        self.fact.extract_if(move |_, row| over(row)).map(|(_, row)| row)
    }

    /// The same of the placebo.
    pub(super) fn give_up_placebo(&mut self, over: impl Fn(&P) -> bool) -> impl Iterator<Item = P> {
        self.placebo.extract_if(move |_, row| over(row)).map(|(_, row)| row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_meet_in_whatever_order_they_come_and_nothing_is_left_of_them() {
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for order in orders {
            let (mut meeting, mut told, mut measured) = (Meeting::<u64, char, u8, i8>::default(), None, None);
            for world in order {
                match world {
                    0 => meeting.fact(7, || 'f', |&twin| told = told.or(Some(('f', twin)))),
                    1 => meeting.placebo(7, || -3, |&twin| measured = measured.or(Some((-3, twin)))),
                    _ => {
                        let (fact, placebo) = meeting.twin(7, 5);
                        told = told.or(fact.map(|fact| (fact, 5)));
                        measured = measured.or(placebo.map(|placebo| (placebo, 5)));
                    }
                }
            }
            assert_eq!((told, measured, meeting.waiting()), (Some(('f', 5)), Some((-3, 5)), 0), "{order:?}");
        }
    }

    #[test]
    fn who_has_waited_long_enough_is_given_up_once() {
        let mut meeting = Meeting::<u64, u8, u8, u8>::default();
        for key in 0..4 {
            meeting.fact(key, || key as u8, |_| panic!("nobody is there"));
            meeting.placebo(key, || key as u8, |_| panic!("nobody is there"));
        }
        let mut given_up: Vec<u8> = meeting.give_up_fact(|&row| row < 2).collect();
        given_up.sort_unstable();
        assert_eq!(given_up, [0, 1]);
        assert_eq!(meeting.give_up_placebo(|&row| row == 3).collect::<Vec<_>>(), [3]);
        assert_eq!(meeting.twin(0, 9), (None, Some(0)));
        assert_eq!(meeting.twin(3, 9), (Some(3), None));
        meeting.give_up_twins(|_| true);
        meeting.fact(0, || 0, |_| panic!("its twin was given up"));
        assert_eq!(meeting.give_up_fact(|_| true).count(), 2);
    }

    #[test]
    fn lists_of_any_length_are_gone_through_whole_and_side_by_side() {
        let lists: [Vec<usize>; 3] = [(0..1000).collect(), (0..10).collect(), Vec::new()];
        let (mut seen, mut furthest_apart) = ([Vec::new(), Vec::new(), Vec::new()], 0.0f64);
        side_by_side([&lists[0], &lists[1], &lists[2]], |which, &row| {
            seen[which].push(row);
            let share = |of: usize| seen[of].len() as f64 / lists[of].len() as f64;
            furthest_apart = furthest_apart.max((share(0) - share(1)).abs());
        });
        assert_eq!(seen, lists);
        assert!(furthest_apart < 0.2, "{furthest_apart}");
    }
}
