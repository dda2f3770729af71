//! Writes the demo's changes through the public SDK, many at once, each item's in order.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use anyhow::Context as _;
use indicatif::ProgressBar;
use remote::dynamodb::Client;

use super::changes::Change;

/// Concurrent writers. All changes of an item go to the same one.
const WRITERS: usize = 32;

/// Writes all changes and waits until each is acknowledged.
///
/// # Errors
/// When a write fails after the SDK's own retries.
pub async fn write(client: &Client, changes: Vec<Change>, progress: &ProgressBar) -> anyhow::Result<()> {
    let mut lanes: Vec<Vec<Change>> = (0..WRITERS).map(|_| Vec::new()).collect();
    for change in changes {
        let mut hasher = DefaultHasher::new();
        change.key().hash(&mut hasher);
        let lane = (hasher.finish() % WRITERS as u64) as usize;
        lanes.get_mut(lane).context("a lane for every remainder")?.push(change);
    }
    let progress = Arc::new(progress.clone());
    let writers: Vec<_> =
        lanes.into_iter().map(|lane| tokio::spawn(write_lane(client.clone(), lane, progress.clone()))).collect();
    for writer in writers {
        writer.await??;
    }
    Ok(())
}

async fn write_lane(client: Client, lane: Vec<Change>, progress: Arc<ProgressBar>) -> anyhow::Result<()> {
    for change in lane {
        match change {
            Change::Put { table, item } => {
                client.put_item().table_name(table).set_item(Some(item)).send().await.context("PutItem")?;
            }
            Change::Delete { table, id } => {
                let id = remote::dynamodb::types::AttributeValue::S(id);
                client.delete_item().table_name(table).key("id", id).send().await.context("DeleteItem")?;
            }
        }
        progress.inc(1);
    }
    Ok(())
}
