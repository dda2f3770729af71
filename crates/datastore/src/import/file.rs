//! One file of a job: lines in batches, each batch made ready on threads while the one before it is written.

use std::io::Write as _;

use bytes::Bytes;
use fhir::definitions::TypeNumber;
use fhir::json::Document;
use fhir::search::date;
use fhir::validate::Level;
use futures::StreamExt as _;
use objects::Objects;
use state::params;

use super::job::Job;
use super::report;
use super::run::of_lake;
use crate::incoming::{Incoming, kind_of};
use crate::{Error, Kind, Store};

/// Lines written in one commit.
const BATCH_LINES: usize = 1000;
/// Bytes of lines in one batch, roughly.
const BATCH_BYTES: usize = 8 << 20;
/// A line may be this long.
const LINE_BYTES_MAX: usize = 64 << 20;
/// Lines one thread makes ready.
const CHUNK_LINES: usize = 125;

/// A file and how many of its lines are done.
pub(super) struct File {
    pub key: String,
    pub lines: i64,
}

/// Some lines and the number of the first, from 1.
#[derive(Default)]
struct Batch {
    first: i64,
    lines: Vec<Bytes>,
    bytes: usize,
}

/// A line that waits to be written, or why it is not.
struct Ready {
    line: i64,
    incoming: Result<(Incoming, Option<i64>, Option<i64>), Error>,
}

/// Imports the lines that are not done, then writes what became of all.
pub(super) async fn import(store: &Store, objects: &Objects, job: &Job, file: &File) -> Result<(), Error> {
    let (bucket, _) = report::place(&job.request.input)?;
    let reader = objects.reader(&bucket, &file.key).await.map_err(|error| of_lake(&error))?;
    let size = reader.object.bytes;
    let mut pieces = reader.stream(0..size);
    let mut lines = Lines::new(file.key.ends_with(".gz"));
    let mut batch = Batch { first: 1, ..Batch::default() };
    let mut writing: Option<tokio::task::JoinHandle<Result<(), Error>>> = None;
    loop {
        let piece = pieces.next().await.transpose().map_err(|error| of_lake(&error))?;
        let is_end = piece.is_none();
        match piece {
            Some(piece) => lines.push(&piece)?,
            None => lines.end()?,
        }
        while let Some(line) = lines.next_line() {
            batch.bytes += line.len();
            batch.lines.push(line);
            if batch.lines.len() >= BATCH_LINES || batch.bytes >= BATCH_BYTES {
                let next = Batch { first: batch.first + batch.lines.len() as i64, ..Batch::default() };
                write(store, job, file, std::mem::replace(&mut batch, next), &mut writing).await?;
            }
        }
        if is_end {
            break;
        }
    }
    write(store, job, file, batch, &mut writing).await?;
    if let Some(writing) = writing {
        joined(writing.await)?;
    }
    results(store, objects, job, &file.key).await
}

/// Makes a batch ready, waits for the one before it, and begins to write it.
async fn write(
    store: &Store,
    job: &Job,
    file: &File,
    mut batch: Batch,
    writing: &mut Option<tokio::task::JoinHandle<Result<(), Error>>>,
) -> Result<(), Error> {
    let done = usize::try_from((file.lines + 1 - batch.first).max(0)).unwrap_or(usize::MAX).min(batch.lines.len());
    batch.lines.drain(..done);
    batch.first += done as i64;
    if batch.lines.is_empty() {
        return Ok(());
    }
    let ready = ready(store, batch, job.request.level()).await?;
    if let Some(before) = writing.take() {
        joined(before.await)?;
    }
    let (store, id, key) = (store.clone(), job.id.clone(), file.key.clone());
    *writing = Some(tokio::spawn(async move { commit(&store, id, key, ready).await }));
    Ok(())
}

fn joined<T>(result: Result<Result<T, Error>, tokio::task::JoinError>) -> Result<T, Error> {
    result.unwrap_or_else(|_| Err(Error::new(Kind::Unavailable, "a part of the import was stopped")))
}

