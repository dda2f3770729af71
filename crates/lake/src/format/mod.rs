//! File formats: what one buffer of records becomes. JSON as it came, or Parquet with a schema from the catalog or
//! from the records (Firehose Developer Guide, "Convert input data format").

mod coerce;
mod compress;
mod encoders;
mod hive;
mod infer;
pub mod input;
pub mod json;
mod options;
mod parquet;

pub use coerce::Keys;
pub use compress::Compression;
pub use encoders::Formats;
pub use hive::{column_type, schema};
pub use options::{Codec, Options, WriterVersion};
pub use parquet::Parquet;
