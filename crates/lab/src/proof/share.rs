//! Pieces of work side by side. What comes out does not depend on how many threads there are.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does `work` for every item, on so many threads; results in the order of the items.
pub(super) fn side_by_side<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if threads <= 1 || items.len() <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                while let Some((item, place)) = {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    items.get(n).zip(done.get(n))
                } {
                    let result = work(item);
                    *place.lock().expect("nobody else writes here") = Some(result);
                }
            });
        }
    });
    let taken = done.into_iter().map(|place| place.into_inner().expect("its writer is done"));
    taken.map(|result| result.expect("every item was worked on")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items_on_any_number_of_threads() {
        let items: Vec<u64> = (0..37).collect();
        let squares: Vec<u64> = items.iter().map(|item| item * item).collect();
        for threads in [1, 2, 5, 100] {
            assert_eq!(side_by_side(&items, threads, |item| item * item), squares);
        }
        assert!(side_by_side(&[] as &[u64], 3, |item| *item).is_empty());
    }
}
