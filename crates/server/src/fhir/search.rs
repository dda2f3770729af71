//! Searches in a type, in some types, in a compartment.

use datastore::search::Search;
use datastore::{Error, Kind, Store};
use fhir::definitions::{Definitions, TypeNumber};
use fhir::search::query::Query;

use super::bundle::searchset;
use super::reply::Reply;
use super::request::Request;

/// Parameters that say how to page and answer, not what to find.
const ASIDE: [&str; 3] = ["page", "__explain", "_type"];

/// `GET TYPE?…`, `GET Patient/1/TYPE?…`.
pub(super) async fn in_type(
    store: &Store,
    request: &Request,
    kind: TypeNumber,
    compartment: Option<(&str, &str)>,
) -> Result<Reply, Error> {
    run(store, request, &[kind], compartment).await
}

/// `GET /?_type=…`, `GET Patient/1/*`.
pub(super) async fn in_all(
    store: &Store,
    request: &Request,
    compartment: Option<(&str, &str)>,
) -> Result<Reply, Error> {
    let definitions = Definitions::r4();
    let mut kinds = Vec::new();
    for (_, value) in request.query.iter().filter(|(name, _)| name == "_type") {
        for name in value.split(',') {
            kinds.push(
                definitions
                    .resource(name)
                    .ok_or_else(|| Error::new(Kind::Invalid, "search parameter `_type`: no such resource type"))?,
            );
        }
    }
    if kinds.is_empty() {
        kinds = match compartment.and_then(|(name, _)| definitions.resource(name)) {
            Some(owner) => definitions.compartment_members(owner),
            None => definitions.resources().collect(),
        };
    }
    run(store, request, &kinds, compartment).await
}

async fn run(
    store: &Store,
    request: &Request,
    kinds: &[TypeNumber],
    compartment: Option<(&str, &str)>,
) -> Result<Reply, Error> {
    let value = |wanted: &str| request.query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let pairs: Vec<(String, String)> =
        request.query.iter().filter(|(name, _)| !ASIDE.contains(&name.as_str())).cloned().collect();
    let mut parts = Vec::with_capacity(kinds.len());
    for kind in kinds {
        parts.push((*kind, Query::parse(*kind, &pairs, request.handling())?));
    }
    let search = Search {
        parts,
        compartment: compartment.map(|(kind, id)| (kind.to_owned(), id.to_owned())),
        after: value("page").map(str::parse).transpose()?,
        explain: value("__explain").is_some_and(|value| value != "false"),
    };
    let page = store.search(&request.caller, search).await?;
    searchset(request, &page)
}
