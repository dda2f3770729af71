//! One suite, run against a directory, an object store in memory and an S3 service.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use objects::{Error, Objects, UNFINISHED};

/// What has no object, and what is only the beginning of others.
const ABSENT: [&str; 3] = ["data", "data/a=1", "nothing"];

async fn check(objects: &Objects, absent: &[&str]) {
    assert!(objects.buckets().await.unwrap().is_empty());
    objects.create_bucket("lake").await.unwrap();
    objects.create_bucket("lake").await.unwrap();
    objects.create_bucket("other").await.unwrap();
    assert_eq!(objects.buckets().await.unwrap(), ["lake", "other"]);

    for key in ["data/a=1/x", "data/a=1/y", "data/a=2/x", "errors/z"] {
        objects.put("lake", key, Bytes::from_static(b"first")).await.unwrap();
    }
    objects.put("lake", "data/a=1/x", Bytes::from_static(b"second!")).await.unwrap();
    assert_eq!(objects.get("lake", "data/a=1/x").await.unwrap(), "second!");
    assert_eq!(objects.head("lake", "data/a=1/x").await.unwrap().unwrap().bytes, 7);
    for absent in absent {
        assert_eq!(objects.head("lake", absent).await.unwrap(), None, "{absent}");
    }
    assert!(matches!(objects.get("lake", "nothing").await, Err(Error::NoObject { .. })));

    for (prefix, after, limit, expected) in [
        ("", None, 10, vec!["data/a=1/x", "data/a=1/y", "data/a=2/x", "errors/z"]),
        ("data/a=1", None, 10, vec!["data/a=1/x", "data/a=1/y"]),
        ("data/", Some("data/a=1/x"), 1, vec!["data/a=1/y"]),
        ("dat", None, 1, vec!["data/a=1/x"]),
        ("data/a=3/", None, 10, vec![]),
    ] {
        let found = objects.list("lake", prefix, after, limit).await.unwrap();
        let keys: Vec<&str> = found.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, expected, "prefix {prefix}");
    }

    for (prefix, after, limit, expected) in [
        ("", None, 10, vec!["data/", "errors/"]),
        ("", Some("data/"), 10, vec!["errors/"]),
        ("data/", None, 1, vec!["data/a=1/"]),
        ("data/a=1/", None, 10, vec!["data/a=1/x", "data/a=1/y"]),
        ("data/a=1/y", None, 10, vec!["data/a=1/y"]),
        ("nothing/", None, 10, vec![]),
    ] {
        let found = objects.level("lake", prefix, "/", after, limit).await.unwrap();
        let names: Vec<&str> = found.iter().map(objects::Entry::name).collect();
        assert_eq!(names, expected, "level of {prefix}");
    }
    pieces(objects).await;

    assert!(matches!(objects.delete_bucket("lake").await, Err(Error::NotEmpty(_))));
    for key in ["data/a=1/x", "data/a=1/y", "data/a=2/x", "errors/z", "errors/z"] {
        objects.delete("lake", key).await.unwrap();
    }
    objects.delete_bucket("lake").await.unwrap();
    assert!(matches!(objects.delete_bucket("lake").await, Err(Error::NoBucket(_))));
    assert!(matches!(objects.create_bucket("No").await, Err(Error::BucketName(_))));
}

async fn pieces(objects: &Objects) {
    let mut writer = objects.writer("lake", "errors/z").await.unwrap();
    let before = objects.head("lake", "errors/z").await.unwrap().unwrap();
    for piece in ["one ", "two ", "three"] {
        writer.write(Bytes::from(piece)).await.unwrap();
    }
    assert_eq!(objects.get("lake", "errors/z").await.unwrap(), "first");
    let written = writer.finish().await.unwrap();
    assert_eq!(objects.head("lake", "errors/z").await.unwrap().unwrap(), written);
    assert_ne!(written.tag, before.tag);
    let mut dropped = objects.writer("lake", "errors/z").await.unwrap();
    dropped.write(Bytes::from_static(b"never")).await.unwrap();
    drop(dropped);
    for (range, expected) in [(0..13, "one two three"), (4..7, "two"), (8..99, "three"), (5..5, "")] {
        let reader = objects.reader("lake", "errors/z").await.unwrap();
        assert_eq!(reader.object.bytes, 13);
        let pieces: Vec<Bytes> = reader.stream(range).try_collect().await.unwrap();
        assert_eq!(pieces.concat(), expected.as_bytes());
    }
    assert!(matches!(objects.reader("lake", "nothing").await, Err(Error::NoObject { .. })));
    let mut hidden = objects.writer(UNFINISHED, "upload/1").await.unwrap();
    hidden.write(Bytes::from_static(b"part")).await.unwrap();
    hidden.finish().await.unwrap();
    assert_eq!(objects.buckets().await.unwrap(), ["lake", "other"]);
    objects.delete(UNFINISHED, "upload/1").await.unwrap();
}

