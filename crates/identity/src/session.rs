//! Temporary credentials: an access key id whose secret and token are made from the server's own secret, so that what is
//! kept of a session is who it is, until when, and what its policies will be enforced by.

mod known;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use state::params;

pub(crate) use self::known::Known;
use crate::{Error, Identities, Tags, name};

/// Sessions are told to have expired for a day; then they are unknown.
const KEPT_MS: i64 = 86_400_000;

/// What AssumeRole takes.
#[derive(Clone, Debug, Default)]
pub struct AssumeRole {
    pub role_arn: String,
    /// 2 to 64 characters.
    pub session: String,
    /// Seconds, 900 to what the role allows; 3,600 unless said.
    pub seconds: Option<i64>,
    pub external_id: Option<String>,
    pub policy: Option<String>,
    pub policy_arns: Vec<String>,
    pub tags: Tags,
}

/// A session and its credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub token: String,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, or the account's root.
    pub arn: String,
    /// `AROA...:SESSION`, or the account.
    pub user_id: String,
    /// Milliseconds since 1970.
    pub expires_ms: i64,
    pub is_expired: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("access_key_id", &self.access_key_id).field("arn", &self.arn).finish()
    }
}

/// Whose session it is.
struct Holder<'a> {
    name: &'a str,
    id: String,
    /// Whether it is a role of ours.
    is_kept: bool,
}

