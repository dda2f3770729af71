//! One entry as it is asked.

use bytes::Bytes;
use fhir::definitions::{Definitions, TypeNumber};
use fhir::json::{Document, Element};
use fhir::outcome::Issue;
use fhir::patch::Patch;

use super::{at, place};
use crate::interaction::conditional::Criteria;
use crate::{Error, Kind, Match};

/// What an entry does.
pub(super) enum Action {
    Delete { kind: TypeNumber, id: Option<String>, criteria: Option<Criteria> },
    Create { kind: TypeNumber, criteria: Option<Criteria> },
    Update { id: Option<String>, criteria: Option<Criteria> },
    Patch { kind: TypeNumber, id: Option<String>, criteria: Option<Criteria>, patch: Patch },
    Get(String),
}

impl Action {
    /// Deletions, then creations, then updates, then reads.
    pub fn phase(&self) -> u8 {
        match self {
            Action::Delete { .. } => 0,
            Action::Create { .. } => 1,
            Action::Update { .. } | Action::Patch { .. } => 2,
            Action::Get(_) => 3,
        }
    }

    /// The search that names its resource.
    pub fn criteria(&self) -> Option<&Criteria> {
        match self {
            Action::Delete { criteria, .. }
            | Action::Create { criteria, .. }
            | Action::Update { criteria, .. }
            | Action::Patch { criteria, .. } => criteria.as_ref(),
            Action::Get(_) => None,
        }
    }
}

/// An entry that was read.
pub(super) struct Entry {
    /// Its place in the bundle.
    pub number: usize,
    pub full_url: Option<String>,
    pub action: Action,
    pub condition: Match,
    /// The resource, and its type.
    pub resource: Option<(Document, TypeNumber)>,
}

/// All entries, each read or refused.
pub(super) fn read(bundle: &Document) -> Vec<Result<Entry, Error>> {
    let entries = bundle.root().get("entry").into_iter().flat_map(Element::items);
    entries
        .enumerate()
        .map(|(number, entry)| one(bundle.source(), number, entry).map_err(|error| at(number, error)))
        .collect()
}

fn text(element: Element<'_>, name: &str) -> Option<String> {
    element.get(name).and_then(Element::as_str).map(|text| text.into_owned())
}

fn one(source: &Bytes, number: usize, entry: Element<'_>) -> Result<Entry, Error> {
    let required = |name: &str| {
        Error::with_issues(
            Kind::Invalid,
            vec![Issue::at("required", format!("{}.{name}", place(number)), format!("{name} is missing"))],
        )
    };
    let request = entry.get("request").ok_or_else(|| required("request"))?;
    let method = text(request, "method").ok_or_else(|| required("request.method"))?;
    let url = text(request, "url").ok_or_else(|| required("request.url"))?;
    let resource = entry.get("resource").map(|resource| Document::parse(source.slice(resource.span()))).transpose()?;
    let resource =
        resource.map(|document| crate::incoming::kind_of(&document).map(|kind| (document, kind))).transpose()?;
    let condition = condition(request)?;
    let action = match method.as_str() {
        "GET" | "HEAD" => Action::Get(url),
        _ => action(&method, &url, text(request, "ifNoneExist"), resource.as_ref())?,
    };
    let needs_resource = matches!(action, Action::Create { .. } | Action::Update { .. });
    if needs_resource && resource.is_none() {
        return Err(required("resource"));
    }
    Ok(Entry { number, full_url: text(entry, "fullUrl"), action, condition, resource })
}

fn condition(request: Element<'_>) -> Result<Match, Error> {
    if let Some(tag) = text(request, "ifMatch") {
        let version = tag.trim_start_matches("W/").trim_matches('"').parse();
        return version.map(Match::Version).map_err(|_| Error::new(Kind::Invalid, "ifMatch is W/\"VERSION\""));
    }
    Ok(if text(request, "ifNoneMatch").as_deref() == Some("*") { Match::Nothing } else { Match::Anything })
}

fn action(
    method: &str,
    url: &str,
    if_none_exist: Option<String>,
    resource: Option<&(Document, TypeNumber)>,
) -> Result<Action, Error> {
    let invalid = |message: &str| Error::with_issues(Kind::Invalid, vec![Issue::error("value", message)]);
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let mut segments = path.trim_matches('/').split('/');
    let kind = segments.next().and_then(|name| Definitions::r4().resource(name));
    let kind = kind.ok_or_else(|| invalid("request.url names no resource type"))?;
    let id = segments.next().map(str::to_owned);
    if segments.next().is_some() {
        return Err(invalid("request.url is TYPE, TYPE/ID or TYPE?QUERY"));
    }
    if let Some((_, told)) = resource
        && *told != kind
        && method != "PATCH"
    {
        return Err(invalid("the resource is not of the type in request.url"));
    }
    let criteria = query.filter(|_| id.is_none()).map(|query| Criteria::parse(kind, &pairs(query))).transpose()?;
    match method {
        "POST" if id.is_none() && query.is_none() => {
            let query = if_none_exist.as_deref().map(|text| text.split_once('?').map_or(text, |(_, query)| query));
            let criteria = query.map(|query| Criteria::parse(kind, &pairs(query))).transpose()?;
            Ok(Action::Create { kind, criteria })
        }
        _ if id.is_none() && criteria.is_none() => Err(invalid("request.url names no resource")),
        "PUT" => Ok(Action::Update { id, criteria }),
        "DELETE" => Ok(Action::Delete { kind, id, criteria }),
        "PATCH" => {
            let (document, _) = resource.ok_or_else(|| invalid("the entry has no resource"))?;
            let patch =
                Patch::from_resource(document).map_err(|issue| Error::with_issues(Kind::Invalid, vec![issue]))?;
            Ok(Action::Patch { kind, id, criteria, patch })
        }
        _ => Err(invalid("request.method is GET, HEAD, POST, PUT, PATCH or DELETE, as request.url allows")),
    }
}

/// Decoded pairs of a query string; what is not UTF-8 stays as it is.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
