//! Managed policies and their versions.

use state::{Read, Row, Write, params};

use crate::{Error, Identities, Tags, name};

const DOCUMENT_CHARS_MAX: usize = 6_144;
const VERSIONS_MAX: usize = 5;

/// A managed policy as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub arn: String,
    /// `ANPA...`
    pub id: String,
    pub name: String,
    pub path: String,
    pub description: Option<String>,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    pub updated_ms: i64,
    /// The number of the version that counts.
    pub standard: i64,
    /// How many roles have it.
    pub attached: i64,
    pub tags: Tags,
}

/// A policy to be created.
#[derive(Clone, Debug, Default)]
pub struct NewPolicy {
    pub name: String,
    pub path: Option<String>,
    pub document: String,
    pub description: Option<String>,
    pub tags: Tags,
}

/// One version: `v1`, `v2` and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub number: i64,
    pub document: String,
    pub created_ms: i64,
}

const COLUMNS: &str = "arn, id, name, path, description, created_ms, updated_ms, standard, newest, tags,
    (SELECT COUNT(*) FROM iam_attachment a WHERE a.arn = iam_policy.arn)";

/// With the number of its newest version.
fn policy(row: &Row<'_>) -> Result<(Policy, i64), Error> {
    let arn = row.text(0)?.to_owned();
    let policy = Policy {
        id: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        path: row.text(3)?.to_owned(),
        description: row.text_opt(4)?.map(str::to_owned),
        created_ms: row.int(5)?,
        updated_ms: row.int(6)?,
        standard: row.int(7)?,
        attached: row.int(10)?,
        tags: name::parsed_tags(&arn, row.text(9)?)?,
        arn,
    };
    Ok((policy, row.int(8)?))
}

fn get(tx: &Read<'_>, arn: &str) -> Result<(Policy, i64), Error> {
    let sql = format!("SELECT {COLUMNS} FROM iam_policy WHERE arn = ?1");
    tx.first(&sql, params![arn], policy)?.ok_or_else(|| Error::NotFound(format!("Policy {arn} was not found.")))
}

fn versions(tx: &Read<'_>, arn: &str) -> Result<Vec<Version>, Error> {
    let sql = "SELECT number, document, created_ms FROM iam_policy_version WHERE arn = ?1 ORDER BY number DESC";
    tx.all(sql, params![arn], |row| {
        Ok(Version { number: row.int(0)?, document: row.text(1)?.to_owned(), created_ms: row.int(2)? })
    })
}

fn add_version(tx: &Write<'_>, arn: &str, number: i64, document: &str, now_ms: i64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO iam_policy_version (arn, number, document, created_ms) VALUES (?1, ?2, ?3, ?4)",
        params![arn, number, document, now_ms],
    )?;
    Ok(())
}

impl Identities {
    /// CreatePolicy.
    ///
    /// # Errors
    /// `Validation`, `Malformed`, `Exists`.
    pub async fn create_policy(&self, new: NewPolicy) -> Result<Policy, Error> {
        let path = new.path.unwrap_or_else(|| "/".into());
        name::check("policyName", &new.name, 128)?;
        name::check_path(&path)?;
        name::check_document(&new.document, false, DOCUMENT_CHARS_MAX)?;
        name::check_tags(&new.tags)?;
        let arn = format!("arn:aws:iam::{}:policy{path}{}", self.account, new.name);
        let (now_ms, id) = (self.clock.now_ms(), name::id("ANPA"));
        self.state
            .write(move |tx| {
                let added = tx.execute(
                    "INSERT INTO iam_policy (arn, id, name, path, description, created_ms, updated_ms, standard, newest, tags)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1, 1, ?7) ON CONFLICT (name) DO NOTHING",
                    params![
                        &arn,
                        &id,
                        &new.name,
                        &path,
                        new.description.as_deref(),
                        now_ms,
                        &name::stored_tags(&new.tags)
                    ],
                )?;
                if added == 0 {
                    return Err(Error::Exists(format!("A policy called {} already exists.", new.name)));
                }
                add_version(tx, &arn, 1, &new.document, now_ms)?;
                Ok(get(tx, &arn)?.0)
            })
            .await
    }

