//! EventBridge event patterns: compile, match, explain.
