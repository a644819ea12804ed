//! Rewrites of scenarios that must not matter, or must matter in a known way.
