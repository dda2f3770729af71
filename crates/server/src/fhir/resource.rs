//! Interactions with resources and their versions.

use datastore::{Error, HistoryPage, HistoryQuery, Kind, Scope, Store, Version};
use fhir::definitions::TypeNumber;
use fhir::search::date;
use http::header;

use super::bundle::History;
use super::reply::{self, Reply, etag};
use super::request::{Request, version};

/// `GET TYPE/ID`.
pub(super) async fn read(store: &Store, request: &Request, kind: TypeNumber, id: &str) -> Result<Reply, Error> {
    let found = store.read(&request.caller, kind, id).await?;
    if is_unchanged(request, &found) {
        return Ok(Reply::of(304, &found, ""));
    }
    Ok(Reply::of(200, &found, reply::shown(request, &found)?))
}

/// Whether the caller has this version.
fn is_unchanged(request: &Request, found: &Version) -> bool {
    if let Some(tags) = request.text(header::IF_NONE_MATCH) {
        return tags.split(',').any(|tag| tag.trim() == "*" || tag.trim() == etag(found));
    }
    let since =
        request.text(header::IF_MODIFIED_SINCE).and_then(|text| chrono::DateTime::parse_from_rfc2822(text).ok());
    // The header knows seconds.
    since.is_some_and(|since| found.at_ms / 1000 <= since.timestamp())
}

/// `GET TYPE/ID/_history/VERSION`.
pub(super) async fn vread(
    store: &Store,
    request: &Request,
    kind: TypeNumber,
    id: &str,
    number: &str,
) -> Result<Reply, Error> {
    let number = version(number).ok_or_else(|| Error::new(Kind::NotFound, "no such version"))?;
    let found = store.vread(&request.caller, kind, id, number).await?;
    Ok(Reply::of(200, &found, reply::shown(request, &found)?))
}

/// `GET …/_history`.
pub(super) async fn history(store: &Store, request: &Request, scope: Scope) -> Result<Reply, Error> {
    let mut query = HistoryQuery::default();
    for (name, value) in &request.query {
        let invalid = |what: &str| Error::new(Kind::Invalid, format!("history parameter `{name}`: {what}"));
        match name.as_str() {
            "_count" => query.count = Some(value.parse().map_err(|_| invalid("is a number"))?),
            "_since" => {
                let range = date::parse(value).or_else(|| date::parse(&value.replace(' ', "+")));
                query.since_ms = Some(range.ok_or_else(|| invalid("is an instant"))?.low);
            }
            "_at" => {
                let range = date::parse(value.trim_start_matches("eq")).ok_or_else(|| invalid("is a date"))?;
                query.at = Some((range.low, range.high));
            }
            "page" => query.before = Some(value.parse().map_err(|_| invalid("is no page that was given"))?),
            _ => {}
        }
    }
    let page: HistoryPage = store.history(&request.caller, scope, query).await?;
    History { request, page: &page }.write()
}

/// `POST TYPE`.
pub(super) async fn create(store: &Store, request: &Request, kind: TypeNumber) -> Result<Reply, Error> {
    let body = request.json_body()?.clone();
    let written = match request.text("if-none-exist") {
        Some(query) => store.create_if_none(&request.caller, kind, body, &request.condition_pairs(query)?).await?,
        None => store.create(&request.caller, kind, body).await?,
    };
    Ok(reply::written(request, &written))
}

/// `PUT TYPE/ID`.
pub(super) async fn update(store: &Store, request: &Request, kind: TypeNumber, id: &str) -> Result<Reply, Error> {
    let written = store.update(&request.caller, kind, id, request.json_body()?.clone(), request.condition()?).await?;
    Ok(reply::written(request, &written))
}

/// `PUT TYPE?QUERY`.
pub(super) async fn update_matching(store: &Store, request: &Request, kind: TypeNumber) -> Result<Reply, Error> {
    let body = request.json_body()?.clone();
    let written = store.update_matching(&request.caller, kind, body, &request.query, request.condition()?).await?;
    Ok(reply::written(request, &written))
}

/// `DELETE TYPE/ID`.
pub(super) async fn delete(store: &Store, request: &Request, kind: TypeNumber, id: &str) -> Result<Reply, Error> {
    let written = store.delete(&request.caller, kind, id, request.condition()?).await?;
    Ok(reply::written(request, &written))
}

/// `DELETE TYPE?QUERY`.
pub(super) async fn delete_matching(store: &Store, request: &Request, kind: TypeNumber) -> Result<Reply, Error> {
    let written = store.delete_matching(&request.caller, kind, &request.query).await?;
    Ok(reply::written(request, &written))
}

/// `PATCH TYPE/ID`.
pub(super) async fn patch(store: &Store, request: &Request, kind: TypeNumber, id: &str) -> Result<Reply, Error> {
    let patch = request.patch()?;
    let written = store.patch(&request.caller, kind, id, patch, request.condition()?).await?;
    Ok(reply::written(request, &written))
}

/// `PATCH TYPE?QUERY`.
pub(super) async fn patch_matching(store: &Store, request: &Request, kind: TypeNumber) -> Result<Reply, Error> {
    let patch = request.patch()?;
    let written = store.patch_matching(&request.caller, kind, &request.query, patch, request.condition()?).await?;
    Ok(reply::written(request, &written))
}