impl Identities {
    /// AssumeRole. Its policies are kept; the role's trust policy is not enforced yet.
    ///
    /// # Errors
    /// `Denied` when there is no such role, `Validation`, `Malformed`.
    pub async fn assume_role(&self, asked: AssumeRole) -> Result<Session, Error> {
        name::check_session(&asked.session)?;
        if let Some(policy) = &asked.policy {
            name::check_document(policy, false, 2_048)?;
        }
        name::check_tags(&asked.tags)?;
        let seconds = asked.seconds.unwrap_or(3_600);
        let prefix = format!("arn:aws:iam::{}:role/", self.account);
        let Some((_, role)) =
            asked.role_arn.strip_prefix(&prefix).map(|path| path.rsplit_once('/').unwrap_or(("", path)))
        else {
            return Err(self.not_authorized(&asked.role_arn));
        };
        let role = match self.role(role).await {
            Ok(role) if role.arn == asked.role_arn => role,
            Ok(_) | Err(Error::NotFound(_)) => return Err(self.not_authorized(&asked.role_arn)),
            Err(error) => return Err(error),
        };
        if !(900..=role.session_s_max).contains(&seconds) {
            return Err(Error::Validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role, or is less than 900."
                    .into(),
            ));
        }
        let context = json!({
            "role": role.arn, "externalId": asked.external_id, "policy": asked.policy, "policyArns": asked.policy_arns,
            "tags": asked.tags,
        });
        let holder = Holder { name: &role.name, id: role.id.clone(), is_kept: true };
        self.open_session(holder, &asked.session, seconds, context).await
    }

    /// A session of a service in a role, such as a function's. A role that is not kept here has a session all the same.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn service_session(&self, role_arn: &str, session: &str, seconds: i64) -> Result<Session, Error> {
        let role_name = role_arn.rsplit_once('/').map_or(role_arn, |(_, name)| name);
        let role = match self.role(role_name).await {
            Ok(role) => Holder { name: role_name, id: role.id, is_kept: true },
            Err(Error::NotFound(_)) => Holder { name: role_name, id: "AROAAAAAAAAAAAAAAAAA".into(), is_kept: false },
            Err(error) => return Err(error),
        };
        self.open_session(role, session, seconds, json!({ "role": role_arn })).await
    }

    /// GetSessionToken: a session of the account itself.
    ///
    /// # Errors
    /// `Validation` when `seconds` is not 900 to 129,600.
    pub async fn root_session(&self, seconds: i64) -> Result<Session, Error> {
        if !(900..=129_600).contains(&seconds) {
            return Err(Error::Validation("DurationSeconds must be 900 to 129600".into()));
        }
        let arn = format!("arn:aws:iam::{}:root", self.account);
        self.keep(arn, self.account.clone(), None, seconds, json!({})).await
    }

    /// The session of an access key.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn session(&self, access_key_id: &str) -> Result<Option<Session>, Error> {
        if !access_key_id.starts_with("ASIA") {
            return Ok(None);
        }
        let (key, now_ms) = (access_key_id.to_owned(), self.clock.now_ms());
        let lookup = match self.known.find(access_key_id, now_ms) {
            Ok(session) => return Ok(Some(session)),
            Err(lookup) => lookup,
        };
        let sql = "SELECT arn, user_id, expires_ms FROM sts_session WHERE access_key = ?1";
        let found = self
            .state
            .read(move |tx| {
                tx.first(sql, params![&key], |row| {
                    Ok::<_, Error>((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.int(2)?))
                })
            })
            .await?;
        let found = found.map(|(arn, user_id, expires)| self.credentials(access_key_id, arn, user_id, expires, now_ms));
        if let Some(session) = &found {
            self.known.keep(lookup, session);
        }
        Ok(found)
    }

    async fn open_session(
        &self,
        role: Holder<'_>,
        session: &str,
        seconds: i64,
        context: Value,
    ) -> Result<Session, Error> {
        let arn = format!("arn:aws:sts::{}:assumed-role/{}/{session}", self.account, role.name);
        let user_id = format!("{}:{session}", role.id);
        self.keep(arn, user_id, Some(role.id).filter(|_| role.is_kept), seconds, context).await
    }

    /// `role`: the id of a role that must still be there.
    async fn keep(
        &self,
        arn: String,
        user_id: String,
        role: Option<String>,
        seconds: i64,
        context: Value,
    ) -> Result<Session, Error> {
        let (key, now_ms) = (name::id("ASIA"), self.clock.now_ms());
        let expires_ms = now_ms.saturating_add(seconds.saturating_mul(1000));
        let session = self.credentials(&key, arn.clone(), user_id.clone(), expires_ms, now_ms);
        let is_kept = self.state.write(move |tx| {
            let sql = "SELECT 1 FROM iam_role WHERE id = ?1";
            // One that was deleted meanwhile took its sessions along.
            if let Some(role) = &role
                && tx.first(sql, params![role], |_| Ok::<_, Error>(()))?.is_none()
            {
                return Ok::<_, Error>(false);
            }
            tx.execute("DELETE FROM sts_session WHERE expires_ms < ?1", params![now_ms - KEPT_MS])?;
            tx.execute(
                "INSERT INTO sts_session (access_key, arn, user_id, expires_ms, context) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![&key, &arn, &user_id, expires_ms, &context.to_string()],
            )?;
            Ok(true)
        });
        if is_kept.await? { Ok(session) } else { Err(self.not_authorized(&session.arn)) }
    }

    fn credentials(&self, key: &str, arn: String, user_id: String, expires_ms: i64, now_ms: i64) -> Session {
        let secret = STANDARD.encode(self.derive("secret", key)).chars().take(40).collect();
        let token =
            format!("{}{}", STANDARD.encode(self.derive("token", key)), STANDARD.encode(self.derive("more", key)));
        let is_expired = now_ms >= expires_ms;
        let access_key_id = key.to_owned();
        Session { access_key_id, secret_access_key: secret, token, arn, user_id, expires_ms, is_expired }
    }

    fn derive(&self, purpose: &str, key: &str) -> Vec<u8> {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.root) else { return Vec::new() };
        mac.update(format!("watershed session {purpose} {key}").as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    fn not_authorized(&self, role: &str) -> Error {
        Error::Denied(format!(
            "User: arn:aws:iam::{}:root is not authorized to perform: sts:AssumeRole on resource: {role}",
            self.account
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use event::ManualClock;

    use super::*;
    use crate::NewRole;

    const TRUST: &str = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#;

    #[tokio::test]
    async fn a_session_is_known_until_it_expires_and_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let state = state::State::open(&state::Settings::new(dir.path().join("state.db").to_str().unwrap())).unwrap();
        let clock = Arc::new(ManualClock::at(1_000_000));
        let open = || Identities::open(state.clone(), clock.clone(), "000000000000", "root secret").unwrap();
        let identities = open();
        let role = NewRole { name: "reader".into(), trust: TRUST.into(), ..NewRole::default() };
        let role = identities.create_role(role).await.unwrap();
        let asked = AssumeRole {
            role_arn: role.arn.clone(),
            session: "me".into(),
            seconds: Some(900),
            ..AssumeRole::default()
        };
        let session = identities.assume_role(asked.clone()).await.unwrap();
        assert_eq!(session.arn, "arn:aws:sts::000000000000:assumed-role/reader/me");
        assert_eq!(session.user_id, format!("{}:me", role.id));
        assert!(!format!("{session:?}").contains(&session.secret_access_key));
        for identities in [open(), identities.clone(), identities.clone()] {
            assert_eq!(identities.session(&session.access_key_id).await.unwrap().unwrap(), session);
        }
        clock.advance_ms(900_000);
        assert!(identities.session(&session.access_key_id).await.unwrap().unwrap().is_expired);
        clock.advance_ms(2 * KEPT_MS);
        identities.assume_role(asked.clone()).await.unwrap();
        assert_eq!(identities.session(&session.access_key_id).await.unwrap(), None);
        for (seconds, role_arn) in [(Some(899), role.arn.clone()), (Some(3_601), role.arn.clone())] {
            let error = identities.assume_role(AssumeRole { seconds, role_arn, ..asked.clone() }).await.unwrap_err();
            assert_eq!(error.code().1, "ValidationError");
        }
        let nobody = AssumeRole { role_arn: format!("{}x", role.arn), ..asked };
        assert_eq!(identities.assume_role(nobody).await.unwrap_err().code().1, "AccessDenied");
    }

    #[tokio::test]
    async fn a_session_ends_with_its_role_and_no_other_does() {
        let dir = tempfile::tempdir().unwrap();
        let state = state::State::open(&state::Settings::new(dir.path().join("state.db").to_str().unwrap())).unwrap();
        let clock = Arc::new(ManualClock::at(1_000_000));
        let identities = Identities::open(state, clock, "000000000000", "root secret").unwrap();
        let mut keys = Vec::new();
        for name in ["reader", "writer"] {
            let role = NewRole { name: name.into(), trust: TRUST.into(), ..NewRole::default() };
            let role = identities.create_role(role).await.unwrap();
            let session = identities.service_session(&role.arn, "me", 900).await.unwrap();
            assert!(identities.session(&session.access_key_id).await.unwrap().is_some());
            keys.push(session.access_key_id);
        }
        let gone = identities.role("reader").await.unwrap();
        identities.delete_role("reader").await.unwrap();
        assert_eq!(identities.session(&keys[0]).await.unwrap(), None);
        let holder = Holder { name: &gone.name, id: gone.id.clone(), is_kept: true };
        let late = identities.open_session(holder, "me", 900, json!({})).await;
        assert_eq!(late.unwrap_err().code().1, "AccessDenied", "a session that was asked for before its role went");
        assert!(identities.session(&keys[1]).await.unwrap().is_some());
    }
}
