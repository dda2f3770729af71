//! Runs the real binary for tests and keeps conformance suites.
