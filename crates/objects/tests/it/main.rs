//! One suite, run against a directory and against an object store.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use objects::{Error, Objects};

async fn check(objects: &Objects) {
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
    for absent in ["data", "data/a=1", "nothing"] {
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

    assert!(matches!(objects.delete_bucket("lake").await, Err(Error::NotEmpty(_))));
    for key in ["data/a=1/x", "data/a=1/y", "data/a=2/x", "errors/z", "errors/z"] {
        objects.delete("lake", key).await.unwrap();
    }
    objects.delete_bucket("lake").await.unwrap();
    assert!(matches!(objects.delete_bucket("lake").await, Err(Error::NoBucket(_))));
    assert!(matches!(objects.create_bucket("No").await, Err(Error::BucketName(_))));
}

#[tokio::test]
async fn a_directory_keeps_objects() {
    let directory = tempfile::tempdir().unwrap();
    check(&Objects::open(directory.path().to_str().unwrap()).unwrap()).await;
}

#[tokio::test]
async fn an_object_store_keeps_objects() {
    let store = Arc::new(object_store::memory::InMemory::new());
    check(&Objects::over(store.clone(), "")).await;
    check(&Objects::over(store, "/tenant/one/")).await;
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
