//! SQL over a directory laid out as delivery streams leave it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use query::{Catalog, Engine, Format, NoCatalog, Settings, TableDefinition};

fn write(root: &Path, key: &str, content: &[u8]) {
    let path = root.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn lake() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, "clinic/data/site=A/day=01/one", b"{\"id\":\"1\",\"v\":1}{\"id\":\"2\",\"v\":2}");
    write(root, "clinic/data/site=A/day=02/two", b"{\"id\":\"3\",\"v\":3.5}\n{\"id\":\"4\",\"v\":4}\n");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, b"{\"id\":\"9\",\"name\":\"x\"}\n").unwrap();
    write(root, "clinic/packed/all", &gzip.finish().unwrap());
    dir
}

async fn ask(dir: &Path, catalog: Arc<dyn Catalog>, sql: &str) -> Result<String, query::Error> {
    let store = Arc::new(LocalFileSystem::new_with_prefix(dir).unwrap());
    let spill = tempfile::tempdir().unwrap();
    let settings = Settings { memory_bytes_max: 64 << 20, spill_dir: spill.path().into(), partitions: 2 };
    let answer = Engine::new(store, catalog, &settings)?.query(sql).await?;
    let chunks: Vec<bytes::Bytes> = answer.bytes(Format::Json)?.try_collect().await?;
    Ok(String::from_utf8(chunks.concat()).unwrap())
}

async fn check(sql: &str, expected: &str) {
    let dir = lake();
    assert_eq!(ask(dir.path(), Arc::new(NoCatalog), sql).await.unwrap().trim(), expected, "{sql}");
}

async fn check_error(sql: &str, expected: &str) {
    let dir = lake();
    let error = ask(dir.path(), Arc::new(NoCatalog), sql).await.unwrap_err().to_string();
    assert!(error.contains(expected), "{sql}: {error}");
}

#[tokio::test]
async fn concatenated_and_line_delimited_objects_are_one_table() {
    check("SELECT count(*) AS n, sum(v) AS total FROM clinic.data", r#"{"n":4,"total":10.5}"#).await;
}

#[tokio::test]
async fn partitions_are_columns() {
    check("SELECT id FROM data WHERE site = 'A' AND day = '02' ORDER BY id LIMIT 1", r#"{"id":"3"}"#).await;
}

#[tokio::test]
async fn gzip_is_read() {
    check("SELECT name FROM clinic.packed", r#"{"name":"x"}"#).await;
}

#[tokio::test]
async fn only_the_partition_asked_for_is_read() {
    let dir = lake();
    write(dir.path(), "clinic/data/site=B/day=01/bad", b"this is not JSON");
    let ok = ask(dir.path(), Arc::new(NoCatalog), "SELECT count(*) AS n FROM data WHERE site = 'A'").await;
    assert_eq!(ok.unwrap().trim(), r#"{"n":4}"#);
    assert!(ask(dir.path(), Arc::new(NoCatalog), "SELECT count(id) AS n FROM data").await.is_err());
}

#[tokio::test]
async fn mistakes_tell_what_to_do() {
    check_error("SELEC 1", "Line: 1, Column: 1").await;
    check_error("SELECT nope FROM clinic.data", "line 1, column 8").await;
    check_error("SELECT * FROM missing", "the lake has \"clinic\".\"data\"").await;
    check_error("SELECT * FROM clinic.missing", "holds no objects").await;
    check_error("CREATE TABLE t AS SELECT 1", "read-only").await;
    check_error("COPY (SELECT 1) TO 'x.csv'", "read-only").await;
}

struct Glue;

#[async_trait]
impl Catalog for Glue {
    async fn find(&self, _: Option<&str>, table: &str) -> Vec<TableDefinition> {
        if table != "measurements" {
            return Vec::new();
        }
        vec![TableDefinition {
            database: "analytics".into(),
            name: table.into(),
            location: "s3://clinic/data".into(),
            partition_keys: vec![("day".into(), "int".into())],
        }]
    }
}

#[tokio::test]
async fn declared_tables_have_typed_partitions() {
    let dir = lake();
    let sql = "SELECT count(*) AS n FROM analytics.measurements WHERE day = 2";
    assert_eq!(ask(dir.path(), Arc::new(Glue), sql).await.unwrap().trim(), r#"{"n":2}"#);
}
