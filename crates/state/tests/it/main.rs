//! What callers of the state may rely on, on a real SQLite file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use state::{Error, Settings, State, params, positions};

const STEPS: &[&str] = &["CREATE TABLE note (id BIGINT NOT NULL PRIMARY KEY, body TEXT, raw BLOB);"];

struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Fixture { dir: tempfile::tempdir().unwrap() }
    }

    fn open(&self) -> State {
        let path = self.dir.path().join("state.db");
        let state = State::open(&Settings::new(path.to_str().unwrap())).unwrap();
        state.migrate("note", STEPS).unwrap();
        state
    }
}

async fn put(state: &State, id: i64, body: &'static str) -> Result<(), Error> {
    state
        .write(move |tx| {
            tx.execute("INSERT INTO note (id, body) VALUES (?1, ?2)", params![id, body])?;
            Ok(())
        })
        .await
}

async fn ids(state: &State) -> Vec<i64> {
    state
        .read(|tx| tx.all("SELECT id FROM note ORDER BY id", &[], |row| row.int(0)))
        .await
        .unwrap_or_else(|e: Error| panic!("{e}"))
}

#[tokio::test]
async fn a_write_that_was_answered_is_there_after_a_second_start() {
    let fixture = Fixture::new();
    put(&fixture.open(), 1, "kept").await.unwrap();
    assert_eq!(ids(&fixture.open()).await, [1]);
}

#[tokio::test]
async fn a_failed_write_leaves_nothing_and_does_not_hurt_its_neighbours() {
    let fixture = Fixture::new();
    let state = fixture.open();
    let writes = (0..200).map(|id| {
        let state = state.clone();
        async move {
            state
                .write(move |tx| {
                    tx.execute("INSERT INTO note (id) VALUES (?1)", params![id])?;
                    if id % 3 == 0 { Err(Error::Refused("no".into())) } else { Ok(()) }
                })
                .await
                .is_ok()
        }
    });
    let answers: Vec<bool> = futures::future::join_all(writes).await;
    let expected: Vec<i64> = (0..200).filter(|id| id % 3 != 0).collect();
    assert_eq!(answers.iter().filter(|ok| **ok).count(), expected.len());
    assert_eq!(ids(&state).await, expected);
}

#[tokio::test]
async fn writes_run_in_the_order_they_were_handed_in() {
    let fixture = Fixture::new();
    let state = fixture.open();
    let writes = (0..100i64).map(|number| {
        state.write(move |tx| {
            tx.execute(
                "INSERT INTO note (id, body) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET body = body || ?1",
                params![format!("{number},").as_str()],
            )?;
            Ok::<_, Error>(())
        })
    });
    futures::future::try_join_all(writes).await.unwrap();
    let body: Option<String> = state
        .read(|tx| tx.first("SELECT body FROM note", &[], |row| Ok::<_, Error>(row.text(0)?.to_owned())))
        .await
        .unwrap();
    let expected: String = (0..100).map(|number| format!("{number},")).collect();
    assert_eq!(body.as_deref(), Some(expected.as_str()));
}

#[tokio::test]
async fn a_panic_in_a_write_is_an_error_and_the_next_write_works() {
    let fixture = Fixture::new();
    let state = fixture.open();
    let panicked: Result<(), Error> = state
        .write(|tx| {
            tx.execute("INSERT INTO note (id) VALUES (1)", &[])?;
            panic!("a bug in a closure")
        })
        .await;
    assert!(matches!(panicked, Err(Error::Refused(_))));
    put(&state, 2, "after").await.unwrap();
    assert_eq!(ids(&state).await, [2]);
}

#[tokio::test]
async fn readers_cannot_write() {
    let fixture = Fixture::new();
    let state = fixture.open();
    let refused: Result<Option<i64>, Error> =
        state.read(|tx| tx.first("INSERT INTO note (id) VALUES (7) RETURNING id", &[], |row| row.int(0))).await;
    assert!(refused.is_err());
    assert_eq!(ids(&state).await, [0i64; 0]);
}

#[test]
fn a_newer_schema_is_refused() {
    let fixture = Fixture::new();
    drop(fixture.open());
    let path = fixture.dir.path().join("state.db");
    let state = State::open(&Settings::new(path.to_str().unwrap())).unwrap();
    assert!(matches!(state.migrate("note", &[]), Err(Error::Newer { stored: 1, known: 0, .. })));
}

#[test]
fn other_urls_are_refused_by_name() {
    for url in ["postgres://host/db", "mysql://x", ":memory:", "sqlite::memory:", ""] {
        let error = State::open(&Settings::new(url)).err().map(|error| error.to_string());
        assert!(error.is_some_and(|message| message.contains("not supported")), "{url}");
    }
}

#[tokio::test]
async fn positions_only_move_forward() {
    let fixture = Fixture::new();
    let state = fixture.open();
    for sequence in ["0005", "0009", "0007"] {
        state.write(move |tx| positions::advance(tx, "pipe/p/1", "shard-1", sequence)).await.unwrap();
    }
    let stored = state.read(|tx| positions::load(tx, "pipe/p/1")).await.unwrap();
    assert_eq!(stored, [("shard-1".to_owned(), "0009".to_owned())]);
    state.write(|tx| positions::forget(tx, "pipe/p/1")).await.unwrap();
    assert!(state.read(|tx| positions::load(tx, "pipe/p/1")).await.unwrap().is_empty());
}