async fn ready(store: &Store, batch: Batch, level: Level) -> Result<Vec<Ready>, Error> {
    let first = batch.first;
    let lines = std::sync::Arc::new(batch.lines);
    let mut tasks = Vec::new();
    for start in (0..lines.len()).step_by(CHUNK_LINES) {
        let lines = lines.clone();
        let parse = move || lines.iter().skip(start).take(CHUNK_LINES).map(parsed).collect::<Vec<_>>();
        tasks.push(tokio::task::spawn_blocking(parse));
    }
    let mut documents = Vec::with_capacity(lines.len());
    for task in tasks {
        documents.extend(joined(task.await.map(Ok))?);
    }
    let texts =
        documents.iter().flatten().flatten().flat_map(|(document, kind)| crate::row::texts(document, *kind)).collect();
    store.know_texts(texts).await?;
    let documents = std::sync::Arc::new(std::sync::Mutex::new(
        documents.into_iter().enumerate().collect::<std::collections::VecDeque<_>>(),
    ));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let mut tasks = Vec::new();
    for _ in 0..workers {
        let (store, documents) = (store.clone(), documents.clone());
        let run = move || {
            let mut made = Vec::new();
            loop {
                let taken: Vec<_> = {
                    let mut waiting = documents.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    let count = waiting.len().min(32);
                    waiting.drain(..count).collect()
                };
                if taken.is_empty() {
                    return made;
                }
                for (at, document) in taken {
                    let Some(document) = document else { continue };
                    let incoming = document.and_then(|(document, kind)| incoming(&store, &document, kind, level));
                    made.push(Ready { line: first + at as i64, incoming });
                }
            }
        };
        tasks.push(tokio::task::spawn_blocking(run));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(joined(task.await.map(Ok))?);
    }
    all.sort_by_key(|ready: &Ready| ready.line);
    Ok(all)
}

/// The resource of a line; nothing of an empty one.
fn parsed(line: &Bytes) -> Option<Result<(Document, TypeNumber), Error>> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    let document = Document::parse(line.clone()).map_err(Error::from);
    Some(document.and_then(|document| kind_of(&document).map(|kind| (document, kind))))
}

fn incoming(
    store: &Store,
    document: &Document,
    kind: TypeNumber,
    level: Level,
) -> Result<(Incoming, Option<i64>, Option<i64>), Error> {
    let incoming = store.incoming(document, kind, level)?;
    if incoming.id.is_none() {
        let issue = fhir::outcome::Issue::at("required", "id", "a resource that is imported has an id");
        return Err(Error::with_issues(Kind::Invalid, vec![issue]));
    }
    let meta = document.root().get("meta");
    let text = |name: &str| meta.and_then(|meta| meta.get(name)).and_then(|value| value.as_str());
    let version = text("versionId").and_then(|version| version.parse().ok()).filter(|version: &i64| *version > 0);
    let at_ms = text("lastUpdated").and_then(|at| date::parse(&at)).map(|range| range.low);
    Ok((incoming, version, at_ms))
}

/// Writes a batch, how far the file has come and what became of each line.
async fn commit(store: &Store, job: String, file: String, ready: Vec<Ready>) -> Result<(), Error> {
    let Some(last) = ready.last().map(|ready| ready.line) else { return Ok(()) };
    let first = ready.first().map_or(0, |ready| ready.line);
    store
        .commit(move |transaction| {
            let (mut imported, mut refused) = (String::new(), String::new());
            let (mut ok, mut others) = (0_i64, 0_i64);
            for ready in &ready {
                let written = match &ready.incoming {
                    Ok((incoming, version, at_ms)) => {
                        let id = incoming.id.as_deref().unwrap_or_default();
                        transaction.put_told(id, incoming, *version, *at_ms)?
                    }
                    Err(error) => {
                        refused.push_str(&report::refused(ready.line, error));
                        refused.push('\n');
                        others += 1;
                        continue;
                    }
                };
                imported.push_str(&report::imported(ready.line, written.as_ref()));
                imported.push('\n');
                ok += 1;
            }
            for (is_ok, text) in [(true, imported), (false, refused)] {
                if !text.is_empty() {
                    let body = crate::body::pack(&text)?;
                    transaction.tx.execute(
                        "INSERT INTO fhir_job_result (job, file, line, ok, body) VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![&job, &file, first, is_ok, &body],
                    )?;
                }
            }
            transaction.tx.execute(
                "UPDATE fhir_job_file SET lines = ?3, imported = imported + ?4, refused = refused + ?5 WHERE job = ?1 AND file = ?2",
                params![&job, &file, last, ok, others],
            )?;
            Ok(())
        })
        .await
}

