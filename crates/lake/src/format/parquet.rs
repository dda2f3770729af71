//! Parquet files from JSON records. A record is made to fit the schema before it is accepted, so one that does not fit
//! is refused alone.

use arrow::datatypes::SchemaRef;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};
use serde_json::{Map, Value};

use super::coerce::Keys;
use super::infer::Shape;
use crate::Error;
use crate::encoder::{Encoder, RecordError};

/// Records decoded at a time: small, since a file per partition is open at once.
const BATCH_ROWS: usize = 1024;
/// Staged bytes that are decoded before there are [`BATCH_ROWS`].
const BATCH_BYTES: usize = 1 << 20;
/// Rows of a row group.
const GROUP_ROWS_MAX: usize = 128 * 1024;

/// `ParquetSerDe.Compression`, and Zstandard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    Uncompressed,
    Gzip,
    #[default]
    Snappy,
    Zstd,
}

impl Codec {
    /// Reads `ParquetSerDe.Compression`.
    ///
    /// # Errors
    /// `Invalid` for a name that is not known.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "UNCOMPRESSED" => Codec::Uncompressed,
            "GZIP" => Codec::Gzip,
            "SNAPPY" => Codec::Snappy,
            "ZSTD" => Codec::Zstd,
            _ => {
                return Err(Error::Invalid(
                    "ParquetSerDe.Compression must be UNCOMPRESSED, GZIP, SNAPPY or ZSTD".into(),
                ));
            }
        })
    }

    fn properties(self) -> WriterProperties {
        let compression = match self {
            Codec::Uncompressed => Compression::UNCOMPRESSED,
            Codec::Gzip => Compression::GZIP(parquet::basic::GzipLevel::default()),
            Codec::Snappy => Compression::SNAPPY,
            Codec::Zstd => Compression::ZSTD(parquet::basic::ZstdLevel::default()),
        };
        WriterProperties::builder()
            .set_compression(compression)
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
            .build()
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Encode(error.to_string())
}

fn refused(message: String) -> RecordError {
    RecordError { code: "DataFormatConversion.MalformedData".into(), message }
}

fn object(record: &[u8]) -> Result<Map<String, Value>, RecordError> {
    serde_json::from_slice(record).map_err(|_| refused("the record is not a JSON object".into()))
}

/// One Parquet file that is being made.
pub struct Parquet {
    state: State,
    codec: Codec,
    keys: Keys,
}

enum State {
    Typed(Box<Columns>),
    /// Records wait for the end, which alone knows all types.
    Inferred {
        shape: Shape,
        records: Vec<Map<String, Value>>,
        bytes: usize,
    },
}

struct Columns {
    schema: SchemaRef,
    decoder: Decoder,
    writer: ArrowWriter<Vec<u8>>,
    staged: Vec<u8>,
    rows: usize,
    /// A batch that failed: the file cannot be finished.
    broken: Option<Error>,
}

impl Columns {
    fn new(schema: SchemaRef, codec: Codec) -> Result<Self, Error> {
        let decoder = ReaderBuilder::new(schema.clone()).with_batch_size(BATCH_ROWS).build_decoder().map_err(failed)?;
        let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(codec.properties())).map_err(failed)?;
        Ok(Columns { schema, decoder, writer, staged: Vec::new(), rows: 0, broken: None })
    }

    fn push(&mut self, record: &Map<String, Value>, keys: &Keys) -> Result<(), RecordError> {
        let fitted = keys
            .record(record, self.schema.fields())
            .map_err(|column| refused(format!("the value does not fit the column's type. column=`{column}`")))?;
        let before = self.staged.len();
        if serde_json::to_writer(&mut self.staged, &fitted).is_err() {
            self.staged.truncate(before);
            return Err(refused("the record cannot be written as JSON".into()));
        }
        self.rows += 1;
        if self.rows >= BATCH_ROWS || self.staged.len() >= BATCH_BYTES {
            let result = self.decode();
            self.broken = self.broken.take().or(result.err());
        }
        Ok(())
    }

    fn decode(&mut self) -> Result<(), Error> {
        let mut rest = self.staged.as_slice();
        while !rest.is_empty() {
            let read = self.decoder.decode(rest).map_err(failed)?;
            rest = rest.get(read..).unwrap_or_default();
            match self.decoder.flush().map_err(failed)? {
                Some(batch) => self.writer.write(&batch).map_err(failed)?,
                None if read == 0 => return Err(Error::Encode("the decoder stopped".into())),
                None => {}
            }
        }
        self.staged.clear();
        self.rows = 0;
        Ok(())
    }

    fn finish(mut self) -> Result<Bytes, Error> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        self.decode()?;
        Ok(self.writer.into_inner().map_err(failed)?.into())
    }
}

impl Parquet {
    /// An empty file; without a schema it is inferred from the records.
    ///
    /// # Errors
    /// `Encode` for a schema that Parquet cannot hold.
    pub fn new(schema: Option<SchemaRef>, codec: Codec, keys: Keys) -> Result<Self, Error> {
        let state = match schema {
            Some(schema) => State::Typed(Box::new(Columns::new(schema, codec)?)),
            None => State::Inferred { shape: Shape::default(), records: Vec::new(), bytes: 0 },
        };
        Ok(Parquet { state, codec, keys })
    }
}

