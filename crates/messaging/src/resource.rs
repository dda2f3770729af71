//! Named definitions on the state: buses, rules, targets, archives, schedules and the like, each as the JSON of its members.
//!
//! Table `event_resource (kind, parent, name, definition)`: the parent of a rule is its bus, of a target `BUS/RULE`, of a schedule
//! its group, otherwise empty.

use serde::Serialize;
use serde::de::DeserializeOwned;
use state::{Read, Write, params};

use crate::Error;

/// Most items of one page.
pub(crate) const PAGE_MAX: usize = 100;

/// Something that is kept by name.
pub(crate) trait Resource: Serialize + DeserializeOwned {
    const KIND: &'static str;
}

/// Which part of a list is asked for.
#[derive(Clone, Debug)]
pub struct Page {
    /// What names start with.
    pub prefix: String,
    /// From an earlier answer: the last name of its page.
    pub token: Option<String>,
    /// 1 to 100.
    pub limit: usize,
}

impl Default for Page {
    fn default() -> Self {
        Page { prefix: String::new(), token: None, limit: PAGE_MAX }
    }
}

/// Some items in the order of their names, and the token for more.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

pub(crate) fn get<T: Resource>(tx: &Read<'_>, parent: &str, name: &str) -> Result<Option<T>, Error> {
    let sql = "SELECT definition FROM event_resource WHERE kind = ?1 AND parent = ?2 AND name = ?3";
    tx.first(sql, params![T::KIND, parent, name], |row| decode(row.text(0)?))
}

pub(crate) fn put<T: Resource>(tx: &Write<'_>, parent: &str, name: &str, resource: &T) -> Result<(), Error> {
    let definition = serde_json::to_string(resource).map_err(|_| Error::Corrupt(T::KIND))?;
    tx.execute(
        "INSERT INTO event_resource (kind, parent, name, definition) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (kind, parent, name) DO UPDATE SET definition = excluded.definition",
        params![T::KIND, parent, name, &definition],
    )?;
    Ok(())
}

/// Whether it was there.
pub(crate) fn remove<T: Resource>(tx: &Write<'_>, parent: &str, name: &str) -> Result<bool, Error> {
    let sql = "DELETE FROM event_resource WHERE kind = ?1 AND parent = ?2 AND name = ?3";
    Ok(tx.execute(sql, params![T::KIND, parent, name])? > 0)
}

/// Removes all of a parent.
pub(crate) fn remove_all<T: Resource>(tx: &Write<'_>, parent: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM event_resource WHERE kind = ?1 AND parent = ?2", params![T::KIND, parent])?;
    Ok(())
}

/// Every resource of a parent, by name.
pub(crate) fn all<T: Resource>(tx: &Read<'_>, parent: &str) -> Result<Vec<T>, Error> {
    let sql = "SELECT definition FROM event_resource WHERE kind = ?1 AND parent = ?2 ORDER BY name";
    tx.all(sql, params![T::KIND, parent], |row| decode(row.text(0)?))
}

/// Every resource of its kind with its parent.
pub(crate) fn everywhere<T: Resource>(tx: &Read<'_>) -> Result<Vec<(String, T)>, Error> {
    let sql = "SELECT parent, definition FROM event_resource WHERE kind = ?1 ORDER BY parent, name";
    tx.all(sql, params![T::KIND], |row| Ok((row.text(0)?.to_owned(), decode(row.text(1)?)?)))
}

/// A page of a parent's resources that `keep` takes.
pub(crate) fn list<T: Resource>(
    tx: &Read<'_>,
    parent: &str,
    page: &Page,
    keep: impl Fn(&T) -> bool,
) -> Result<Listing<T>, Error> {
    if !(1..=PAGE_MAX).contains(&page.limit) {
        return Err(Error::Invalid(format!("Limit must be between 1 and {PAGE_MAX}")));
    }
    let mut found = Listing { items: Vec::new(), next: None };
    let mut last = String::new();
    let sql = "SELECT name, definition FROM event_resource WHERE kind = ?1 AND parent = ?2 AND name > ?3 ORDER BY name";
    let after = page.token.clone().unwrap_or_default();
    tx.each(sql, params![T::KIND, parent, &after], |row| {
        let name = row.text(0)?;
        if !name.starts_with(&page.prefix) {
            return Ok::<_, Error>(true);
        }
        let resource = decode(row.text(1)?)?;
        if keep(&resource) {
            if found.items.len() == page.limit {
                found.next = Some(std::mem::take(&mut last));
                return Ok(false);
            }
            name.clone_into(&mut last);
            found.items.push(resource);
        }
        Ok(true)
    })?;
    Ok(found)
}

fn decode<T: Resource>(definition: &str) -> Result<T, Error> {
    serde_json::from_str(definition).map_err(|_| Error::Corrupt(T::KIND))
}
