//! Bytes as a sequence of choices. When they have run out the first of everything is chosen, so every byte string is a world.

use arbitrary::Unstructured;

/// Choices that bytes make.
pub(crate) struct Choices<'b>(Unstructured<'b>);

impl<'b> Choices<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    /// A number from 0 to below `n`, 0 when `n` is 0 or the bytes have run out.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0.int_in_range(0..=n.saturating_sub(1)).unwrap_or(0)
    }

    /// True in so many of 256 cases, never when the bytes have run out.
    pub(crate) fn chance(&mut self, of_256: u8) -> bool {
        let byte: u8 = self.0.arbitrary().unwrap_or(0);
        u16::from(byte) + u16::from(of_256) > 255
    }

    /// One of a list that is not empty.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Any number at all.
    pub(crate) fn any(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or(0)
    }
}
