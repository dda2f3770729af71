//! The shards of a stream: every page of DescribeStream, parents before children, kept for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::{self, KeyType};
use event::{Error, Kind, Shard};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::failure;

/// DescribeStream may be called ten times a second by a whole account.
const AGE_MAX: Duration = Duration::from_secs(5);
/// Pages of one listing, 100 shards each.
const PAGES_MAX: usize = 1000;

/// What DescribeStream said of a stream.
pub(super) struct Description {
    /// Parents before children.
    pub shards: Vec<Shard>,
    /// The name of the partition key.
    pub hash_key: String,
    first: BTreeMap<Arc<str>, String>,
}

impl Description {
    /// The sequence number a shard starts at, which need not be a record's.
    pub fn first(&self, shard: &str) -> Option<&str> {
        self.first.get(shard).map(String::as_str)
    }
}

/// The newest description and when it was taken.
#[derive(Default)]
pub(super) struct Graph(Mutex<Known>);

#[derive(Default)]
struct Known {
    description: Option<Arc<Description>>,
    /// `None` when it is too old whatever the time.
    taken: Option<Instant>,
}

impl Graph {
    /// A description of the last few seconds.
    pub async fn current(&self, client: &Client, arn: &str) -> Result<Arc<Description>, Error> {
        // Held over the call, so that shards that ask at once share one.
        let mut known = self.0.lock().await;
        if let (Some(description), Some(taken)) = (&known.description, known.taken)
            && taken.elapsed() < AGE_MAX
        {
            return Ok(description.clone());
        }
        let description = Arc::new(describe(client, arn).await?);
        *known = Known { description: Some(description.clone()), taken: Some(Instant::now()) };
        Ok(description)
    }

    /// A description of any age: what it is asked for never changes.
    pub async fn latest(&self, client: &Client, arn: &str) -> Result<Arc<Description>, Error> {
        let description = self.0.lock().await.description.clone();
        match description {
            Some(description) => Ok(description),
            None => self.current(client, arn).await,
        }
    }

    /// Makes the next [`Graph::current`] ask again.
    pub async fn forget(&self) {
        self.0.lock().await.taken = None;
    }
}

async fn describe(client: &Client, arn: &str) -> Result<Description, Error> {
    let mut found = Vec::new();
    let mut hash_key = None;
    let mut after: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let request = client.describe_stream().stream_arn(arn).set_exclusive_start_shard_id(after);
        let answer = request.send().await.map_err(|error| failure("DescribeStream", error))?;
        let page = answer.stream_description;
        let page = page.ok_or_else(|| Error::new(Kind::Unavailable, "DescribeStream answered no description"))?;
        let keys = page.key_schema.unwrap_or_default();
        hash_key =
            keys.into_iter().find(|key| key.key_type == KeyType::Hash).map(|key| key.attribute_name).or(hash_key);
        found.extend(page.shards.unwrap_or_default());
        // A page that is empty is not the last: only one without this member is.
        after = page.last_evaluated_shard_id;
        if after.is_none() {
            return ordered(found, hash_key.unwrap_or_default());
        }
    }
    Err(Error::new(Kind::Unavailable, format!("DescribeStream did not end after {PAGES_MAX} pages")))
}

/// Parents before children; a parent that is not listed is gone.
fn ordered(found: Vec<types::Shard>, hash_key: String) -> Result<Description, Error> {
    let mut first = BTreeMap::new();
    let mut known: BTreeMap<Arc<str>, Option<Arc<str>>> = BTreeMap::new();
    for shard in found {
        let Some(id) = shard.shard_id else {
            return Err(Error::new(Kind::Unavailable, "DescribeStream answered a shard without an id"));
        };
        let id: Arc<str> = id.into();
        if let Some(number) = shard.sequence_number_range.and_then(|range| range.starting_sequence_number) {
            first.insert(id.clone(), number);
        }
        known.insert(id, shard.parent_shard_id.map(Arc::from));
    }
    let mut children: BTreeMap<Arc<str>, Vec<Arc<str>>> = BTreeMap::new();
    let mut ready = Vec::new();
    for (id, parent) in known.iter().rev() {
        match parent.as_ref().filter(|parent| known.contains_key(*parent)) {
            Some(parent) => children.entry(parent.clone()).or_default().push(id.clone()),
            None => ready.push(id.clone()),
        }
    }
    let mut shards = Vec::with_capacity(known.len());
    let mut listed = BTreeSet::new();
    while let Some(id) = ready.pop() {
        ready.extend(children.remove(&id).unwrap_or_default());
        let parent = known.get(&id).cloned().flatten();
        listed.insert(id.clone());
        shards.push(Shard { id, parent });
    }
    // Shards that are their own ancestors cannot be read; leaving them out would hide them.
    let rest = known.into_iter().filter(|(id, _)| !listed.contains(id));
    shards.extend(rest.map(|(id, parent)| Shard { id, parent }).collect::<Vec<_>>());
    Ok(Description { shards, hash_key, first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_their_children_whatever_the_pages_say() {
        let shard = |id: &str, parent: Option<&str>| {
            types::Shard::builder().shard_id(id).set_parent_shard_id(parent.map(str::to_owned)).build()
        };
        let pages = vec![shard("c", Some("b")), shard("d", Some("gone")), shard("b", Some("z")), shard("z", None)];
        let description = ordered(pages, "pk".into()).unwrap();
        let names: Vec<&str> = description.shards.iter().map(|shard| shard.id.as_ref()).collect();
        assert_eq!(names, ["d", "z", "b", "c"]);
        assert_eq!(description.shards[0].parent.as_deref(), Some("gone"));
    }

    #[test]
    fn shards_that_are_their_own_ancestors_stay_listed() {
        let shard = |id: &str, parent: &str| types::Shard::builder().shard_id(id).parent_shard_id(parent).build();
        let description = ordered(vec![shard("a", "b"), shard("b", "a")], "pk".into()).unwrap();
        assert_eq!(description.shards.len(), 2);
    }
}