    /// GetPolicy.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn policy(&self, arn: &str) -> Result<Policy, Error> {
        let arn = arn.to_owned();
        Ok(self.state.read(move |tx| get(tx, &arn)).await?.0)
    }

    /// ListPolicies: those under a path, behind `after` by ARN, at most `limit`, and whether there are more.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn policies(&self, path: &str, after: &str, limit: usize) -> Result<(Vec<Policy>, bool), Error> {
        let (path, after) = (path.to_owned(), after.to_owned());
        let sql = format!("SELECT {COLUMNS} FROM iam_policy WHERE arn > ?1 ORDER BY arn");
        let all = self.state.read(move |tx| tx.all(&sql, params![&after], policy)).await?;
        let mut found: Vec<Policy> =
            all.into_iter().map(|(policy, _)| policy).filter(|policy| policy.path.starts_with(&path)).collect();
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    /// ListPolicyVersions, the newest first, and GetPolicyVersion.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn policy_versions(&self, arn: &str) -> Result<Vec<Version>, Error> {
        let arn = arn.to_owned();
        self.state
            .read(move |tx| {
                get(tx, &arn)?;
                versions(tx, &arn)
            })
            .await
    }

    /// CreatePolicyVersion.
    ///
    /// # Errors
    /// `NotFound`, `Malformed`, `Limit`.
    pub async fn create_policy_version(
        &self,
        arn: &str,
        document: String,
        is_standard: bool,
    ) -> Result<Version, Error> {
        name::check_document(&document, false, DOCUMENT_CHARS_MAX)?;
        let now_ms = self.clock.now_ms();
        self.change_policy(arn, move |tx, policy, newest| {
            if versions(tx, &policy.arn)?.len() >= VERSIONS_MAX {
                return Err(Error::Limit(format!(
                    "A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you must \
                     delete an existing version."
                )));
            }
            let number = newest + 1;
            add_version(tx, &policy.arn, number, &document, now_ms)?;
            let standard = if is_standard { number } else { policy.standard };
            tx.execute(
                "UPDATE iam_policy SET newest = ?2, standard = ?3, updated_ms = ?4 WHERE arn = ?1",
                params![&policy.arn, number, standard, now_ms],
            )?;
            Ok(Version { number, document, created_ms: now_ms })
        })
        .await
    }

    /// SetDefaultPolicyVersion.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_standard(&self, arn: &str, number: i64) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        self.change_policy(arn, move |tx, policy, _| {
            if !versions(tx, &policy.arn)?.iter().any(|version| version.number == number) {
                return Err(no_version(&policy.arn, number));
            }
            let sql = "UPDATE iam_policy SET standard = ?2, updated_ms = ?3 WHERE arn = ?1";
            tx.execute(sql, params![&policy.arn, number, now_ms])?;
            Ok(())
        })
        .await
    }

    /// DeletePolicyVersion.
    ///
    /// # Errors
    /// `NotFound`, `InUse` for the version that counts.
    pub async fn delete_policy_version(&self, arn: &str, number: i64) -> Result<(), Error> {
        self.change_policy(arn, move |tx, policy, _| {
            if policy.standard == number {
                return Err(Error::InUse("Cannot delete the default version of a policy."));
            }
            let sql = "DELETE FROM iam_policy_version WHERE arn = ?1 AND number = ?2";
            match tx.execute(sql, params![&policy.arn, number])? {
                0 => Err(no_version(&policy.arn, number)),
                _ => Ok(()),
            }
        })
        .await
    }

    /// DeletePolicy. As the service does, only one without further versions.
    ///
    /// # Errors
    /// `NotFound`, `InUse` while it is attached or has further versions.
    pub async fn delete_policy(&self, arn: &str) -> Result<(), Error> {
        self.change_policy(arn, move |tx, policy, _| {
            if policy.attached > 0 {
                return Err(Error::InUse("Cannot delete a policy attached to entities."));
            }
            if versions(tx, &policy.arn)?.len() > 1 {
                return Err(Error::InUse(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                     versions.",
                ));
            }
            tx.execute("DELETE FROM iam_policy_version WHERE arn = ?1", params![&policy.arn])?;
            tx.execute("DELETE FROM iam_policy WHERE arn = ?1", params![&policy.arn])?;
            Ok(())
        })
        .await
    }

    /// TagPolicy and UntagPolicy: a value of `None` removes the tag.
    ///
    /// # Errors
    /// `NotFound`, `Validation`, `Limit`.
    pub async fn tag_policy(&self, arn: &str, changes: Vec<(String, Option<String>)>) -> Result<(), Error> {
        self.change_policy(arn, move |tx, mut policy, _| {
            for (key, value) in changes {
                match value {
                    Some(value) => policy.tags.insert(key, value),
                    None => policy.tags.remove(&key),
                };
            }
            name::check_tags(&policy.tags)?;
            let tags = name::stored_tags(&policy.tags);
            tx.execute("UPDATE iam_policy SET tags = ?2 WHERE arn = ?1", params![&policy.arn, &tags])?;
            Ok(())
        })
        .await
    }

    /// ListEntitiesForPolicy: names and ids of the roles that have it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn roles_with(&self, arn: &str) -> Result<Vec<(String, String)>, Error> {
        let arn = arn.to_owned();
        let sql = "SELECT r.name, r.id FROM iam_attachment a JOIN iam_role r ON r.name = a.role WHERE a.arn = ?1
                   ORDER BY r.name";
        self.state
            .read(move |tx| tx.all(sql, params![&arn], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))))
            .await
    }

    async fn change_policy<T: Send + 'static>(
        &self,
        arn: &str,
        change: impl FnOnce(&Write<'_>, Policy, i64) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let arn = arn.to_owned();
        self.state
            .write(move |tx| {
                let (policy, newest) = get(tx, &arn)?;
                change(tx, policy, newest)
            })
            .await
    }
}

fn no_version(arn: &str, number: i64) -> Error {
    Error::NotFound(format!("Policy {arn} version v{number} does not exist or is not attachable."))
}
