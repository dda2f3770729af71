//! `DataFormatConversionConfiguration` (Firehose API reference): its members are known, in range and can be honoured, or
//! it is refused by the name of the member. What is honoured is read by `format::encoders`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::definition::invalid;
use crate::Error;

const BLOCK_BYTES_MIN: u64 = 64 << 20;
const PAGE_BYTES_MIN: u64 = 64 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Conversion {
    #[serde(default)]
    #[allow(dead_code, reason = "read by the destination")]
    enabled: Option<bool>,
    #[serde(default)]
    schema_configuration: Option<Schema>,
    #[serde(default)]
    input_format_configuration: Option<Input>,
    #[serde(default)]
    output_format_configuration: Option<Output>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[allow(dead_code, reason = "members are only known here")]
struct Schema {
    #[serde(default, rename = "RoleARN")]
    role_arn: Option<String>,
    #[serde(default)]
    catalog_id: Option<String>,
    #[serde(default)]
    database_name: Option<String>,
    #[serde(default)]
    table_name: Option<String>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    version_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Input {
    #[serde(default)]
    deserializer: Option<Deserializer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deserializer {
    #[serde(default, rename = "OpenXJsonSerDe")]
    openx: Option<OpenX>,
    #[serde(default, rename = "HiveJsonSerDe")]
    hive: Option<Hive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[allow(dead_code, reason = "members are only known here")]
struct OpenX {
    #[serde(default)]
    case_insensitive: Option<bool>,
    #[serde(default)]
    convert_dots_in_json_keys_to_underscores: Option<bool>,
    #[serde(default)]
    column_to_json_key_mappings: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Hive {
    #[serde(default)]
    timestamp_formats: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Output {
    #[serde(default)]
    serializer: Option<Serializer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Serializer {
    #[serde(default, rename = "ParquetSerDe")]
    parquet: Option<ParquetSerDe>,
    #[serde(default, rename = "OrcSerDe")]
    orc: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ParquetSerDe {
    /// The codecs are `format::Codec`'s to know.
    #[serde(default)]
    #[allow(dead_code, reason = "read by the encoder")]
    compression: Option<String>,
    #[serde(default)]
    block_size_bytes: Option<u64>,
    #[serde(default)]
    page_size_bytes: Option<u64>,
    #[serde(default)]
    writer_version: Option<String>,
    #[serde(default)]
    #[allow(dead_code, reason = "read by the encoder")]
    enable_dictionary_compression: Option<bool>,
    /// Files are never padded, which keeps to any maximum.
    #[serde(default)]
    #[allow(dead_code, reason = "only known here")]
    max_padding_bytes: Option<u64>,
}

/// # Errors
/// `Invalid`, naming the member that is unknown, out of range, in conflict or cannot be honoured, and why.
pub fn check(conversion: &Value) -> Result<(), Error> {
    let named = |error: serde_json::Error| invalid(format!("DataFormatConversionConfiguration: {error}"));
    let conversion = Conversion::deserialize(conversion).map_err(named)?;
    if let Some(schema) = &conversion.schema_configuration {
        if schema.database_name.is_some() != schema.table_name.is_some() {
            return Err(invalid("SchemaConfiguration needs DatabaseName and TableName together"));
        }
        if schema.version_id.as_deref().is_some_and(|version| version != "LATEST") {
            return Err(invalid(
                "SchemaConfiguration.VersionId must be LATEST: earlier versions of a table are not kept",
            ));
        }
    }
    if let Some(deserializer) = conversion.input_format_configuration.and_then(|input| input.deserializer) {
        if deserializer.openx.is_some() && deserializer.hive.is_some() {
            return Err(invalid("Deserializer takes OpenXJsonSerDe or HiveJsonSerDe, not both"));
        }
        if deserializer.hive.is_some_and(|hive| !hive.timestamp_formats.is_empty()) {
            return Err(invalid(
                "HiveJsonSerDe.TimestampFormats is not supported: timestamps are read as ISO 8601, java.sql.Timestamp text \
                 or epoch numbers",
            ));
        }
    }
    let Some(serializer) = conversion.output_format_configuration.and_then(|output| output.serializer) else {
        return Ok(());
    };
    if serializer.orc.is_some() {
        return Err(invalid("OrcSerDe is not supported; use ParquetSerDe"));
    }
    serializer.parquet.map_or(Ok(()), |parquet| parquet.check())
}

impl ParquetSerDe {
    fn check(&self) -> Result<(), Error> {
        if self.block_size_bytes.is_some_and(|bytes| bytes < BLOCK_BYTES_MIN) {
            return Err(invalid(format!("ParquetSerDe.BlockSizeBytes must be at least {BLOCK_BYTES_MIN}")));
        }
        if self.page_size_bytes.is_some_and(|bytes| bytes < PAGE_BYTES_MIN) {
            return Err(invalid(format!("ParquetSerDe.PageSizeBytes must be at least {PAGE_BYTES_MIN}")));
        }
        if self.writer_version.as_deref().is_some_and(|version| !["V1", "V2"].contains(&version)) {
            return Err(invalid("ParquetSerDe.WriterVersion must be V1 or V2"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conversion(parquet: Value, openx: Value) -> Value {
        json!({
            "Enabled": true,
            "SchemaConfiguration": {"DatabaseName": "d", "TableName": "t", "Region": "us-east-1", "VersionId": "LATEST"},
            "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": openx}},
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": parquet}},
        })
    }

    #[test]
    fn what_is_honoured_is_taken() {
        let parquet = json!({
            "Compression": "GZIP", "BlockSizeBytes": BLOCK_BYTES_MIN, "PageSizeBytes": PAGE_BYTES_MIN, "WriterVersion": "V2",
            "EnableDictionaryCompression": false, "MaxPaddingBytes": 8,
        });
        let openx = json!({
            "CaseInsensitive": false, "ConvertDotsInJsonKeysToUnderscores": true,
            "ColumnToJsonKeyMappings": {"ts": "timestamp"},
        });
        check(&conversion(parquet, openx)).unwrap();
        check(&json!({"InputFormatConfiguration": {"Deserializer": {"HiveJsonSerDe": {}}}})).unwrap();
    }

    #[test]
    fn what_is_not_is_refused_by_name() {
        for (parquet, named) in [
            (json!({"BlockSizeBytes": 1}), "BlockSizeBytes"),
            (json!({"PageSizeBytes": 1}), "PageSizeBytes"),
            (json!({"WriterVersion": "V3"}), "WriterVersion"),
            (json!({"EnableDictionaryCompression": "no"}), "DataFormatConversionConfiguration"),
            (json!({"Color": 8}), "Color"),
        ] {
            let error = check(&conversion(parquet, json!({}))).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        let error = check(&conversion(json!({}), json!({"Nothing": 1}))).unwrap_err().to_string();
        assert!(error.contains("Nothing"), "{error}");
        for (whole, named) in [
            (json!({"SchemaConfiguration": {"TableName": "t"}}), "DatabaseName"),
            (json!({"SchemaConfiguration": {"VersionId": "3"}}), "VersionId"),
            (json!({"OutputFormatConfiguration": {"Serializer": {"OrcSerDe": {}}}}), "OrcSerDe"),
            (
                json!({"InputFormatConfiguration": {"Deserializer": {"HiveJsonSerDe": {"TimestampFormats": ["millis"]}}}}),
                "TimestampFormats",
            ),
        ] {
            let error = check(&whole).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
