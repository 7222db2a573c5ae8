//! Filled in the next commit.
fn main() {}
