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
    assert!(error.contains(expected) && !error.contains("bug"), "{sql}: {error}");
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
async fn a_column_of_several_types_is_text() {
    let dir = lake();
    write(dir.path(), "clinic/mixed/one", b"{\"v\":1.50}{\"v\":\"x\"}{\"v\":true}{}");
    write(dir.path(), "clinic/mixed/two", b"{\"v\":7}");
    let sql = "SELECT v, count(*) OVER () AS n FROM mixed WHERE v IS NOT NULL ORDER BY v";
    let rows = ask(dir.path(), Arc::new(NoCatalog), sql).await.unwrap();
    let expected = ["1.50", "7", "true", "x"].map(|v| format!("{{\"v\":\"{v}\",\"n\":4}}\n"));
    assert_eq!(rows, expected.concat());
}

#[tokio::test]
async fn records_are_counted_once_however_batches_fall() {
    let dir = lake();
    // A batch is 8,192 records.
    for count in [1, 8_191, 8_192, 8_193, 16_384] {
        let records: String = (0..count).map(|n| format!("{{\"v\":{n}}}")).collect();
        write(dir.path(), &format!("clinic/many{count}/one"), records.as_bytes());
        let sql = format!("SELECT count(*) AS n, count(DISTINCT v) AS v FROM many{count}");
        let rows = ask(dir.path(), Arc::new(NoCatalog), &sql).await.unwrap();
        assert_eq!(rows.trim(), format!("{{\"n\":{count},\"v\":{count}}}"));
    }
}

#[tokio::test]
async fn what_does_not_fit_into_memory_spills_or_is_refused() {
    let dir = lake();
    let records: String = (0..200_000).map(|n| format!("{{\"v\":{},\"t\":\"{n:064}\"}}", n * 7919 % 200_000)).collect();
    write(dir.path(), "clinic/large/one", records.as_bytes());
    let store = Arc::new(LocalFileSystem::new_with_prefix(dir.path()).unwrap());
    let spill = tempfile::tempdir().unwrap();
    let settings = Settings { memory_bytes_max: 12 << 20, spill_dir: spill.path().into(), partitions: 1 };
    let engine = Engine::new(store, Arc::new(NoCatalog), &settings).unwrap();
    let rows = |sql: &'static str| {
        let engine = engine.clone();
        async move {
            let chunks: Vec<bytes::Bytes> = engine.query(sql).await?.bytes(Format::Json)?.try_collect().await?;
            Ok::<_, query::Error>(String::from_utf8(chunks.concat()).unwrap())
        }
    };
    let sorted = rows("SELECT v, t FROM clinic.large ORDER BY v").await.unwrap();
    assert_eq!(sorted.lines().count(), 200_000);
    assert!(sorted.starts_with("{\"v\":0,") && sorted.lines().last().unwrap().starts_with("{\"v\":199999,"));
    let plan = rows("EXPLAIN ANALYZE SELECT v, t FROM clinic.large ORDER BY v").await.unwrap();
    let (_, count) = plan.split_once("spill_count=").unwrap();
    assert!(!count.starts_with('0'), "{plan}");
    let refused = rows("SELECT array_agg(t) AS a FROM clinic.large").await.unwrap_err();
    assert!(matches!(refused, query::Error::Resources(_)), "{refused}");
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
    check_error("SELECT sum(id) FROM clinic.data", "'sum(Utf8)'. You might need to add explicit type casts").await;
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
            columns: vec![("ID".into(), "int".into()), ("note".into(), "string".into())],
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

#[tokio::test]
async fn declared_columns_that_no_object_has_are_null() {
    let dir = lake();
    let sql = "SELECT id, note FROM measurements WHERE id = '3'";
    assert_eq!(ask(dir.path(), Arc::new(Glue), sql).await.unwrap().trim(), r#"{"id":"3","note":null}"#);
    std::fs::remove_dir_all(dir.path().join("clinic/data")).unwrap();
    let sql = "SELECT count(note) AS n, max(day) AS d FROM measurements";
    assert_eq!(ask(dir.path(), Arc::new(Glue), sql).await.unwrap().trim(), r#"{"n":0,"d":null}"#);
}
