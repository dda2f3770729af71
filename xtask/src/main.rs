//! Checks and measures this workspace.
fn main() {}
