//! SQL end to end: answers, refusals, and the files delivery wrote as independent readers see them.

use crate::world::{run, server};

#[test]
fn the_lake_is_asked_and_nothing_else_is_read_or_written() {
    run(&server(), "sql/ask.py");
}

#[test]
fn parquet_is_what_duckdb_and_pyarrow_read() {
    run(&server(), "sql/parquet.py");
}
