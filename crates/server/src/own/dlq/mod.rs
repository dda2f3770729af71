//! Dead letters, wherever they are kept in queues of this server: `POST /_watershed/dlq/list` `{}`, `/show` `{"queue", "after",
//! "limit", "payload"}` and `/redrive` `{"queue", "after", "limit", "ids", "through"}`.
//!
//! Looking receives nothing. A letter is removed only when what it carries was accepted again: in the same transaction where
//! that is a delivery or a queue of this server, after it where it is a function or a pipe.

mod letter;
mod redrive;

use std::collections::BTreeMap;
use std::sync::Arc;

use event::Kind;
use serde_json::{Value, json};

use self::letter::Letter;
use crate::{App, AwsError, Codes};

/// Letters of one answer.
const LIMIT_MAX: u64 = 100;

/// # Errors
/// `NotFoundException` for a queue that does not exist, `ValidationException` for a bad member.
pub(super) async fn call(app: &Arc<App>, action: &str, input: &Value) -> Result<Value, AwsError> {
    match action {
        "list" => list(app).await,
        "show" => show(app, &Page::of(input)?).await,
        "redrive" => redrive::call(app, &Page::of(input)?, input).await,
        _ => Err(AwsError { status: 404, ..AwsError::unknown_operation(&format!("POST /_watershed/dlq/{action}")) }),
    }
}

/// Which letters of a queue are meant.
struct Page {
    queue: String,
    /// The number of the last letter of the page before.
    after: i64,
    limit: usize,
    payload: bool,
}

impl Page {
    fn of(input: &Value) -> Result<Page, AwsError> {
        let queue = input.get("queue").and_then(Value::as_str);
        let queue = queue.ok_or_else(|| AwsError::validation("`queue` must be the name of a queue"))?;
        // An ARN is as good as a name.
        let queue = queue.rsplit_once(':').map_or(queue, |(_, name)| name).to_owned();
        let limit =
            input.get("limit").map_or(Some(LIMIT_MAX), Value::as_u64).filter(|limit| (1..=LIMIT_MAX).contains(limit));
        let limit = limit.ok_or_else(|| AwsError::validation(format!("`limit` must be between 1 and {LIMIT_MAX}")))?;
        let after = input.get("after").filter(|after| !after.is_null()).map_or(Some(0), Value::as_i64);
        let after = after.ok_or_else(|| AwsError::validation("`after` must be a number"))?;
        let payload = input.get("payload").and_then(Value::as_bool).unwrap_or_default();
        Ok(Page { queue, after, limit: usize::try_from(limit).unwrap_or_default(), payload })
    }

    async fn letters(&self, app: &App) -> Result<Vec<Letter>, AwsError> {
        let found = app.queues.look(&self.queue, self.after, self.limit).await.map_err(refused)?;
        Ok(found.into_iter().map(Letter::of).collect())
    }

    /// Where the next page begins. Bytes bound a page, too, so only an empty one is the last.
    fn next(letters: &[Letter]) -> Option<i64> {
        letters.last().map(|letter| letter.number)
    }
}

fn refused(error: messaging::Error) -> AwsError {
    AwsError::of(&Codes::PIPES, error.kind(), error.to_string())
}

/// Who sends dead letters to a place.
struct Source {
    place: String,
    kind: &'static str,
    arn: String,
}

async fn sources(app: &App) -> Result<Vec<Source>, AwsError> {
    let mut sources = Vec::new();
    let mut add = |place: &str, kind, arn: &str| sources.push(Source { place: place.into(), kind, arn: arn.into() });
    for (place, arn) in app.queues.dead_letter_queues().await.map_err(refused)? {
        add(&place, "queue", &arn);
    }
    for found in app.buses.dead_letters().await.map_err(refused)? {
        let kind = if found.origin.contains(":scheduler:") { "schedule" } else { "rule" };
        add(&found.queue, kind, &found.origin);
    }
    for pipe in app.pipes.status().await? {
        let definition = &pipe.pipe.definition;
        let Some(place) = definition.parameters().ok().and_then(|parameters| parameters.dead_letter) else { continue };
        // A mapping's pipe has the mapping as its target.
        match definition.name.starts_with("esm/") {
            true => add(&place.to_string(), "mapping", &definition.target),
            false => add(&place.to_string(), "pipe", &app.pipes.arn(&definition.name)),
        }
    }
    for function in app.functions.list("", false) {
        let letters = function.dead_letter_config.as_ref().and_then(|config| config.target_arn.as_deref());
        // A function that is deleted meanwhile sends nothing more.
        let configs = app.functions.event_invokes(&function.function_name).unwrap_or_default();
        let failures = configs.iter().filter_map(|config| config.destination_config.as_ref());
        let failures = failures.filter_map(|config| config.on_failure.destination.as_deref());
        letters.into_iter().chain(failures).for_each(|place| add(place, "function", &function.function_arn));
    }
    sources.sort_by(|a, b| (&a.place, a.kind, &a.arn).cmp(&(&b.place, b.kind, &b.arn)));
    sources.dedup_by(|a, b| (&a.place, a.kind, &a.arn) == (&b.place, b.kind, &b.arn));
    Ok(sources)
}

/// `{"queues": [{"queue", "letters", "hidden", "sources": [{"kind", "arn"}]}], "elsewhere": [{"place", "kind", "arn"}]}`.
async fn list(app: &App) -> Result<Value, AwsError> {
    let (mut queues, mut elsewhere) = (BTreeMap::<String, Vec<Value>>::new(), Vec::new());
    for Source { place, kind, arn } in sources(app).await? {
        let parsed = place.parse::<event::Arn>().ok();
        match parsed.as_ref().and_then(|parsed| app.queues.name_of(parsed)) {
            Some(name) => queues.entry(name.to_owned()).or_default().push(json!({"kind": kind, "arn": arn})),
            None => elsewhere.push(json!({"place": place, "kind": kind, "arn": arn})),
        }
    }
    let mut listed = Vec::with_capacity(queues.len());
    for (queue, sources) in queues {
        match app.queues.describe(&queue, true).await {
            Ok(described) => {
                let counts = described.counts;
                let hidden = counts.in_flight + counts.delayed;
                let letters = counts.visible + hidden;
                listed.push(json!({"queue": queue, "letters": letters, "hidden": hidden, "sources": sources}));
            }
            // Named, and not there: what is sent to it is lost.
            Err(error) if error.kind() == Kind::NotFound => {
                listed.push(json!({"queue": queue, "missing": true, "letters": 0, "hidden": 0, "sources": sources}));
            }
            Err(error) => return Err(refused(error)),
        }
    }
    Ok(json!({"queues": listed, "elsewhere": elsewhere}))
}

/// `{"letters": [{"id", "number", "sent_ms", "receives", "hidden", "kind", "source", "reason", "attempts", "payload"?}], "next"}`.
async fn show(app: &App, page: &Page) -> Result<Value, AwsError> {
    let letters = page.letters(app).await?;
    let shown: Vec<Value> = letters.iter().map(|letter| letter.show(page.payload)).collect();
    Ok(json!({"letters": shown, "next": Page::next(&letters)}))
}
