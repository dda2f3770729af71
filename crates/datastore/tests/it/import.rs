//! Import jobs: files in the lake become resources, and what became of each line is told.

use std::io::Write as _;
use std::time::Duration;

use datastore::import::{Imports, Job, JobStatus, Request};
use datastore::{Kind, Match};
use objects::Objects;
use serde_json::{Value, json};

use crate::place::{Place, body, caller, json as told, kind};

fn lake(folder: &tempfile::TempDir) -> Objects {
    Objects::open(&folder.path().display().to_string()).expect("a lake")
}

fn request(place: &Place) -> Request {
    Request {
        datastore: place.store.id().into(),
        name: None,
        input: "s3://data/in/".into(),
        output: "s3://data/out".into(),
        kms_key: "k".into(),
        role: "r".into(),
        token: None,
        validation: None,
    }
}

async fn run(imports: &Imports, request: Request) -> Job {
    let job = imports.start(request).await.expect("a job");
    loop {
        let job = imports.describe(&job.request.datastore, &job.id).await.expect("a job");
        if job.status.is_end() {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn lines(lake: &Objects, key: &str) -> Vec<Value> {
    let text = lake.get("data", key).await.unwrap_or_else(|error| panic!("{key}: {error}"));
    String::from_utf8(text.to_vec())
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[tokio::test]
async fn lines_are_imported_with_ids_versions_and_times() {
    let place = Place::new().await;
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(&folder);
    lake.create_bucket("data").await.unwrap();
    let patient = |id: &str, meta: Value| json!({"resourceType": "Patient", "id": id, "meta": meta, "link": [{"type": "seealso", "other": {"reference": "Patient/z"}}]});
    let first = [
        patient("a", json!({"versionId": "3", "lastUpdated": "2020-01-01T00:00:00Z"})).to_string(),
        "{broken".into(),
        String::new(),
        json!({"resourceType": "Patient"}).to_string(),
        json!({"resourceType": "Patient", "id": "b", "nope": 1}).to_string(),
        patient("a", json!({"versionId": "2", "lastUpdated": "2019-01-01T00:00:00Z"})).to_string(),
    ];
    lake.put("data", "in/one.ndjson", first.join("\n").into()).await.unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for number in 0..2500 {
        writeln!(gzip, "{}", json!({"resourceType": "Basic", "id": format!("n{number}"), "code": {"text": "t"}}))
            .unwrap();
    }
    lake.put("data", "in/sub/two.ndjson.gz", gzip.finish().unwrap().into()).await.unwrap();
    lake.put("data", "in/readme.txt", "no".into()).await.unwrap();

    let imports = Imports::new(place.stores.clone(), lake.clone());
    let job = run(&imports, request(&place)).await;
    assert_eq!(job.status, JobStatus::CompletedWithErrors, "{:?}", job.message);
    let progress = job.progress;
    assert_eq!(
        (progress.files, progress.files_done, progress.scanned, progress.imported, progress.refused),
        (2, 2, 2506, 2502, 3)
    );
    let out = format!("out/{}-FHIR_IMPORT-{}", place.store.id(), job.id);
    let refused = lines(&lake, &format!("{out}/FAILURE/one.ndjson")).await;
    assert_eq!(refused.iter().map(|line| line["lineId"].as_i64().unwrap()).collect::<Vec<_>>(), [2, 4, 5]);
    assert_eq!(refused[2]["UpdateResourceResponse"]["statusCode"], 400);
    assert_eq!(refused[2]["UpdateResourceResponse"]["jsonBlob"]["issue"][0]["expression"][0], "Patient.nope");
    assert_eq!(lines(&lake, &format!("{out}/SUCCESS/sub/two.ndjson")).await.len(), 2500);
    let manifest: Value =
        serde_json::from_slice(&lake.get("data", &format!("{out}/manifest.json")).await.unwrap()).unwrap();
    assert_eq!(manifest["numberOfResourcesImportedSuccessfully"], 2502);

    let current = place.store.read(&caller(), kind("Patient"), "a").await.unwrap();
    assert_eq!(
        (current.version, told(&current)["meta"]["lastUpdated"].as_str().unwrap()),
        (3, "2020-01-01T00:00:00.000Z")
    );
    assert_eq!(
        told(&place.store.vread(&caller(), kind("Patient"), "a", 2).await.unwrap())["meta"]["lastUpdated"],
        "2019-01-01T00:00:00.000Z"
    );
    // The same again changes nothing that told its version.
    let again = run(&imports, request(&place)).await;
    assert_eq!(again.progress.imported, 2502);
    assert_eq!(place.store.read(&caller(), kind("Patient"), "a").await.unwrap().version, 3);
    let next = place
        .store
        .update(&caller(), kind("Patient"), "a", body(&json!({"resourceType": "Patient", "id": "a"})), Match::Anything)
        .await;
    assert_eq!(next.unwrap().version.unwrap().version, 4);
}

#[tokio::test]
async fn what_cannot_be_imported_is_told() {
    let place = Place::new().await;
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(&folder);
    lake.create_bucket("data").await.unwrap();
    let imports = Imports::new(place.stores.clone(), lake.clone());
    let empty = run(&imports, request(&place)).await;
    assert_eq!((empty.status, empty.message.unwrap().contains("no .ndjson")), (JobStatus::Failed, true));
    for (input, datastore, expected) in
        [("nowhere", place.store.id(), Kind::Invalid), ("s3://data/in", "none", Kind::NotFound)]
    {
        let request = Request { input: input.into(), datastore: datastore.into(), ..request(&place) };
        assert_eq!(imports.start(request).await.unwrap_err().kind(), expected);
    }
    lake.put("data", "in/x.ndjson.gz", "no gzip".into()).await.unwrap();
    let token = Request { token: Some("t".into()), ..request(&place) };
    let failed = run(&imports, token.clone()).await;
    assert_eq!(failed.status, JobStatus::Failed);
    // The same token is the same job.
    assert_eq!(imports.start(token).await.unwrap().id, failed.id);
    assert_eq!(imports.cancel(place.store.id(), &failed.id).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(imports.list(place.store.id()).await.unwrap().len(), 2);
}
