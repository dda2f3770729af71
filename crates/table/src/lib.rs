//! DynamoDB-compatible tables and their streams.
