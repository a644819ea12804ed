//! All tests of the crate in one program: it is built and linked once, and its tests share the cores.

mod copies;
mod corpora;
mod followed;
mod lives;
mod metamorphic;
mod outcomes;
mod planted;
mod support;
mod worlds;
