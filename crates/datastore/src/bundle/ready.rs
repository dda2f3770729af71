//! Entries made ready to be written: ids given, references replaced, resources packed on several threads.

use std::collections::HashMap;
use std::sync::Arc;

use fhir::definitions::{Definitions, TypeNumber};
use fhir::json::Document;
use fhir::reference::rewrite;
use fhir::validate::Level;

use super::at;
use super::entry::{Action, Entry};
use super::resolve::Found;
use crate::incoming::{Incoming, id_of};
use crate::interaction::write::same_id;
use crate::{Error, Kind, Store};

/// Entries that one thread makes ready.
const CHUNK_ENTRIES: usize = 64;

/// An entry that only waits for its version.
pub(super) struct Ready {
    /// What the entry's condition found.
    pub found: Option<String>,
    /// The id it is written under.
    pub id: Option<String>,
    pub incoming: Option<Incoming>,
}

impl Store {
    /// Makes entries ready.
    pub(super) async fn ready_entries(
        &self,
        entries: Arc<Vec<Entry>>,
        found: Found,
        level: Level,
    ) -> Result<Vec<Ready>, Error> {
        let mut ids = Vec::with_capacity(entries.len());
        for (entry, found) in entries.iter().zip(&found.entries) {
            ids.push(id(entry, found.as_deref()).map_err(|error| at(entry.number, error))?);
        }
        let links = Arc::new(Links::of(&entries, &ids, found.references));
        let mut tasks = Vec::new();
        for first in (0..entries.len()).step_by(CHUNK_ENTRIES) {
            let (entries, links) = (entries.clone(), links.clone());
            let run = move || {
                let chunk = entries.iter().skip(first).take(CHUNK_ENTRIES);
                chunk
                    .map(|entry| rewritten(entry, &links).map_err(|error| at(entry.number, error)))
                    .collect::<Result<Vec<_>, _>>()
            };
            tasks.push(tokio::task::spawn_blocking(run));
        }
        let mut documents = Vec::with_capacity(entries.len());
        for task in tasks {
            documents.extend(joined(task.await)?);
        }
        let texts =
            documents.iter().flatten().flat_map(|(document, kind)| crate::row::texts(document, *kind)).collect();
        self.know_texts(texts).await?;
        let documents = Arc::new(documents);
        let mut tasks = Vec::new();
        for first in (0..entries.len()).step_by(CHUNK_ENTRIES) {
            let (store, documents) = (self.clone(), documents.clone());
            let run = move || {
                let chunk = documents.iter().enumerate().skip(first).take(CHUNK_ENTRIES);
                let incoming = |(number, document): (usize, &Option<(Document, TypeNumber)>)| {
                    let incoming =
                        document.as_ref().map(|(document, kind)| store.incoming(document, *kind, level)).transpose();
                    incoming.map_err(|error| at(number, error))
                };
                chunk.map(incoming).collect::<Result<Vec<_>, _>>()
            };
            tasks.push(tokio::task::spawn_blocking(run));
        }
        let mut ready = Vec::with_capacity(entries.len());
        let mut rest = entries.iter().zip(ids.into_iter().zip(found.entries));
        for task in tasks {
            for incoming in joined(task.await)? {
                let Some((entry, (id, found))) = rest.next() else { break };
                if let (Action::Update { criteria: None, .. }, Some(incoming), Some(id)) =
                    (&entry.action, &incoming, &id)
                {
                    same_id(incoming, id).map_err(|error| at(entry.number, error))?;
                }
                ready.push(Ready { found, id, incoming });
            }
        }
        Ok(ready)
    }
}

fn joined<T>(result: Result<Result<T, Error>, tokio::task::JoinError>) -> Result<T, Error> {
    result.unwrap_or_else(|_| Err(Error::new(Kind::Corrupt, "making a resource ready failed")))
}

/// The id an entry is written under.
fn id(entry: &Entry, found: Option<&str>) -> Result<Option<String>, Error> {
    let fresh = || Some(uuid::Uuid::new_v4().to_string());
    if found.is_some() {
        return Ok(found.map(str::to_owned));
    }
    Ok(match &entry.action {
        Action::Create { .. } => fresh(),
        Action::Update { id: Some(id), .. } => Some(id.clone()),
        Action::Update { .. } => {
            let told = entry.resource.as_ref().map(|(document, _)| id_of(document)).transpose()?.flatten();
            told.or_else(fresh)
        }
        Action::Delete { id, .. } | Action::Patch { id, .. } => id.clone(),
        Action::Get(_) => None,
    })
}

/// What references inside the bundle lead to once it is written.
struct Links {
    /// By the entry's full URL.
    full_urls: HashMap<String, String>,
    conditional: HashMap<String, String>,
}

impl Links {
    fn of(entries: &[Entry], ids: &[Option<String>], conditional: HashMap<String, String>) -> Links {
        let mut full_urls = HashMap::new();
        for (entry, id) in entries.iter().zip(ids) {
            if let (Some(url), Some((_, kind)), Some(id)) = (&entry.full_url, &entry.resource, id) {
                full_urls.insert(url.clone(), format!("{}/{id}", Definitions::r4().name(*kind)));
            }
        }
        Links { full_urls, conditional }
    }

    /// What stands for a reference, seen from a resource with this base.
    fn replace(&self, base: Option<&str>, text: &str) -> Option<String> {
        if let Some(found) = self.full_urls.get(text).or_else(|| self.conditional.get(text)) {
            return Some(found.clone());
        }
        // `urn:uuid:…#part`, `http://base/Patient/1/_history/2`.
        if let Some((url, rest)) = text.split_once('#').filter(|(url, _)| !url.is_empty()) {
            return self.full_urls.get(url).map(|found| format!("{found}#{rest}"));
        }
        let absolute = format!("{}/{text}", base?);
        self.full_urls.get(&absolute).filter(|found| *found != text).cloned()
    }
}

/// The resource of an entry with its references replaced.
fn rewritten(entry: &Entry, links: &Links) -> Result<Option<(Document, TypeNumber)>, Error> {
    let Some((document, kind)) = entry.resource.as_ref().filter(|_| !matches!(entry.action, Action::Patch { .. }))
    else {
        return Ok(None);
    };
    let base = entry.full_url.as_deref().filter(|url| url.starts_with("http")).and_then(|url| {
        let (front, _) = url.rsplit_once('/')?;
        front.rsplit_once('/').map(|(base, _)| base)
    });
    let text = rewrite(document, &mut |_, text| links.replace(base, text));
    let document = match text {
        Some(text) => Document::parse(text)?,
        None => Document::parse(document.source().clone())?,
    };
    Ok(Some((document, *kind)))
}
