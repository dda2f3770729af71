//! Roles, their inline policies and their attachments.

use state::{Read, Row, Write, params};

use crate::{Error, Identities, Tags, name};

const NAME_CHARS_MAX: usize = 64;
const TRUST_CHARS_MAX: usize = 4_096;
const INLINE_CHARS_MAX: usize = 10_240;
const ATTACHED_MAX: usize = 20;
/// Seconds a session of a role may last at most, and what roles have unless they say otherwise.
const SESSION_S: std::ops::RangeInclusive<i64> = 3_600..=43_200;

/// A role as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub name: String,
    /// `AROA...`
    pub id: String,
    /// Begins and ends with a slash.
    pub path: String,
    pub arn: String,
    /// The policy that says who may assume it, as it came.
    pub trust: String,
    pub description: Option<String>,
    /// Seconds, 3,600 to 43,200.
    pub session_s_max: i64,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    pub tags: Tags,
}

/// A role to be created.
#[derive(Clone, Debug, Default)]
pub struct NewRole {
    pub name: String,
    pub path: Option<String>,
    pub trust: String,
    pub description: Option<String>,
    pub session_s_max: Option<i64>,
    pub tags: Tags,
}

const COLUMNS: &str = "name, id, path, trust, description, session_s_max, created_ms, tags";

fn role(row: &Row<'_>, account: &str) -> Result<Role, Error> {
    let (name, path) = (row.text(0)?.to_owned(), row.text(2)?.to_owned());
    Ok(Role {
        id: row.text(1)?.to_owned(),
        arn: format!("arn:aws:iam::{account}:role{path}{name}"),
        trust: row.text(3)?.to_owned(),
        description: row.text_opt(4)?.map(str::to_owned),
        session_s_max: row.int(5)?,
        created_ms: row.int(6)?,
        tags: name::parsed_tags(&name, row.text(7)?)?,
        name,
        path,
    })
}

pub(crate) fn get(tx: &Read<'_>, name: &str, account: &str) -> Result<Role, Error> {
    let sql = format!("SELECT {COLUMNS} FROM iam_role WHERE name = ?1");
    tx.first(&sql, params![name], |row| role(row, account))?.ok_or_else(|| Error::no_role(name))
}

fn check_session(seconds: i64) -> Result<(), Error> {
    match SESSION_S.contains(&seconds) {
        true => Ok(()),
        false => Err(Error::Validation("MaxSessionDuration must be 3600 to 43200 seconds".into())),
    }
}

impl Identities {
    /// CreateRole.
    ///
    /// # Errors
    /// `Validation`, `Malformed`, `Exists`.
    pub async fn create_role(&self, new: NewRole) -> Result<Role, Error> {
        let path = new.path.unwrap_or_else(|| "/".into());
        let session_s_max = new.session_s_max.unwrap_or(*SESSION_S.start());
        name::check("roleName", &new.name, NAME_CHARS_MAX)?;
        name::check_path(&path)?;
        name::check_document(&new.trust, true, TRUST_CHARS_MAX)?;
        name::check_tags(&new.tags)?;
        check_session(session_s_max)?;
        let (account, now_ms, id) = (self.account.clone(), self.clock.now_ms(), name::id("AROA"));
        self.state
            .write(move |tx| {
                let added = tx.execute(
                    "INSERT INTO iam_role (name, id, path, trust, description, session_s_max, created_ms, tags)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (name) DO NOTHING",
                    params![
                        &new.name,
                        &id,
                        &path,
                        &new.trust,
                        new.description.as_deref(),
                        session_s_max,
                        now_ms,
                        &name::stored_tags(&new.tags)
                    ],
                )?;
                match added {
                    0 => Err(Error::Exists(format!("Role with name {} already exists.", new.name))),
                    _ => get(tx, &new.name, &account),
                }
            })
            .await
    }

