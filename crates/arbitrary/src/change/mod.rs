//! Rewrites of scenarios that must not matter, or must matter in a known way.
//!
//! They work on resolved texts, where every default is written out and nothing is left to other files.

mod scale;
mod tree;

pub use scale::{frozen, scaled};
pub use tree::Tree;

/// The same scenario with the fields of each struct and the entries of each map in another order.
#[must_use]
pub fn shuffled(resolved: &str, seed: u64) -> String {
    let mut tree = Tree::parse(resolved);
    let mut key = knockon_kernel::Key::new(seed).name("shuffle");
    tree.visit(&mut |group| {
        if group.is_unordered() {
            let parts = group.parts_mut();
            for n in (1..parts.len()).rev() {
                key = key.with(1);
                parts.swap(n, (key.bits() >> 32) as usize % (n + 1));
            }
        }
    });
    tree.print()
}
