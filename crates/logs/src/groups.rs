//! Log groups: create, describe, delete, retention, tags.

use std::collections::BTreeMap;

use state::{Read, params};

use crate::{Error, Logs};

const NAME_CHARS_MAX: usize = 512;
const TAGS_MAX: usize = 50;
const RETENTION_DAYS: &[i64] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// A log group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// `None`: events are kept for ever.
    pub retention_days: Option<i64>,
    /// `STANDARD`, `INFREQUENT_ACCESS` or `DELIVERY`.
    pub class: String,
    pub kms_key: Option<String>,
    pub tags: BTreeMap<String, String>,
}

impl Logs {
    /// CreateLogGroup.
    ///
    /// # Errors
    /// `Invalid`, `Exists`.
    pub async fn create_group(
        &self,
        name: &str,
        class: Option<&str>,
        kms_key: Option<&str>,
        tags: BTreeMap<String, String>,
    ) -> Result<(), Error> {
        check_group_name(name)?;
        let class = class.unwrap_or("STANDARD").to_owned();
        if !["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"].contains(&class.as_str()) {
            return Err(Error::Invalid("logGroupClass is not one of STANDARD, INFREQUENT_ACCESS, DELIVERY".into()));
        }
        let tags = tags_json(&tags)?;
        let (name, kms_key, now_ms) = (name.to_owned(), kms_key.map(str::to_owned), self.clock.now_ms());
        self.state
            .write(move |tx| {
                let added = tx.execute(
                    "INSERT INTO log_group (name, created_ms, retention_days, class, kms_key, tags)
                     VALUES (?1, ?2, NULL, ?3, ?4, ?5) ON CONFLICT (name) DO NOTHING",
                    params![&name, now_ms, &class, kms_key.as_deref(), &tags],
                )?;
                if added == 0 { Err(Error::Exists("group")) } else { Ok(()) }
            })
            .await
    }

    /// DescribeLogGroups: groups behind `after` by name, at most `limit`, and whether there are more.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn describe_groups(
        &self,
        prefix: &str,
        contains: &str,
        class: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<Group>, bool), Error> {
        let (prefix, contains, after) = (prefix.to_owned(), contains.to_owned(), after.to_owned());
        let class = class.map(str::to_owned);
        self.state
            .read(move |tx| {
                let mut found = Vec::new();
                let mut more = false;
                tx.each(
                    &format!("SELECT {COLUMNS} FROM log_group WHERE name > ?1 ORDER BY name"),
                    params![&after],
                    |row| {
                        let (name, of_class) = (row.text(0)?, row.text(3)?);
                        if name.starts_with(&prefix)
                            && name.contains(&contains)
                            && class.as_deref().is_none_or(|class| class == of_class)
                        {
                            more = found.len() == limit;
                            if !more {
                                found.push(group(row)?);
                            }
                        }
                        Ok::<_, Error>(!more)
                    },
                )?;
                Ok((found, more))
            })
            .await
    }

    /// One group.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn group(&self, name: &str) -> Result<Group, Error> {
        let name = name.to_owned();
        self.state
            .read(move |tx| {
                tx.first(&format!("SELECT {COLUMNS} FROM log_group WHERE name = ?1"), params![&name], group)?
                    .ok_or(Error::NotFound("group"))
            })
            .await
    }

    /// DeleteLogGroup, with its streams and events.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_group(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.state
            .write(move |tx| {
                if tx.execute("DELETE FROM log_group WHERE name = ?1", params![&name])? == 0 {
                    return Err(Error::NotFound("group"));
                }
                tx.execute("DELETE FROM log_stream WHERE log_group = ?1", params![&name])?;
                tx.execute("DELETE FROM log_event WHERE log_group = ?1", params![&name])?;
                Ok(())
            })
            .await
    }

    /// PutRetentionPolicy, or DeleteRetentionPolicy with `None`.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for other numbers of days than the service's.
    pub async fn set_retention(&self, name: &str, days: Option<i64>) -> Result<(), Error> {
        if days.is_some_and(|days| !RETENTION_DAYS.contains(&days)) {
            return Err(Error::Invalid(format!("retentionInDays must be one of {RETENTION_DAYS:?}")));
        }
        let name = name.to_owned();
        self.state
            .write(move |tx| {
                let changed =
                    tx.execute("UPDATE log_group SET retention_days = ?2 WHERE name = ?1", params![&name, days])?;
                if changed == 0 { Err(Error::NotFound("group")) } else { Ok(()) }
            })
            .await
    }

    /// Adds tags (`Some`) and removes tags (`None`) by key.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for too many.
    pub async fn tag(&self, name: &str, changes: BTreeMap<String, Option<String>>) -> Result<(), Error> {
        let name = name.to_owned();
        self.state
            .write(move |tx| {
                let sql = format!("SELECT {COLUMNS} FROM log_group WHERE name = ?1");
                let mut tags = tx.first(&sql, params![&name], group)?.ok_or(Error::NotFound("group"))?.tags;
                for (key, value) in changes {
                    match value {
                        Some(value) => tags.insert(key, value),
                        None => tags.remove(&key),
                    };
                }
                tx.execute("UPDATE log_group SET tags = ?2 WHERE name = ?1", params![&name, &tags_json(&tags)?])?;
                Ok(())
            })
            .await
    }

    /// Bytes kept in a group, as the service counts them.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn stored_bytes(&self, name: &str) -> Result<i64, Error> {
        let name = name.to_owned();
        self.state
            .read(move |tx| {
                let sql = "SELECT COALESCE(SUM(LENGTH(message) + 26), 0) FROM log_event WHERE log_group = ?1";
                Ok::<_, Error>(tx.first(sql, params![&name], |row| row.int(0))?.unwrap_or(0))
            })
            .await
    }
}

const COLUMNS: &str = "name, created_ms, retention_days, class, kms_key, tags";

fn group(row: &state::Row<'_>) -> Result<Group, Error> {
    let name = row.text(0)?.to_owned();
    Ok(Group {
        created_ms: row.int(1)?,
        retention_days: row.int_opt(2)?,
        class: row.text(3)?.to_owned(),
        kms_key: row.text_opt(4)?.map(str::to_owned),
        tags: serde_json::from_str(row.text(5)?).map_err(|_| Error::Corrupt(name.clone()))?,
        name,
    })
}

/// The oldest instant a group keeps, milliseconds since 1970.
pub(crate) fn horizon(tx: &Read<'_>, name: &str, now_ms: i64) -> Result<i64, Error> {
    let sql = "SELECT retention_days FROM log_group WHERE name = ?1";
    match tx.first(sql, params![name], |row| row.int_opt(0))? {
        None => Err(Error::NotFound("group")),
        Some(None) => Ok(i64::MIN),
        Some(Some(days)) => Ok(now_ms.saturating_sub(days.saturating_mul(86_400_000))),
    }
}

fn tags_json(tags: &BTreeMap<String, String>) -> Result<String, Error> {
    if tags.len() > TAGS_MAX {
        return Err(Error::Invalid(format!("a log group can have at most {TAGS_MAX} tags")));
    }
    serde_json::to_string(tags).map_err(|_| Error::Invalid("tags are not text".into()))
}

fn check_group_name(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(allowed) {
        return Err(Error::Invalid(format!(
            "1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
        )));
    }
    Ok(())
}
