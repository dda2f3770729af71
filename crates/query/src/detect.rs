//! Which format the objects of a prefix have: by their first bytes, since delivery streams give them no extension.

use std::io::Read as _;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};

use crate::Error;

/// Objects looked at to learn the columns of JSON, spread over the listing.
const SAMPLED_OBJECTS_MAX: usize = 16;
/// Bytes read of each.
const SAMPLED_BYTES_MAX: u64 = 1 << 20;
/// Records looked at in each.
const SAMPLED_RECORDS_MAX: usize = 2_000;

/// How the objects of a table are encoded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Encoding {
    Parquet,
    Json(FileCompressionType),
}

pub(crate) async fn encoding(store: &dyn ObjectStore, object: &ObjectMeta) -> Result<Encoding, Error> {
    let head = store.get_range(&object.location, 0..object.size.min(4)).await?;
    Ok(match head.as_ref() {
        [b'P', b'A', b'R', b'1'] => Encoding::Parquet,
        [0x1f, 0x8b, ..] => Encoding::Json(FileCompressionType::GZIP),
        _ => Encoding::Json(FileCompressionType::UNCOMPRESSED),
    })
}

/// The columns of JSON objects, from a sample.
pub(crate) async fn json_schema(
    store: &dyn ObjectStore,
    objects: &[ObjectMeta],
    gzip: bool,
) -> Result<SchemaRef, Error> {
    let step = objects.len().div_ceil(SAMPLED_OBJECTS_MAX).max(1);
    let mut schemas = Vec::new();
    for object in objects.iter().rev().step_by(step) {
        let bytes = store.get_range(&object.location, 0..object.size.min(SAMPLED_BYTES_MAX)).await?;
        let text = if gzip { inflate(&bytes) } else { bytes.to_vec() };
        // The sample may end inside a record, and one bad record must not hide the others.
        let records = serde_json::Deserializer::from_slice(&text)
            .into_iter::<serde_json::Value>()
            .take(SAMPLED_RECORDS_MAX)
            .map_while(Result::ok)
            .filter(serde_json::Value::is_object)
            .map(Ok);
        let schema = arrow::json::reader::infer_json_schema_from_iterator(records)
            .map_err(|error| Error::Failed(format!("cannot infer columns. object=`{}` {error}", object.location)))?;
        schemas.push(schema);
    }
    Ok(std::sync::Arc::new(merge(schemas)))
}

fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    // A sample ends in the middle of a member: what was read until then counts.
    let _ = flate2::read::MultiGzDecoder::new(bytes).take(SAMPLED_BYTES_MAX * 4).read_to_end(&mut text);
    text
}

/// One schema for all: a column that has two types in two objects becomes text when nothing wider fits.
fn merge(schemas: Vec<Schema>) -> Schema {
    use arrow::datatypes::{DataType, Field};
    let mut fields: Vec<Field> = Vec::new();
    for schema in schemas {
        for field in schema.fields() {
            match fields.iter_mut().find(|known| known.name() == field.name()) {
                None => fields.push(field.as_ref().clone()),
                Some(known) if known.data_type() == field.data_type() => {}
                Some(known) => {
                    let mut merged = known.clone();
                    if merged.try_merge(field).is_err() {
                        let wider = match (known.data_type(), field.data_type()) {
                            (DataType::Null, other) | (other, DataType::Null) => other.clone(),
                            (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
                                DataType::Float64
                            }
                            _ => DataType::Utf8,
                        };
                        merged = Field::new(known.name(), wider, true);
                    }
                    *known = merged;
                }
            }
        }
    }
    Schema::new(fields)
}
