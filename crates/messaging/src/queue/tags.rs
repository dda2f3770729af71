//! TagQueue, UntagQueue, ListQueueTags.

use std::collections::BTreeMap;

use state::{Read, params};

use super::Queues;
use super::code::{Code, no_queue};
use crate::Error;

const TAGS_MAX: usize = 50;

impl Queues {
    /// Adds tags (`Some`) and removes tags (`None`) by key.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, `InvalidParameterValue` for too many.
    pub async fn tag(&self, name: &str, changes: BTreeMap<String, Option<String>>) -> Result<(), Error> {
        let name = name.to_owned();
        self.inner
            .state
            .write(move |tx| {
                let mut tags = load(tx, &name)?;
                for (key, value) in changes {
                    match value {
                        Some(value) => tags.insert(key, value),
                        None => tags.remove(&key),
                    };
                }
                tx.execute("UPDATE queue SET tags = ?2 WHERE name = ?1", params![&name, &to_json(&tags)?])?;
                Ok(())
            })
            .await
    }

    /// # Errors
    /// `QueueDoesNotExist`.
    pub async fn tags(&self, name: &str) -> Result<BTreeMap<String, String>, Error> {
        let name = name.to_owned();
        self.inner.state.read(move |tx| load(tx, &name)).await
    }
}

fn load(tx: &Read<'_>, name: &str) -> Result<BTreeMap<String, String>, Error> {
    let parse = |text: &str| serde_json::from_str(text).map_err(|_| Error::Corrupt("queue tags"));
    let tags = tx.first("SELECT tags FROM queue WHERE name = ?1", params![name], |row| parse(row.text(0)?))?;
    tags.ok_or_else(no_queue)
}

pub(super) fn to_json(tags: &BTreeMap<String, String>) -> Result<String, Error> {
    let fits =
        |(key, value): (&String, &String)| (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
    if tags.len() > TAGS_MAX || !tags.iter().all(fits) {
        return Err(Code::InvalidParameterValue.error(format!(
            "A queue can have {TAGS_MAX} tags, with keys of 1 to 128 and values of up to 256 characters."
        )));
    }
    serde_json::to_string(tags).map_err(|_| Error::Corrupt("queue tags"))
}
