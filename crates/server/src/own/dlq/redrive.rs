//! `POST /_watershed/dlq/redrive`: sends what letters carry back through where they came from.

use event::Kind;
use function::Invocation;
use serde_json::{Value, json};

use super::letter::{Letter, Origin};
use super::{Page, refused};
use crate::{App, AwsError};

/// How long a letter is hidden from others while what it carries is tried: longer than a function may take.
const HOLD_S: i64 = 1800;

/// What became of a letter.
enum Fate {
    Accepted,
    /// Somebody else has it.
    Skipped,
    /// Why it stays.
    Kept(String),
}

/// Answers `{"redriven", "skipped", "failed": [{"id", "kind", "source", "reason"}], "next", "through"}`. With `ids` only these;
/// with `through` of an earlier answer only what was there then.
pub(super) async fn call(app: &App, page: &Page, input: &Value) -> Result<Value, AwsError> {
    let ids = match input.get("ids").filter(|ids| !ids.is_null()) {
        None => None,
        Some(ids) => {
            let ids: Option<Vec<&str>> = ids.as_array().and_then(|ids| ids.iter().map(Value::as_str).collect());
            Some(ids.ok_or_else(|| AwsError::validation("`ids` must be a list of message ids"))?)
        }
    };
    // A letter that comes back meanwhile waits for the next redrive: otherwise this one might never end.
    let newest = || Some(app.queues.newest());
    let through = input.get("through").filter(|through| !through.is_null()).map_or_else(newest, Value::as_i64);
    let through = through.ok_or_else(|| AwsError::validation("`through` must be a number"))?;
    let mut letters = page.letters(app).await?;
    letters.retain(|letter| letter.number < through);
    let next = Page::next(&letters);
    let (mut redriven, mut skipped, mut failed) = (0, 0, Vec::new());
    for letter in letters {
        if ids.as_ref().is_some_and(|ids| !ids.contains(&letter.id.as_str())) {
            continue;
        }
        let fate = if letter.hidden { Fate::Skipped } else { one(app, &page.queue, &letter).await? };
        match fate {
            Fate::Accepted => redriven += 1,
            Fate::Skipped => skipped += 1,
            Fate::Kept(reason) => {
                let (kind, source) = letter.origin.told();
                failed.push(json!({"id": letter.id, "kind": kind, "source": source, "reason": reason}));
            }
        }
    }
    Ok(json!({"redriven": redriven, "skipped": skipped, "failed": failed, "next": next, "through": through}))
}

async fn one(app: &App, queue: &str, letter: &Letter) -> Result<Fate, AwsError> {
    let done = match &letter.origin {
        Origin::Queue(_) => app.queues.move_back(queue, letter.number).await,
        Origin::Delivery(_) => app.buses.redrive(queue, letter.number).await,
        Origin::Function(_) | Origin::Pipe(_) => return outside(app, queue, letter).await,
        Origin::Unknown => return Ok(Fate::Kept("it does not say where it came from".into())),
    };
    match done {
        Ok(true) => Ok(Fate::Accepted),
        Ok(false) => Ok(Fate::Skipped),
        Err(error) if error.kind() == Kind::Unavailable => Err(refused(error)),
        Err(error) => Ok(Fate::Kept(error.to_string())),
    }
}

/// Holds the letter while a function or a pipe is asked, then removes it or lets it go.
async fn outside(app: &App, queue: &str, letter: &Letter) -> Result<Fate, AwsError> {
    let Some(held) = app.queues.take(queue, letter.number, HOLD_S).await.map_err(refused)? else {
        return Ok(Fate::Skipped);
    };
    let accepted = match &letter.origin {
        Origin::Pipe(name) => match app.pipes.redrive(name, vec![letter.record()]).await {
            Ok(accepted) => accepted.into_iter().next().unwrap_or_else(|| Err("nothing was sent".into())),
            Err(error) => Err(error.to_string()),
        },
        Origin::Function(arn) => {
            let submitted = app.functions.submit(arn, None, vec![Invocation::of(letter.payload())]).await;
            submitted.map(|_| ()).map_err(|error| error.to_string())
        }
        _ => Err("not a letter of a function or pipe".into()),
    };
    let receipts = vec![held.receipt];
    match accepted {
        Ok(()) => {
            app.queues.delete(queue, receipts).await.map_err(refused)?;
            Ok(Fate::Accepted)
        }
        Err(reason) => {
            let shown = receipts.into_iter().map(|receipt| (receipt, 0)).collect();
            app.queues.change_visibility(queue, shown).await.map_err(refused)?;
            Ok(Fate::Kept(reason))
        }
    }
}
