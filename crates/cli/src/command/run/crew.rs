//! Many pieces of work on several threads: the largest first, so that none is left over at the end; told in their order.
//!
//! Threads share a counter and a channel, which each of them touches once a piece. A piece that panics is lost, the others are not.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Does `work` for every number below `sizes.len()` on `hands` threads. `tell` gets the results in the order of the numbers, each as
/// soon as all before it are there; `done` is called whenever one is. An error is what a panic said.
pub(super) fn share<R: Send>(
    sizes: &[f64],
    hands: usize,
    work: impl Fn(usize) -> R + Sync,
    done: impl Fn(),
    mut tell: impl FnMut(usize, Result<R, String>),
) {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..hands.min(order.len()) {
            let (sender, order, next, work) = (sender.clone(), &order, &next, &work);
            scope.spawn(move || {
                while let Some(&piece) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = panic::catch_unwind(AssertUnwindSafe(|| work(piece)));
                    let result = result.map_err(|payload| {
                        let text = payload.downcast_ref::<String>().map(String::as_str);
                        text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
                    });
                    if sender.send((piece, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut results: Vec<Option<Result<R, String>>> = (0..sizes.len()).map(|_| None).collect();
        let mut told = 0;
        for (piece, result) in receiver {
            results[piece] = Some(result);
            done();
            while let Some(result) = results.get_mut(told).and_then(Option::take) {
                tell(told, result);
                told += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn results_are_told_in_order_and_the_largest_piece_comes_first() {
        for hands in [1, 2, 7, 100] {
            let began = Mutex::new(Vec::new());
            let mut told = Vec::new();
            let sizes: Vec<f64> = (0..50).map(f64::from).collect();
            let work = |piece: usize| {
                began.lock().unwrap().push(piece);
                assert!(piece != 13, "piece {piece} breaks");
                piece * piece
            };
            share(&sizes, hands, work, || {}, |piece, result| told.push((piece, result)));
            let expected =
                |piece: usize| (piece, if piece == 13 { Err("piece 13 breaks".to_owned()) } else { Ok(piece * piece) });
            assert_eq!(told, (0..50).map(expected).collect::<Vec<_>>());
            if hands == 1 {
                assert_eq!(began.into_inner().unwrap(), (0..50).rev().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn nothing_to_do_is_done() {
        share(&[], 3, |_| (), || {}, |_, _| unreachable!("there is nothing to tell"));
    }
}
