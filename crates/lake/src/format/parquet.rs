//! Parquet files from JSON records. A record is made to fit the schema before it is accepted, so one that does not fit
//! is refused alone. The same records give the same file, whatever else goes on.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use bytes::Bytes;
use expr::scan::Scanner;
use serde_json::Value;

use super::infer::Shape;
use super::keys::Keys;
use super::members::{Members, Misfit};
use super::options::Options;
use super::writer::Writer;
use crate::Error;
use crate::encoder::{Encoder, RecordError};

/// Rows of a batch: small, since a file per partition is open at once.
const BATCH_ROWS: usize = 512;
/// Bytes of columns that are written before there are [`BATCH_ROWS`].
const BATCH_BYTES: usize = 1 << 20;

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Encode(error.to_string())
}

fn refused(message: String) -> RecordError {
    RecordError { code: "DataFormatConversion.MalformedData".into(), message }
}

fn no_object() -> RecordError {
    refused("the record is not a JSON object".into())
}

/// One Parquet file that is being made.
pub struct Parquet {
    state: State,
    options: Options,
}

enum State {
    Typed(Box<File>),
    /// Records wait for the end, which alone knows all types.
    Inferred {
        shape: Shape,
        records: Vec<u8>,
    },
}

/// A file whose schema is known: rows in columns here, full batches of them with the writer.
struct File {
    schema: SchemaRef,
    rows: Members,
    /// Bytes of the records in `rows`.
    bytes: usize,
    writer: Arc<Writer>,
    /// Memory held when the last batch was full; since then about [`File::bytes`] came to it.
    memory: usize,
}

impl File {
    fn new(schema: SchemaRef, options: Options, keys: &Keys) -> Result<Self, Error> {
        let rows = Members::new(schema.fields(), keys).ok_or_else(|| failed("a type of the schema is not known"))?;
        Ok(File { schema, rows, bytes: 0, writer: Arc::new(Writer::new(options)), memory: 0 })
    }

    fn push(&mut self, record: &str) -> Result<(), RecordError> {
        self.rows.push_record(record).map_err(|misfit| match misfit {
            Misfit::Malformed => no_object(),
            Misfit::Column(index) => {
                let name = self.schema.fields().get(index).map_or("", |field| field.name());
                refused(format!("the value does not fit the column's type. column=`{name}`"))
            }
        })?;
        self.bytes += record.len();
        if self.rows.rows() >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            let batch = self.batch();
            self.writer.add(batch);
            Writer::advance(&self.writer);
            self.memory = self.rows.memory() + self.writer.memory();
        }
        Ok(())
    }

    fn batch(&mut self) -> Result<RecordBatch, ArrowError> {
        self.bytes = 0;
        match self.rows.rows() {
            // Without columns there is nothing that would tell how many rows there are.
            0 => Ok(RecordBatch::new_empty(self.schema.clone())),
            _ => RecordBatch::try_new(self.schema.clone(), self.rows.take().1),
        }
    }

    fn finish(mut self) -> Result<Bytes, Error> {
        let last = self.batch();
        self.writer.add(last);
        self.writer.finish()
    }
}

impl Parquet {
    /// An empty file; without a schema it is inferred from the records.
    ///
    /// # Errors
    /// `Invalid` for a schema without columns, `Encode` for one that Parquet cannot hold.
    pub fn new(schema: Option<SchemaRef>, options: Options, keys: Keys) -> Result<Self, Error> {
        let state = match schema {
            Some(schema) if schema.fields().is_empty() => {
                return Err(Error::Invalid("the table of the schema has no columns".into()));
            }
            Some(schema) => State::Typed(Box::new(File::new(schema, options.clone(), &keys)?)),
            None => State::Inferred { shape: Shape::default(), records: Vec::new() },
        };
        Ok(Parquet { state, options })
    }
}

impl Encoder for Parquet {
    fn push(&mut self, record: &[u8]) -> Result<(), RecordError> {
        match &mut self.state {
            State::Typed(file) => file.push(std::str::from_utf8(record).map_err(|_| no_object())?),
            State::Inferred { shape, records } => {
                let parsed: serde_json::Map<String, Value> = serde_json::from_slice(record).map_err(|_| no_object())?;
                // A file of only such records would have no column to count its rows by.
                if parsed.is_empty() {
                    return Err(refused("the record has no members".into()));
                }
                shape.widen(&Value::Object(parsed));
                records.extend_from_slice(record);
                records.push(b'\n');
                Ok(())
            }
        }
    }

    fn bytes(&self) -> usize {
        match &self.state {
            State::Typed(file) => file.memory + file.bytes,
            State::Inferred { records, .. } => records.capacity(),
        }
    }

