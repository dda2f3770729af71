//! The encoders of delivery destinations: `CompressionFormat` and `DataFormatConversionConfiguration`.

use bytes::Bytes;
use serde_json::Value;

use super::{Codec, Compression, Keys, Options, Parquet};
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
    let name = at(destination, "/OutputFormatConfiguration/Serializer/ParquetSerDe/Compression");
    let codec = name.and_then(Value::as_str).map_or(Ok(Codec::default()), Codec::parse)?;
    Ok(Options { codec, ..Options::default() })
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
