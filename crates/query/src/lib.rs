//! Read-only SQL over the lake, on DataFusion. The only crate that knows the SQL engine.
//!
//! A table is named by where it lies: `bucket.prefix` (also `"bucket"."data/2026"`), or by its Glue name
//! `database.table`, or by the last part alone where only one thing has it. Hive partitions (`site=A/`) become
//! columns and prune; files may be Parquet, or JSON (newline-delimited or concatenated), plain or gzip.

mod answer;
mod detect;
mod engine;
mod error;
mod json;
mod resolve;

pub use answer::{Answer, Format};
pub use engine::{Engine, Settings};
pub use error::Error;
pub use resolve::{Catalog, NoCatalog, TableDefinition};
