//! The encoders of delivery destinations: `CompressionFormat` and `DataFormatConversionConfiguration`.

use bytes::Bytes;
use serde_json::Value;

use super::{Codec, Compression, Keys, Options, Parquet, WriterVersion};
use crate::Error;
use crate::catalog::Catalog;
use crate::delivery::definition::Destination;
use crate::encoder::{Encoder, Encoders, RecordError};

/// All formats, with schemas from the catalog.
#[derive(Clone)]
pub struct Formats {
    pub catalog: Catalog,
}

struct Json {
    data: Vec<u8>,
    delimiter: Vec<u8>,
    compression: Compression,
}

impl Encoder for Json {
    fn push(&mut self, record: &[u8]) -> Result<(), RecordError> {
        self.data.extend_from_slice(record);
        self.data.extend_from_slice(&self.delimiter);
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.data.capacity()
    }

    fn finish(self: Box<Self>) -> Result<Bytes, Error> {
        Ok(self.compression.compress(self.data)?.into())
    }
}

fn compression(destination: &Destination) -> Result<Compression, Error> {
    destination.compression_format.as_deref().map_or(Ok(Compression::Uncompressed), Compression::parse)
}

fn at<'a>(destination: &'a Destination, path: &str) -> Option<&'a Value> {
    destination.data_format_conversion_configuration.as_ref()?.pointer(path)
}

fn options(destination: &Destination) -> Result<Options, Error> {
    if at(destination, "/OutputFormatConfiguration/Serializer/OrcSerDe").is_some() {
        return Err(Error::Invalid("OrcSerDe is not supported; use ParquetSerDe".into()));
    }
    let member = |name: &str| {
        at(destination, &format!("/OutputFormatConfiguration/Serializer/ParquetSerDe/{name}"))
            .filter(|value| !value.is_null())
    };
    let text = |name: &str| member(name).and_then(Value::as_str);
    let bytes = |name: &str| member(name).and_then(Value::as_u64).and_then(|bytes| usize::try_from(bytes).ok());
    let default = Options::default();
    Ok(Options {
        codec: text("Compression").map_or(Ok(default.codec), Codec::parse)?,
        page_bytes: bytes("PageSizeBytes").unwrap_or(default.page_bytes),
        block_bytes: bytes("BlockSizeBytes").unwrap_or(default.block_bytes),
        version: text("WriterVersion").map_or(Ok(default.version), WriterVersion::parse)?,
        dictionary: member("EnableDictionaryCompression").and_then(Value::as_bool),
    })
}

fn keys(destination: &Destination) -> Keys {
    let openx = "/InputFormatConfiguration/Deserializer/OpenXJsonSerDe";
    let Some(options) = at(destination, openx) else { return Keys::default() };
    let flag = |name: &str| options.get(name).and_then(Value::as_bool);
    let mappings = options.get("ColumnToJsonKeyMappings").and_then(Value::as_object).into_iter().flatten();
    Keys {
        case_sensitive: flag("CaseInsensitive") == Some(false),
        dots_to_underscores: flag("ConvertDotsInJsonKeysToUnderscores") == Some(true),
        mappings: mappings
            .filter_map(|(column, key)| Some((column.to_lowercase(), key.as_str()?.to_owned())))
            .collect(),
    }
}

impl Encoders for Formats {
    fn check(&self, destination: &Destination) -> Result<(), Error> {
        let compression = compression(destination)?;
        if destination.converts_format() {
            options(destination)?;
            if compression != Compression::Uncompressed {
                return Err(Error::Invalid("CompressionFormat must be UNCOMPRESSED with format conversion".into()));
            }
        }
        Ok(())
    }

    fn open(&self, destination: &Destination) -> Result<Box<dyn Encoder>, Error> {
        if !destination.converts_format() {
            let (delimiter, compression) = (destination.delimiter(), compression(destination)?);
            return Ok(Box::new(Json { data: Vec::new(), delimiter, compression }));
        }
        let name = |member: &str| at(destination, &format!("/SchemaConfiguration/{member}")).and_then(Value::as_str);
        let schema = match (name("DatabaseName"), name("TableName")) {
            (Some(database), Some(table)) => Some(self.catalog.schema(database, table)?),
            _ => None,
        };
        Ok(Box::new(Parquet::new(schema, options(destination)?, keys(destination))?))
    }

    fn extension(&self, destination: &Destination) -> &'static str {
        if destination.converts_format() {
            return ".parquet";
        }
        compression(destination).map_or("", Compression::extension)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_are_those_of_the_serializer() {
        let read = |parquet: Value| {
            let destination = json!({
                "BucketARN": "arn:aws:s3:::b", "RoleARN": "arn:aws:iam::000000000000:role/r",
                "DataFormatConversionConfiguration": {
                    "Enabled": true, "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": parquet}},
                },
            });
            options(&serde_json::from_value(destination).unwrap()).unwrap()
        };
        assert_eq!(read(json!({})), Options::default());
        let given = json!({
            "Compression": "GZIP", "PageSizeBytes": 65536, "BlockSizeBytes": 67_108_864, "WriterVersion": "V2",
            "EnableDictionaryCompression": false, "MaxPaddingBytes": 8,
        });
        let expected = Options {
            codec: Codec::Gzip,
            page_bytes: 64 << 10,
            block_bytes: 64 << 20,
            version: WriterVersion::V2,
            dictionary: Some(false),
        };
        assert_eq!(read(given), expected);
    }
}
