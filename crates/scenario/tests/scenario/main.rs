//! All tests of the crate in one program: it is built and linked once, and its tests share the cores.

mod bad;
mod campaign;
mod check;
mod compile;
mod data;
mod properties;
mod shipped;
