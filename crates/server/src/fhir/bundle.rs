//! Bundles that are posted, and those that answer histories and searches.

use std::sync::Arc;

use bytes::Bytes;
use datastore::bundle::Answer;
use datastore::search::Page;
use datastore::{Error, HistoryPage, Operation, Outcome, Store, Version, Written};
use fhir::definitions::Definitions;
use fhir::json::{Document, Element, write_string};
use fhir::outcome::{Issue, Severity, outcome};

use super::audit;
use super::reply::{Reply, etag, shown};
use super::request::{Request, Return};
use crate::App;

/// `POST /` with a batch or transaction.
pub(super) async fn bundle(app: &Arc<App>, store: &Store, request: &Request) -> Result<Reply, Error> {
    let document = Document::parse(request.json_body()?.clone())?;
    let kind = document.root().get("type").and_then(|kind| kind.as_str()).unwrap_or_default().into_owned();
    let urls = if kind == "batch" { urls(&document) } else { Vec::new() };
    let answers = store.bundle(&request.caller, document).await?;
    let mut out = format!(
        r#"{{"resourceType":"Bundle","id":"{}","type":"{kind}-response","link":[{{"relation":"self","url":"#,
        uuid::Uuid::new_v4()
    );
    write_string(&mut out, &request.base);
    out.push_str(r#"}],"entry":["#);
    for (at, answer) in answers.iter().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        match answer {
            Answer::Written(written) => self::written(&mut out, request, written),
            Answer::Failed(error) => {
                let named = urls.get(at).and_then(|url| audit::named(&url.split(['/', '?']).collect::<Vec<_>>()));
                audit::record(app, store, super::reply::status(error.kind()), named.into_iter().collect()).await?;
                failed(&mut out, error);
            }
            Answer::Get(url) => match got(app, request, url).await {
                Ok(reply) => {
                    out.push('{');
                    if let Some(body) = reply.text() {
                        out.push_str(&format!(r#""resource":{body},"#));
                    }
                    out.push_str(&format!(r#""response":{{"status":"{}"}}}}"#, reply.status()));
                }
                Err(error) if kind == "transaction" => return Err(error),
                Err(error) => failed(&mut out, &error),
            },
        }
    }
    out.push_str("]}");
    Ok(Reply::new(200, out))
}

/// What the entries of a bundle are for.
fn urls(bundle: &Document) -> Vec<String> {
    let entries = bundle.root().get("entry").into_iter().flat_map(|entries| entries.items());
    let url = |entry: Element<'_>| Some(entry.get("request")?.get("url")?.as_str()?.into_owned());
    entries.map(|entry| url(entry).unwrap_or_default()).collect()
}

/// What a bundle reads, as if it were asked for alone.
async fn got(app: &Arc<App>, request: &Request, url: &str) -> Result<Reply, Error> {
    Box::pin(audit::run(app, &request.get(url)?)).await
}

fn written(out: &mut String, request: &Request, written: &Written) {
    let status = match written.outcome {
        Outcome::Created => "201 Created",
        Outcome::Updated | Outcome::Unchanged if written.version.is_some() => "200 OK",
        _ => "204 No Content",
    };
    out.push('{');
    if let Some(version) = &written.version {
        if let Some(body) = version.body.as_ref().and_then(|body| std::str::from_utf8(body).ok()) {
            out.push_str(r#""fullUrl":"#);
            write_string(out, &format!("{}/{}", request.base, version.reference()));
            if request.wanted() == Return::Representation {
                out.push_str(&format!(r#","resource":{body}"#));
            }
            out.push(',');
        }
        let location = format!("{}/{}/_history/{}", request.base, version.reference(), version.version);
        out.push_str(&format!(r#""response":{{"status":"{status}","location":"#));
        write_string(out, &location);
        let tag = etag(version).replace('"', "\\\"");
        out.push_str(&format!(r#","etag":"{tag}","lastModified":"{}"}}}}"#, version.last_updated()));
        return;
    }
    out.push_str(&format!(r#""response":{{"status":"{status}"}}}}"#));
}

fn failed(out: &mut String, error: &Error) {
    let (status, outcome) = (super::reply::status(error.kind()), outcome(&error.issues));
    out.push_str(&format!(r#"{{"response":{{"status":"{status}","outcome":{outcome}}}}}"#));
}

/// A Bundle that is being written.
struct Writer {
    out: String,
    entries: usize,
}

impl Writer {
    fn new(kind: &str, total: Option<i64>, links: &[(&str, String)]) -> Writer {
        let id = uuid::Uuid::new_v4();
        let mut out = format!(r#"{{"resourceType":"Bundle","id":"{id}","type":"{kind}""#);
        if let Some(total) = total {
            out.push_str(&format!(r#","total":{total}"#));
        }
        out.push_str(r#","link":["#);
        for (at, (relation, url)) in links.iter().enumerate() {
            out.push_str(if at > 0 { "," } else { "" });
            out.push_str(&format!(r#"{{"relation":"{relation}","url":"#));
            write_string(&mut out, url);
            out.push('}');
        }
        out.push(']');
        Writer { out, entries: 0 }
    }

    fn begin_entry(&mut self) {
        self.out.push_str(if self.entries == 0 { r#","entry":[{"# } else { ",{" });
        self.entries += 1;
    }

    fn resource(&mut self, base: &str, version: &Version, body: &Bytes) {
        self.out.push_str(r#""fullUrl":"#);
        write_string(&mut self.out, &format!("{base}/{}", version.reference()));
        if let Ok(text) = std::str::from_utf8(body)
            && !text.is_empty()
        {
            self.out.push_str(r#","resource":"#);
            self.out.push_str(text);
        }
    }

    fn finish(mut self) -> Bytes {
        self.out.push_str(if self.entries > 0 { "]}" } else { "}" });
        Bytes::from(self.out)
    }
}

/// The answer to a history.
pub(super) struct History<'a> {
    pub request: &'a Request,
    pub page: &'a HistoryPage,
}

impl History<'_> {
    pub fn write(&self) -> Result<Reply, Error> {
        let request = self.request;
        let mut links = vec![("self", request.link(&[]))];
        if let Some(before) = self.page.next {
            links.push(("next", next(request, &before.to_string())));
        }
        let mut writer = Writer::new("history", self.page.total, &links);
        for version in &self.page.versions {
            writer.begin_entry();
            writer.resource(&request.base, version, &shown(request, version)?);
            let kind = Definitions::r4().name(version.kind);
            let (method, url, status) = match version.operation {
                Operation::Create if version.version == 1 => ("POST", kind.to_owned(), "201 Created"),
                Operation::Delete | Operation::Erase => ("DELETE", version.reference(), "204 No Content"),
                _ => ("PUT", version.reference(), "200 OK"),
            };
            let (tag, modified) = (etag(version).replace('"', "\\\""), version.last_updated());
            writer.out.push_str(&format!(
                r#","request":{{"method":"{method}","url":"{url}"}},"response":{{"status":"{status}","etag":"{tag}","lastModified":"{modified}"}}}}"#
            ));
        }
        Ok(Reply::new(200, writer.finish()).showing(&self.page.versions))
    }
}

fn next(request: &Request, page: &str) -> String {
    let link = request.link(&["page"]);
    format!("{link}{}page={page}", if link.contains('?') { '&' } else { '?' })
}

/// The answer to a search.
pub(super) fn searchset(request: &Request, page: &Page) -> Result<Reply, Error> {
    let mut links = vec![("self", request.link(&[]))];
    if let Some(cursor) = &page.next {
        links.push(("next", next(request, &cursor.to_string())));
    }
    let mut writer = Writer::new("searchset", page.total, &links);
    let found = page.matches.iter().map(|version| (version, "match"));
    for (version, mode) in found.chain(page.included.iter().map(|version| (version, "include"))) {
        writer.begin_entry();
        writer.resource(&request.base, version, &shown(request, version)?);
        writer.out.push_str(&format!(r#","search":{{"mode":"{mode}"}}}}"#));
    }
    let mut issues: Vec<Issue> =
        page.ignored.iter().map(|name| warning(format!("parameter `{name}` is unknown and was ignored"))).collect();
    issues.extend(page.plan.iter().map(|line| Issue::information(line.clone())));
    if !issues.is_empty() {
        writer.begin_entry();
        writer.out.push_str(&format!(r#""resource":{},"search":{{"mode":"outcome"}}}}"#, outcome(&issues)));
    }
    Ok(Reply::new(200, writer.finish()).showing(page.matches.iter().chain(&page.included)))
}

fn warning(text: String) -> Issue {
    Issue { severity: Severity::Warning, ..Issue::error("not-supported", text) }
}
