//! File formats: what one buffer of records becomes. JSON as it came, or Parquet with a schema from the catalog or
//! from the records (Firehose Developer Guide, "Convert input data format").

mod columns;
mod compress;
mod encoders;
mod hive;
mod infer;
pub mod input;
pub mod json;
mod keys;
mod members;
mod options;
mod parquet;
#[cfg(test)]
mod reference;
mod scalar;
mod writer;

pub use compress::Compression;
pub use encoders::Formats;
pub use hive::{column_type, schema};
pub use keys::Keys;
pub use options::{Codec, Options, WriterVersion};
pub use parquet::Parquet;
