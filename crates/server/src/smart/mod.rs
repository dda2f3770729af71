//! SMART on FHIR: bearer tokens of a datastore's identity provider beside signed requests (hl7.org/fhir/smart-app-launch).
//!
//! [`Smart::caller`] turns a token into who asks and what they may do; what that means for each interaction is the business of
//! crate `datastore`. Tokens of backend services are no different: their scopes have the context `system`.

mod function;
mod keys;
mod provider;
mod scope;
mod token;

use std::sync::Arc;

use ::function::Functions;
use datastore::{Access, Caller, Datastore};
use event::Clock;
use http::header;
use http::request::Parts;

use crate::AwsError;
use keys::{KeySets, Missing};
use token::{Claims, Token};

pub(crate) use provider::Provider;

/// Characters of a caller's name in the audit log.
const NAME_CHARS_MAX: usize = 200;

/// What is kept of identity providers. Made once by the binary.
pub struct Smart {
    keys: KeySets,
    clock: Arc<dyn Clock>,
}

impl Smart {
    /// `clock` is the one that tokens are checked against: the machine's.
    ///
    /// # Errors
    /// When the TLS roots of this machine cannot be read.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Smart, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Smart { keys: KeySets::new(clock.clone())?, clock })
    }

    /// Who sends a token, once it is verified.
    ///
    /// # Errors
    /// 401 when the datastore does not take it, 503 when that cannot be told because the issuer does not answer.
    pub(crate) async fn caller(
        &self,
        functions: &Functions,
        datastore: &Datastore,
        head: &Parts,
        text: &str,
    ) -> Result<Caller, AwsError> {
        let provider = Provider::of(datastore).ok_or_else(|| refused("the datastore takes no tokens"))?;
        let claims = match &provider.function {
            // Whatever looks like a JWT is verified here, where it can be.
            Some(arn) if text.split('.').count() != 3 || provider.text("jwks_uri").is_none() => {
                let claims = function::ask(functions, arn, datastore, head, text).await?;
                let is_audience = |audience: &str| provider.is_audience(&datastore.id, audience);
                claims.check(self.clock.now_ms(), is_audience).map_err(refused)?;
                claims
            }
            _ => self.verified(&provider, datastore, text).await?,
        };
        let grants = scope::grants(claims.scopes(), claims.text("patient"), provider.versions);
        Ok(Caller { name: name(&claims).into(), access: Access::Granted(grants.into()), ..Caller::default() })
    }

    /// The claims of a token that the issuer signed.
    async fn verified(&self, provider: &Provider, datastore: &Datastore, text: &str) -> Result<Claims, AwsError> {
        let token = Token::read(text).map_err(refused)?;
        let (issuer, uri) = provider
            .text("issuer")
            .zip(provider.text("jwks_uri"))
            .ok_or_else(|| refused("the datastore's identity provider has no issuer or no jwks_uri"))?;
        let key = self.keys.find(uri, token.key_id.as_deref(), token.algorithm).await;
        let key = key.map_err(|missing| match missing {
            Missing::Unknown => refused("the token's key is not among the issuer's"),
            Missing::Unreachable => {
                AwsError::new(503, "ServiceUnavailable", "the keys of the token's issuer could not be fetched")
            }
        })?;
        let is_audience = |audience: &str| provider.is_audience(&datastore.id, audience);
        token.verify(&key, self.clock.now_ms(), issuer, is_audience).map_err(refused)
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(head: &Parts) -> Option<&str> {
    let value = head.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// 401, in the words of RFC 6750.
pub(crate) fn refused(reason: &str) -> AwsError {
    AwsError::new(401, "invalid_token", reason)
}

/// The client, and whom it acts for.
fn name(claims: &Claims) -> String {
    let client = ["client_id", "azp", "cid"].iter().find_map(|name| claims.text(name));
    let subject = ["sub", "uid"].iter().find_map(|name| claims.text(name));
    let name = match (client, subject) {
        (Some(client), Some(subject)) if client != subject => format!("{client}/{subject}"),
        (one, other) => one.or(other).unwrap_or("unnamed").to_owned(),
    };
    name.chars().take(NAME_CHARS_MAX).collect()
}