    fn finish(self: Box<Self>) -> Result<Bytes, Error> {
        match self.state {
            State::Typed(file) => file.finish(),
            State::Inferred { shape, records } => {
                let keys = Keys { case_sensitive: true, ..Keys::default() };
                let mut file = File::new(shape.schema(), self.options, &keys)?;
                let records =
                    std::str::from_utf8(&records).map_err(|_| Error::Encode("a record is not text".into()))?;
                let mut scanner = Scanner::new(records);
                while scanner.peek().is_ok() {
                    let record = scanner.skip().map_err(|_| Error::Encode("an accepted record is not JSON".into()))?;
                    file.push(record).map_err(|error| Error::Encode(error.message))?;
                }
                file.finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::json::LineDelimitedWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::format::{Codec, schema};

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
            let mut file =
                Box::new(Parquet::new(schema, Options { codec, ..Options::default() }, Keys::default()).unwrap());
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
            &[r#"{"t":"2024-01-02T03:04:05.123456","d":"2024-01-02","n":1.25,"b":"6869","s":"{\"a\":1}"}"#],
        );
    }

    #[test]
    fn types_are_inferred_by_widening() {
        let records = [r#"{"a":1,"b":[1],"c":{"d":true},"h":1}"#, r#"{"a":1.5,"b":["x"],"e":null,"h":1e400}"#, "5"];
        let expected = [r#"{"a":1.0,"b":["1"],"c":{"d":true},"h":"1"}"#, r#"{"a":1.5,"b":["x"],"h":"1e+400"}"#];
        check(None, &records, 1, &expected);
    }

    #[test]
    fn rows_without_columns_are_refused() {
        check(None, &["{}", r#"{"a":null}"#], 1, &["{}"]);
        assert!(Parquet::new(Some(schema([]).unwrap()), Options::default(), Keys::default()).is_err());
    }

    #[test]
    fn the_same_records_give_the_same_bytes_whoever_writes_them() {
        let columns = [("id", "string"), ("n", "bigint"), ("tags", "array<string>")];
        let file = || {
            let mut file = Parquet::new(Some(schema(columns).unwrap()), Options::default(), Keys::default()).unwrap();
            for n in 0..5_000 {
                let record = format!(r#"{{"id": "{}", "n": {n}, "tags": ["{}"]}}"#, n * 7919 % 5_003, n % 3);
                file.push(record.as_bytes()).unwrap();
            }
            Box::new(file).finish().unwrap()
        };
        let alone = file();
        // Within a runtime other threads write batches.
        let helped = tokio::runtime::Runtime::new().unwrap().block_on(async { file() });
        assert_eq!(alone, helped);
    }

    #[test]
    fn extremes_are_refused_or_written_and_harm_nothing_else() {
        let columns = [
            ("f", "float"),
            ("g", "double"),
            ("d", "date"),
            ("n", "decimal(5,2)"),
            ("t", "timestamp"),
            ("i", "tinyint"),
        ];
        let bad = [
            r#"{"f":1e39}"#,
            r#"{"g":"NaN"}"#,
            r#"{"d":"12345-1-23"}"#,
            r#"{"d":"2024-01-021"}"#,
            r#"{"n":"1."}"#,
            r#"{"n":1000}"#,
            r#"{"t":9223372036854775807}"#,
            r#"{"i":128}"#,
        ];
        let mut records = bad.to_vec();
        records.extend([
            r#"{"d":"0001-01-01","n":"00000000000000000000000000000000000000000001"}"#,
            r#"{"t":"+262142-01-01T00:00:00Z","i":" 1"}"#,
        ]);
        check(Some(&columns), &records, bad.len() + 1, &[r#"{"d":"0001-01-01","n":1.00}"#]);
    }

    fn json() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let text = prop_oneof![
            ".*",
            "[-+]?[0-9]{0,20}[.]?[0-9]{0,4}(e[0-9]{1,3})?",
            "[0-9]{4,5}-[0-9]{1,2}-[0-9]{1,2}[T ]?([0-9]{2}:){0,2}"
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map("[a-lA-L]", inner, 0..4)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_accepted_can_be_written(rows in proptest::collection::vec(proptest::collection::hash_map("[a-lA-L]", json(), 0..6), 1..12)) {
            let kinds = ["tinyint", "int", "bigint", "float", "double", "decimal(8,3)", "timestamp", "date", "binary", "array<int>", "map<string,double>", "struct<a:int,b:array<string>>"];
            let columns: Vec<(String, &str)> = ('a'..='l').map(String::from).zip(kinds).collect();
            let typed = schema(columns.iter().map(|(name, kind)| (name.as_str(), *kind))).unwrap();
            for schema in [Some(typed), None] {
                let mut file = Box::new(Parquet::new(schema, Options::default(), Keys::default()).unwrap());
                let accepted = rows.iter().filter(|row| file.push(serde_json::to_string(row).unwrap().as_bytes()).is_ok()).count();
                let reader = ParquetRecordBatchReaderBuilder::try_new(file.finish().unwrap()).unwrap().build().unwrap();
                let found: usize = reader.map(|batch| batch.unwrap().num_rows()).sum();
                proptest::prop_assert_eq!(found, accepted);
            }
        }

        #[test]
        fn accepted_records_read_back_equal(rows in proptest::collection::vec((proptest::prelude::any::<i64>(), ".*"), 1..40)) {
            let schema = schema([("id", "bigint"), ("name", "string")]).unwrap();
            let mut file = Box::new(Parquet::new(Some(schema), Options::default(), Keys::default()).unwrap());
            let rows: Vec<Value> = rows.iter().map(|(id, name)| serde_json::json!({"id": id, "name": name})).collect();
            for row in &rows {
                file.push(row.to_string().as_bytes()).unwrap();
            }
            proptest::prop_assert_eq!(read(file.finish().unwrap()), rows);
        }
    }
}