    /// GetRole.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn role(&self, name: &str) -> Result<Role, Error> {
        let (name, account) = (name.to_owned(), self.account.clone());
        self.state.read(move |tx| get(tx, &name, &account)).await
    }

    /// ListRoles: those under a path, behind `after` by name, at most `limit`, and whether there are more.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn roles(&self, path: &str, after: &str, limit: usize) -> Result<(Vec<Role>, bool), Error> {
        let (path, after, account) = (path.to_owned(), after.to_owned(), self.account.clone());
        let sql = format!("SELECT {COLUMNS} FROM iam_role WHERE name > ?1 ORDER BY name");
        let roles = self.state.read(move |tx| tx.all(&sql, params![&after], |row| role(row, &account))).await?;
        let mut roles: Vec<Role> = roles.into_iter().filter(|role| role.path.starts_with(&path)).collect();
        let more = roles.len() > limit;
        roles.truncate(limit);
        Ok((roles, more))
    }

    /// UpdateRole: what is `None` stays.
    ///
    /// # Errors
    /// `NotFound`, `Validation`.
    pub async fn update_role(
        &self,
        name: &str,
        description: Option<String>,
        session_s_max: Option<i64>,
    ) -> Result<(), Error> {
        session_s_max.map_or(Ok(()), check_session)?;
        self.change(name, move |tx, role| {
            tx.execute(
                "UPDATE iam_role SET description = ?2, session_s_max = ?3 WHERE name = ?1",
                params![
                    &role.name,
                    description.or(role.description).as_deref(),
                    session_s_max.unwrap_or(role.session_s_max)
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// UpdateAssumeRolePolicy.
    ///
    /// # Errors
    /// `NotFound`, `Malformed`.
    pub async fn set_trust(&self, name: &str, trust: String) -> Result<(), Error> {
        name::check_document(&trust, true, TRUST_CHARS_MAX)?;
        self.change(name, move |tx, role| {
            tx.execute("UPDATE iam_role SET trust = ?2 WHERE name = ?1", params![&role.name, &trust])?;
            Ok(())
        })
        .await
    }

    /// TagRole and UntagRole: a value of `None` removes the tag.
    ///
    /// # Errors
    /// `NotFound`, `Validation`, `Limit`.
    pub async fn tag_role(&self, name: &str, changes: Vec<(String, Option<String>)>) -> Result<(), Error> {
        self.change(name, move |tx, mut role| {
            for (key, value) in changes {
                match value {
                    Some(value) => role.tags.insert(key, value),
                    None => role.tags.remove(&key),
                };
            }
            name::check_tags(&role.tags)?;
            let tags = name::stored_tags(&role.tags);
            tx.execute("UPDATE iam_role SET tags = ?2 WHERE name = ?1", params![&role.name, &tags])?;
            Ok(())
        })
        .await
    }

    /// DeleteRole. Its sessions end with it.
    ///
    /// # Errors
    /// `NotFound`, `InUse` while it has policies.
    pub async fn delete_role(&self, name: &str) -> Result<(), Error> {
        let known = self.known.clone();
        let ended = self.change(name, move |tx, role| {
            let any = |sql: &str| Ok::<_, Error>(tx.first(sql, params![&role.name], |_| Ok::<_, Error>(()))?.is_some());
            if any("SELECT 1 FROM iam_attachment WHERE role = ?1")? {
                return Err(Error::InUse("Cannot delete entity, must detach all policies first."));
            }
            if any("SELECT 1 FROM iam_role_policy WHERE role = ?1")? {
                return Err(Error::InUse("Cannot delete entity, must delete policies first."));
            }
            tx.execute("DELETE FROM iam_role WHERE name = ?1", params![&role.name])?;
            // User ids are `ID:SESSION`, and `;` follows `:`.
            let (first, end) = (format!("{}:", role.id), format!("{};", role.id));
            tx.execute("DELETE FROM sts_session WHERE user_id >= ?1 AND user_id < ?2", params![&first, &end])?;
            Ok(known.ended())
        });
        ended.await.map(drop)
    }

    /// PutRolePolicy.
    ///
    /// # Errors
    /// `NotFound`, `Validation`, `Malformed`, `Limit`.
    pub async fn put_role_policy(&self, role: &str, policy: String, document: String) -> Result<(), Error> {
        name::check("policyName", &policy, 128)?;
        name::check_document(&document, false, INLINE_CHARS_MAX)?;
        self.change(role, move |tx, role| {
            tx.execute(
                "INSERT INTO iam_role_policy (role, name, document) VALUES (?1, ?2, ?3)
                 ON CONFLICT (role, name) DO UPDATE SET document = excluded.document",
                params![&role.name, &policy, &document],
            )?;
            Ok(())
        })
        .await
    }

    /// ListRolePolicies and GetRolePolicy: names and documents.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn role_policies(&self, role: &str) -> Result<Vec<(String, String)>, Error> {
        self.of_role(role, "SELECT name, document FROM iam_role_policy WHERE role = ?1 ORDER BY name", |row| {
            Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))
        })
        .await
    }

    /// DeleteRolePolicy.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_role_policy(&self, role: &str, policy: String) -> Result<(), Error> {
        self.change(role, move |tx, role| {
            let sql = "DELETE FROM iam_role_policy WHERE role = ?1 AND name = ?2";
            match tx.execute(sql, params![&role.name, &policy])? {
                0 => Err(Error::NotFound(format!("The role policy with name {policy} cannot be found."))),
                _ => Ok(()),
            }
        })
        .await
    }

    /// AttachRolePolicy. Policies of AWS are attached by their ARN whatever their name.
    ///
    /// # Errors
    /// `NotFound`, `Limit`.
    pub async fn attach(&self, role: &str, arn: String) -> Result<(), Error> {
        self.change(role, move |tx, role| {
            if !arn.starts_with("arn:aws:iam::aws:policy/") {
                let known =
                    tx.first("SELECT 1 FROM iam_policy WHERE arn = ?1", params![&arn], |_| Ok::<_, Error>(()))?;
                known.ok_or_else(|| Error::no_policy(&arn))?;
            }
            let sql = "INSERT INTO iam_attachment (role, arn) VALUES (?1, ?2) ON CONFLICT (role, arn) DO NOTHING";
            tx.execute(sql, params![&role.name, &arn])?;
            let attached =
                tx.all("SELECT arn FROM iam_attachment WHERE role = ?1", params![&role.name], |_| Ok::<_, Error>(()))?;
            match attached.len() > ATTACHED_MAX {
                true => Err(Error::Limit(format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED_MAX}"))),
                false => Ok(()),
            }
        })
        .await
    }

    /// DetachRolePolicy.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn detach(&self, role: &str, arn: String) -> Result<(), Error> {
        self.change(role, move |tx, role| {
            let sql = "DELETE FROM iam_attachment WHERE role = ?1 AND arn = ?2";
            match tx.execute(sql, params![&role.name, &arn])? {
                0 => Err(Error::NotFound(format!("Policy {arn} was not found."))),
                _ => Ok(()),
            }
        })
        .await
    }

    /// ListAttachedRolePolicies: ARNs.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn attached(&self, role: &str) -> Result<Vec<String>, Error> {
        self.of_role(role, "SELECT arn FROM iam_attachment WHERE role = ?1 ORDER BY arn", |row| {
            Ok(row.text(0)?.to_owned())
        })
        .await
    }

    async fn of_role<T: Send + 'static>(
        &self,
        role: &str,
        sql: &'static str,
        row: fn(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let (role, account) = (role.to_owned(), self.account.clone());
        self.state
            .read(move |tx| {
                get(tx, &role, &account)?;
                tx.all(sql, params![&role], row)
            })
            .await
    }

    async fn change<T: Send + 'static>(
        &self,
        name: &str,
        change: impl FnOnce(&Write<'_>, Role) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (name, account) = (name.to_owned(), self.account.clone());
        self.state
            .write(move |tx| {
                let role = get(tx, &name, &account)?;
                change(tx, role)
            })
            .await
    }
}
