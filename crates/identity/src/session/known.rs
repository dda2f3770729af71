//! Sessions looked up before, so that a signed call of a function costs no read of the state.
//!
//! What is kept of a session never changes while it is there, so only its end matters: it goes with its role, which
//! [`Known::ended`] is told of, or a day after it expired, when it is looked up in the state again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{KEPT_MS, Session};

/// Sessions remembered; one more makes room by forgetting all.
const SESSIONS_MAX: usize = 4_096;

#[derive(Default)]
pub(crate) struct Known(Mutex<Sessions>);

#[derive(Default)]
struct Sessions {
    by_key: HashMap<String, Session>,
    /// How often all were forgotten.
    forgotten: u64,
}

/// A lookup that went to the state. It is worth nothing when sessions were forgotten meanwhile.
#[derive(Debug)]
pub(super) struct Lookup(u64);

impl Known {
    /// The session as it is now, or the lookup to hand to [`Known::keep`].
    pub(super) fn find(&self, access_key_id: &str, now_ms: i64) -> Result<Session, Lookup> {
        let sessions = self.lock();
        match sessions.by_key.get(access_key_id) {
            Some(session) if now_ms <= session.expires_ms.saturating_add(KEPT_MS) => {
                Ok(Session { is_expired: now_ms >= session.expires_ms, ..session.clone() })
            }
            _ => Err(Lookup(sessions.forgotten)),
        }
    }

    pub(super) fn keep(&self, lookup: Lookup, session: &Session) {
        let mut sessions = self.lock();
        if lookup.0 != sessions.forgotten {
            return;
        }
        if sessions.by_key.len() >= SESSIONS_MAX {
            sessions.by_key.clear();
        }
        sessions.by_key.insert(session.access_key_id.clone(), session.clone());
    }

    /// What a transaction that removes sessions answers: all are forgotten when this is dropped, which is after the
    /// commit, also when nobody waits for the answer any more.
    pub(crate) fn ended(self: Arc<Self>) -> Ended {
        Ended(self)
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Ended(Arc<Known>);

impl Drop for Ended {
    fn drop(&mut self) {
        let mut sessions = self.0.lock();
        sessions.by_key.clear();
        sessions.forgotten += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(key: &str) -> Session {
        Session {
            access_key_id: key.into(),
            secret_access_key: String::new(),
            token: String::new(),
            arn: String::new(),
            user_id: String::new(),
            expires_ms: 1_000,
            is_expired: false,
        }
    }

    #[test]
    fn a_lookup_that_began_before_sessions_went_is_not_kept() {
        let known = Arc::new(Known::default());
        let early = known.find("a", 0).unwrap_err();
        drop(known.clone().ended());
        known.keep(early, &session("a"));
        let lookup = known.find("a", 0).unwrap_err();
        known.keep(lookup, &session("a"));
        assert!(!known.find("a", 999).unwrap().is_expired);
        assert!(known.find("a", 1_000).unwrap().is_expired);
        assert!(known.find("a", 1_001 + KEPT_MS).is_err(), "the state may not have it any more");
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let known = Known::default();
        for number in 0..=SESSIONS_MAX {
            let key = number.to_string();
            let lookup = known.find(&key, 0).unwrap_err();
            known.keep(lookup, &session(&key));
        }
        assert_eq!(known.lock().by_key.len(), 1);
    }
}
