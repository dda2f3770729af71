//! The public keys of issuers, fetched from their `jwks_uri`, kept for a while, fetched again for a key that is not among them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event::Clock;
use reqwest::{Client, Url, redirect};
use serde_json::Value;

use super::token::{Algorithm, Key};

/// How long an issuer may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a key set.
const SET_BYTES_MAX: usize = 256 << 10;
/// Keys of a set.
const KEYS_MAX: usize = 100;
/// Issuers whose keys are kept.
const ISSUERS_MAX: usize = 1000;
/// How long keys count as fresh: a key that was withdrawn is refused after it.
const FRESH_MS: i64 = 10 * 60 * 1000;
/// How long keys count while their issuer does not answer.
const STALE_MS: i64 = 60 * 60 * 1000;
/// An issuer is asked no more often, whatever tokens say.
const ASK_EVERY_MS: i64 = 5 * 1000;

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The issuer does not have it.
    Unknown,
    /// The issuer's keys could not be fetched.
    Unreachable,
}

/// Key sets by their URL.
pub(super) struct KeySets {
    client: Client,
    clock: Arc<dyn Clock>,
    sets: Mutex<HashMap<String, Arc<KeySet>>>,
}

#[derive(Default)]
struct KeySet {
    known: Mutex<Known>,
    /// One asks, the others wait for what it brings.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct Known {
    keys: Arc<Vec<Key>>,
    fetched_ms: Option<i64>,
    asked_ms: Option<i64>,
}

impl Known {
    /// The key with this id; without one, the only key that fits.
    fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Key> {
        let mut fitting = self.keys.iter().filter(|key| key.fits(algorithm));
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)).cloned(),
            None => fitting.next().filter(|_| fitting.next().is_none()).cloned(),
        }
    }

    fn is_younger(&self, age_ms: i64, now_ms: i64) -> bool {
        self.fetched_ms.is_some_and(|fetched_ms| now_ms - fetched_ms < age_ms)
    }
}

impl KeySets {
    /// # Errors
    /// When the TLS roots of this machine cannot be read.
    pub fn new(clock: Arc<dyn Clock>) -> Result<KeySets, reqwest::Error> {
        let agent = concat!("watershed/", env!("CARGO_PKG_VERSION"));
        let client = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).user_agent(agent).build()?;
        Ok(KeySets { client, clock, sets: Mutex::default() })
    }

    /// The key a token names.
    ///
    /// # Errors
    /// When there is none, and why.
    pub async fn find(&self, uri: &str, id: Option<&str>, algorithm: Algorithm) -> Result<Key, Missing> {
        let set = self.set(uri);
        let found = |known: &Known, now_ms| {
            let is_fresh = known.is_younger(FRESH_MS, now_ms);
            known.key(id, algorithm).filter(|_| is_fresh)
        };
        if let Some(key) = found(&set.read(), self.clock.now_ms()) {
            return Ok(key);
        }
        let _asking = set.asking.lock().await;
        // Whoever asked before may have brought it.
        let now_ms = self.clock.now_ms();
        let known = set.read();
        if let Some(key) = found(&known, now_ms) {
            return Ok(key);
        }
        let may_ask = known.asked_ms.is_none_or(|asked_ms| now_ms - asked_ms >= ASK_EVERY_MS);
        if may_ask {
            let fetched = fetch(&self.client, uri).await;
            let mut known = set.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.asked_ms = Some(now_ms);
            match fetched {
                Ok(keys) => {
                    known.keys = Arc::new(keys);
                    known.fetched_ms = Some(now_ms);
                }
                Err(reason) => tracing::warn!(reason, "the keys of an issuer could not be fetched"),
            }
        }
        let known = set.read();
        match known.key(id, algorithm) {
            _ if !known.is_younger(STALE_MS, now_ms) => Err(Missing::Unreachable),
            Some(key) => Ok(key),
            None => Err(Missing::Unknown),
        }
    }

    fn set(&self, uri: &str) -> Arc<KeySet> {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.len() >= ISSUERS_MAX && !sets.contains_key(uri) {
            sets.clear();
        }
        sets.entry(uri.to_owned()).or_default().clone()
    }
}

impl KeySet {
    fn read(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An issuer's keys, as far as they are for signatures that we take.
async fn fetch(client: &Client, uri: &str) -> Result<Vec<Key>, &'static str> {
    let url = url(uri).ok_or("jwks_uri is neither https nor on this machine")?;
    let unreachable = |_: reqwest::Error| "it did not answer";
    let mut response = client.get(url).send().await.map_err(unreachable)?;
    if !response.status().is_success() {
        return Err("it answered with an error");
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > SET_BYTES_MAX {
            return Err("its answer is too long");
        }
        body.extend_from_slice(&chunk);
    }
    let set: Value = serde_json::from_slice(&body).map_err(|_| "its answer is no JSON")?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or("its answer has no keys")?;
    Ok(keys.iter().take(KEYS_MAX).filter_map(Key::of).collect())
}

/// HTTPS, or HTTP on this machine.
fn url(uri: &str) -> Option<Url> {
    let url = Url::parse(uri).ok()?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    (url.scheme() == "https" || (url.scheme() == "http" && is_here)).then_some(url)
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_come_by_https_or_from_this_machine() {
        for (uri, is_taken) in [
            ("https://idp.example.org/keys", true),
            ("http://127.0.0.1:8080/keys", true),
            ("http://localhost/keys", true),
            ("http://[::1]:1/keys", true),
            ("http://idp.example.org/keys", false),
            ("http://127.0.0.1.example.org/keys", false),
            ("http://10.0.0.1/keys", false),
            ("file:///etc/passwd", false),
            ("keys", false),
        ] {
            assert_eq!(super::url(uri).is_some(), is_taken, "{uri}");
        }
    }
}