#[tokio::test]
async fn a_directory_keeps_objects() {
    let directory = tempfile::tempdir().unwrap();
    check(&Objects::open(directory.path().to_str().unwrap()).unwrap(), &ABSENT).await;
}

#[tokio::test]
async fn an_object_store_keeps_objects() {
    let store = Arc::new(object_store::memory::InMemory::new());
    check(&Objects::over(store.clone(), ""), &ABSENT).await;
    check(&Objects::over(store, "/tenant/one/"), &ABSENT).await;
}

#[tokio::test]
async fn an_s3_service_keeps_objects() {
    let directory = tempfile::tempdir().unwrap();
    let s3 = testkit::S3::start(directory.path()).unwrap();
    // As the environment of a server would set it.
    let mut builder = AmazonS3Builder::new().with_bucket_name(testkit::S3::BUCKET);
    for (name, value) in s3.environment() {
        builder = builder.with_config(name.to_lowercase().parse::<AmazonS3ConfigKey>().unwrap(), value);
    }
    let store = Arc::new(builder.build().unwrap());
    // This service keeps objects as files and fails on a key that is a directory there.
    check(&Objects::over(store.clone(), ""), &["nothing"]).await;
    check(&Objects::over(store, "/tenant/one/"), &["nothing"]).await;
}

#[tokio::test]
async fn options_of_an_s3_url_are_known_or_refused_by_name() {
    assert!(Objects::open("s3://lake/p?endpoint=http%3A%2F%2Flocalhost%3A9&region=eu-north-1&allow_http=true").is_ok());
    for (url, named) in
        [("s3://root?colour=red", "colour"), ("s3://root?secret_access_key=x", "secret"), ("s3://", "s3://")]
    {
        let error = Objects::open(url).err().unwrap().to_string();
        assert!(error.contains(named) && !error.contains("=x"), "{error}");
    }
}

#[tokio::test]
async fn files_are_where_any_tool_finds_them_and_nothing_half_written_stays() {
    let directory = tempfile::tempdir().unwrap();
    let url = directory.path().to_str().unwrap();
    let objects = Objects::open(url).unwrap();
    objects.create_bucket("lake").await.unwrap();
    objects.put("lake", "data/site=7/part.json", Bytes::from_static(b"{}")).await.unwrap();
    assert_eq!(std::fs::read(directory.path().join("lake/data/site=7/part.json")).unwrap(), b"{}");
    std::fs::write(directory.path().join(".partial/9"), b"half").unwrap();
    let objects = Objects::open(url).unwrap();
    assert_eq!(std::fs::read_dir(directory.path().join(".partial")).unwrap().count(), 0);
    assert_eq!(objects.list("lake", "", None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_cannot_leave_its_bucket() {
    let directory = tempfile::tempdir().unwrap();
    let objects = Objects::open(directory.path().to_str().unwrap()).unwrap();
    objects.create_bucket("lake").await.unwrap();
    objects.put("lake", "../../escape", Bytes::from_static(b"x")).await.unwrap();
    assert!(directory.path().join("lake/%2E%2E/%2E%2E/escape").is_file());
    assert_eq!(objects.list("lake", "", None, 10).await.unwrap()[0].key, "../../escape");
    assert!(matches!(Objects::open("gs://x/y"), Err(Error::Url(_))));
}
