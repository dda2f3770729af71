//! Deleting items whose time to live has passed: as DeleteItem does, but the stream tells that the service did it.

use crate::item::Item;
use crate::tables::load;
use crate::write::{get, store};
use crate::{Error, Tables};

impl Tables {
    /// Deletes an item by its key; its stream record carries the `userIdentity` of the service. True when it was there.
    ///
    /// # Errors
    /// `NotFound` when the table does not exist, `Validation` for a key that is not the table's.
    pub async fn delete_expired(&self, table: &str, key: Item) -> Result<bool, Error> {
        let (env, table) = (self.env.clone(), table.to_owned());
        let deleted = self
            .state
            .write(move |tx| {
                let table = load(tx, &table)?;
                let key = table.definition.key_of_request(&key)?;
                let old = get(tx, &table, &key)?;
                store(tx, &env, &table, &key, old.as_ref(), None, true)?;
                Ok::<_, Error>(old.is_some())
            })
            .await?;
        self.env.written.notify_waiters();
        Ok(deleted)
    }
}