/// Writes the results of a file and marks it done. A repeat writes the same again.
async fn results(store: &Store, objects: &Objects, job: &Job, key: &str) -> Result<(), Error> {
    let (bucket, folder) = report::folder(job)?;
    let (_, prefix) = report::place(&job.request.input)?;
    let name = key.strip_prefix(&prefix).unwrap_or(key).trim_end_matches(".gz").to_owned();
    for (is_ok, part) in [(true, "SUCCESS"), (false, "FAILURE")] {
        let (id, file) = (job.id.clone(), key.to_owned());
        let sql = "SELECT body FROM fhir_job_result WHERE job = ?1 AND file = ?2 AND ok = ?3 ORDER BY line";
        let bodies = move |tx: &state::Read<'_>| {
            tx.all(sql, params![&id, &file, is_ok], |row| crate::body::unpack(row.blob(0)?))
        };
        let bodies: Vec<String> = store.shared.state.read(bodies).await?;
        if !bodies.is_empty() {
            let key = format!("{folder}{part}/{name}");
            objects.put(&bucket, &key, bodies.concat().into()).await.map_err(|error| of_lake(&error))?;
        }
    }
    let (id, file) = (job.id.clone(), key.to_owned());
    let done = move |tx: &state::Write<'_>| {
        tx.execute("DELETE FROM fhir_job_result WHERE job = ?1 AND file = ?2", params![&id, &file])?;
        tx.execute("UPDATE fhir_job_file SET done = 1 WHERE job = ?1 AND file = ?2", params![&id, &file])?;
        Ok::<_, Error>(())
    };
    store.shared.state.write(done).await
}

/// Cuts pieces of a file into lines.
struct Lines {
    gzip: Option<flate2::write::MultiGzDecoder<Vec<u8>>>,
    rest: Vec<u8>,
    /// Bytes of `rest` that were handed out or looked at.
    taken: usize,
    looked: usize,
    is_end: bool,
}

impl Lines {
    fn new(is_gzip: bool) -> Lines {
        let gzip = is_gzip.then(|| flate2::write::MultiGzDecoder::new(Vec::new()));
        Lines { gzip, rest: Vec::new(), taken: 0, looked: 0, is_end: false }
    }

    fn push(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.rest.drain(..self.taken);
        self.looked -= self.taken;
        self.taken = 0;
        match &mut self.gzip {
            Some(gzip) => {
                gzip.write_all(piece).map_err(|_| not_gzip())?;
                self.rest.append(gzip.get_mut());
            }
            None => self.rest.extend_from_slice(piece),
        }
        if self.rest.len() > LINE_BYTES_MAX && !self.rest.contains(&b'\n') {
            return Err(Error::new(Kind::Invalid, format!("a line is longer than {LINE_BYTES_MAX} bytes")));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        if let Some(mut gzip) = self.gzip.take() {
            gzip.try_finish().map_err(|_| not_gzip())?;
            self.rest.append(gzip.get_mut());
        }
        self.is_end = true;
        Ok(())
    }

    fn next_line(&mut self) -> Option<Bytes> {
        let unseen = self.rest.get(self.looked..)?;
        if let Some(at) = unseen.iter().position(|byte| *byte == b'\n') {
            let line = Bytes::copy_from_slice(self.rest.get(self.taken..self.looked + at)?);
            self.taken = self.looked + at + 1;
            self.looked = self.taken;
            return Some(line);
        }
        self.looked = self.rest.len();
        let last = self.rest.get(self.taken..).filter(|last| self.is_end && !last.is_empty())?;
        let line = Bytes::copy_from_slice(last);
        self.taken = self.rest.len();
        Some(line)
    }
}

fn not_gzip() -> Error {
    Error::new(Kind::Invalid, "a file that ends in .gz is not gzip")
}
