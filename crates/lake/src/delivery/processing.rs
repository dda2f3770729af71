//! `ProcessingConfiguration`: the processors of a destination and their parameters (Firehose API reference, "Processor",
//! "ProcessorParameter").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::definition::invalid;
use crate::Error;
use crate::format::input::Aggregation;

/// Longest delimiter of records within records, bytes.
const DELIMITER_BYTES_MAX: usize = 1024;

/// The processors there are and the parameters that each takes.
const KNOWN: &[(&str, &[&str])] = &[
    ("Decompression", &["CompressionFormat"]),
    ("CloudWatchLogProcessing", &["DataMessageExtraction"]),
    ("RecordDeAggregation", &["SubRecordType", "Delimiter"]),
    ("Lambda", &["LambdaArn", "NumberOfRetries", "RoleArn", "BufferSizeInMBs", "BufferIntervalInSeconds"]),
    ("MetadataExtraction", &["MetadataExtractionQuery", "JsonParsingEngine"]),
    ("AppendDelimiterToRecord", &["Delimiter"]),
];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Processing {
    #[serde(default)]
    pub enabled: bool,
    #[serde(default)]
    pub processors: Vec<Processor>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Processor {
    #[serde(rename = "Type")]
    pub kind: String,
    #[serde(default)]
    pub parameters: Vec<Parameter>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Parameter {
    pub parameter_name: String,
    pub parameter_value: String,
}

impl Processing {
    /// Refuses processors and parameters that are unknown, missing, doubled or in conflict.
    ///
    /// # Errors
    /// `Invalid`, naming the processor and the parameter.
    pub fn check(&self) -> Result<(), Error> {
        for (index, processor) in self.processors.iter().enumerate() {
            processor.check()?;
            if self.processors.iter().take(index).any(|other| other.kind == processor.kind) {
                return Err(invalid(format!("Processors must hold {} once", processor.kind)));
            }
        }
        let has = |kind: &str| self.processors.iter().any(|processor| processor.kind == kind);
        if has("CloudWatchLogProcessing") && !has("Decompression") {
            return Err(invalid("processor CloudWatchLogProcessing needs the processor Decompression"));
        }
        Ok(())
    }
}

impl Processor {
    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|p| p.parameter_name == name).map(|p| p.parameter_value.as_str())
    }

    fn check(&self) -> Result<(), Error> {
        let kind = &self.kind;
        let Some((_, known)) = KNOWN.iter().find(|(name, _)| name == kind) else {
            return Err(invalid(format!("processor type {kind} is not supported")));
        };
        for Parameter { parameter_name: name, .. } in &self.parameters {
            if !known.contains(&name.as_str()) {
                return Err(invalid(format!("processor {kind} does not take the parameter {name}")));
            }
            if self.parameters.iter().filter(|other| other.parameter_name == *name).count() > 1 {
                return Err(invalid(format!("processor {kind} has the parameter {name} twice")));
            }
        }
        match kind.as_str() {
            "Decompression" => self.only("CompressionFormat", "GZIP"),
            "CloudWatchLogProcessing" => {
                self.required("DataMessageExtraction")?;
                self.only("DataMessageExtraction", "true")
            }
            "RecordDeAggregation" => self.aggregation().map(drop),
            "Lambda" => self.required("LambdaArn").map(drop),
            "MetadataExtraction" => {
                self.required("MetadataExtractionQuery")?;
                self.only("JsonParsingEngine", "JQ-1.6")
            }
            _ => Ok(()),
        }
    }

    fn required(&self, name: &str) -> Result<&str, Error> {
        let value = self.parameter(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| invalid(format!("processor {} needs the parameter {name}", self.kind)))
    }

    fn only(&self, name: &str, value: &str) -> Result<(), Error> {
        if self.parameter(name).is_some_and(|found| !found.eq_ignore_ascii_case(value)) {
            return Err(invalid(format!("parameter {name} of processor {} must be {value}", self.kind)));
        }
        Ok(())
    }

    /// What a `RecordDeAggregation` processor asks for.
    ///
    /// # Errors
    /// `Invalid`, naming the parameter.
    pub fn aggregation(&self) -> Result<Aggregation, Error> {
        match (self.required("SubRecordType")?, self.parameter("Delimiter")) {
            ("JSON", None) => Ok(Aggregation::Json),
            ("JSON", Some(_)) => {
                Err(invalid("RecordDeAggregation takes a Delimiter with SubRecordType DELIMITED only"))
            }
            ("DELIMITED", _) => {
                let delimiter = STANDARD.decode(self.required("Delimiter")?).unwrap_or_default();
                if delimiter.is_empty() || delimiter.len() > DELIMITER_BYTES_MAX {
                    return Err(invalid(format!(
                        "Delimiter of RecordDeAggregation must be base64 of 1 to {DELIMITER_BYTES_MAX} bytes"
                    )));
                }
                Ok(Aggregation::Delimited(delimiter))
            }
            _ => Err(invalid("SubRecordType of RecordDeAggregation must be JSON or DELIMITED")),
        }
    }
}
