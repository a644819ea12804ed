//! The scenario language: RON text to a checked, buildable world.
