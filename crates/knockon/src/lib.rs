//! knockon for library users: a facade over its crates.
