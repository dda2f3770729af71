//! Paths, pipe input templates and jq, compiled once.