impl Encoder for Parquet {
    fn push(&mut self, record: &[u8]) -> Result<(), RecordError> {
        let parsed = object(record)?;
        match &mut self.state {
            State::Typed(columns) => columns.push(&parsed, &self.keys),
            State::Inferred { shape, records, bytes } => {
                let parsed = Value::Object(parsed);
                shape.widen(&parsed);
                *bytes += record.len();
                if let Value::Object(parsed) = parsed {
                    records.push(parsed);
                }
                Ok(())
            }
        }
    }

    fn bytes(&self) -> usize {
        match &self.state {
            State::Typed(columns) => {
                columns.staged.capacity() + columns.writer.memory_size() + columns.writer.bytes_written()
            }
            State::Inferred { bytes, .. } => *bytes,
        }
    }

    fn finish(self: Box<Self>) -> Result<Bytes, Error> {
        match self.state {
            State::Typed(columns) => columns.finish(),
            State::Inferred { shape, records, .. } => {
                let keys = Keys { case_sensitive: true, ..Keys::default() };
                let mut columns = Columns::new(shape.schema(), self.codec)?;
                for record in &records {
                    columns.push(record, &keys).map_err(|error| Error::Encode(error.message))?;
                }
                columns.finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::json::LineDelimitedWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::format::schema;

    fn read(file: Bytes) -> Vec<Value> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let mut writer = LineDelimitedWriter::new(Vec::new());
        reader.for_each(|batch| writer.write(&batch.unwrap()).unwrap());
        writer.finish().unwrap();
        let lines = writer.into_inner();
        serde_json::Deserializer::from_slice(&lines).into_iter().map(Result::unwrap).collect()
    }

    fn check(columns: Option<&[(&str, &str)]>, records: &[&str], refused: usize, expected: &[&str]) {
        for codec in [Codec::Uncompressed, Codec::Gzip, Codec::Snappy, Codec::Zstd] {
            let schema = columns.map(|columns| schema(columns.iter().copied()).unwrap());
            let mut file = Box::new(Parquet::new(schema, codec, Keys::default()).unwrap());
            let failures = records.iter().filter(|record| file.push(record.as_bytes()).is_err()).count();
            assert_eq!(failures, refused);
            let expected: Vec<Value> = expected.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(read(file.finish().unwrap()), expected);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_harms_nothing_else() {
        let columns = [("id", "int"), ("tags", "array<string>"), ("at", "struct<x:double,y:map<string,bigint>>")];
        let good = r#"{"ID":7,"tags":["a"],"at":{"x":0.5,"y":{"k":9}},"other":1}"#;
        let bad = ["{", "[]", r#"{"id":"x"}"#, r#"{"id":2147483648}"#, r#"{"at":[]}"#, r#"{"tags":{}}"#, "{} x"];
        let mut records = vec![good];
        records.extend(bad);
        records.push(r#"{"id":"8"}"#);
        check(
            Some(&columns),
            &records,
            bad.len(),
            &[r#"{"id":7,"tags":["a"],"at":{"x":0.5,"y":{"k":9}}}"#, r#"{"id":8}"#],
        );
    }

    #[test]
    fn scalars_are_converted() {
        let columns = [("t", "timestamp"), ("d", "date"), ("n", "decimal(6,2)"), ("b", "binary"), ("s", "string")];
        check(
            Some(&columns),
            &[
                r#"{"t":"2024-01-02T03:04:05.123456Z","d":"2024-01-02","n":1.25,"b":"hi","s":{"a":1}}"#,
                r#"{"n":1.234}"#,
            ],
            1,
            &[r#"{"t":"2024-01-02T03:04:05.123456","d":"2024-01-02","n":"1.25","b":"6869","s":"{\"a\":1}"}"#],
        );
    }

    #[test]
    fn types_are_inferred_by_widening() {
        let records = [r#"{"a":1,"b":[1],"c":{"d":true}}"#, r#"{"a":1.5,"b":["x"],"e":null}"#, "5"];
        let expected = [r#"{"a":1.0,"b":["1"],"c":{"d":true}}"#, r#"{"a":1.5,"b":["x"]}"#];
        check(None, &records, 1, &expected);
    }

    proptest::proptest! {
        #[test]
        fn accepted_records_read_back_equal(rows in proptest::collection::vec((proptest::prelude::any::<i64>(), ".*"), 1..40)) {
            let schema = schema([("id", "bigint"), ("name", "string")]).unwrap();
            let mut file = Box::new(Parquet::new(Some(schema), Codec::Snappy, Keys::default()).unwrap());
            let rows: Vec<Value> = rows.iter().map(|(id, name)| serde_json::json!({"id": id, "name": name})).collect();
            for row in &rows {
                file.push(row.to_string().as_bytes()).unwrap();
            }
            proptest::prop_assert_eq!(read(file.finish().unwrap()), rows);
        }
    }
}
