//! A bearer token: a JWT (RFC 7519) signed with RS256, RS384, ES256 or ES384 (RFC 7518), read and verified.
//!
//! Nothing else is taken: neither `none` nor a shared secret, nor a token with critical headers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Map, Value};

/// How far the issuer's clock may be from ours, in seconds.
const LEEWAY_S: f64 = 60.0;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Rs384,
    Es256,
    Es384,
}

impl Algorithm {
    pub fn by_name(name: &str) -> Option<Algorithm> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "RS384" => Some(Algorithm::Rs384),
            "ES256" => Some(Algorithm::Es256),
            "ES384" => Some(Algorithm::Es384),
            _ => None,
        }
    }
}

/// A public key of an issuer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub id: Option<String>,
    /// The only algorithm it is for, where it tells one.
    algorithm: Option<Algorithm>,
    parts: Parts,
}

#[derive(Clone, Debug, PartialEq)]
enum Parts {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
}

impl Key {
    /// Reads a JWK (RFC 7517); nothing of one that is not for these signatures.
    pub fn of(jwk: &Value) -> Option<Key> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let algorithm = match text("alg") {
            Some(name) => Some(Algorithm::by_name(name)?),
            None => None,
        };
        let point = |length: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == length && y.len() == length).then(|| [&[4][..], &x, &y].concat())
        };
        let parts = match (text("kty")?, text("crv")) {
            ("RSA", _) => Parts::Rsa { n: bytes("n")?, e: bytes("e")? },
            ("EC", Some("P-256")) => Parts::P256(point(32)?),
            ("EC", Some("P-384")) => Parts::P384(point(48)?),
            _ => return None,
        };
        Some(Key { id: text("kid").map(str::to_owned), algorithm, parts })
    }

    /// Whether it may have made such a signature.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        let is_kind = matches!(
            (&self.parts, algorithm),
            (Parts::Rsa { .. }, Algorithm::Rs256 | Algorithm::Rs384)
                | (Parts::P256(_), Algorithm::Es256)
                | (Parts::P384(_), Algorithm::Es384)
        );
        is_kind && self.algorithm.is_none_or(|only| only == algorithm)
    }

    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let verified = match (&self.parts, algorithm) {
            (Parts::Rsa { n, e }, Algorithm::Rs256) => {
                RsaPublicKeyComponents { n, e }.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Parts::Rsa { n, e }, Algorithm::Rs384) => {
                RsaPublicKeyComponents { n, e }.verify(&signature::RSA_PKCS1_2048_8192_SHA384, message, signature)
            }
            (Parts::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Parts::P384(point), Algorithm::Es384) => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
            }
            _ => return false,
        };
        verified.is_ok()
    }
}

/// A token as it says it is, not yet verified.
pub(super) struct Token<'a> {
    pub algorithm: Algorithm,
    pub key_id: Option<String>,
    /// Header and claims as they were signed.
    message: &'a str,
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

impl<'a> Token<'a> {
    /// # Errors
    /// In words, when this is no token that can be verified.
    pub fn read(text: &'a str) -> Result<Token<'a>, &'static str> {
        let no_token = "the token is no JWT";
        let (message, signature) = text.rsplit_once('.').ok_or(no_token)?;
        let (header, claims) = message.split_once('.').ok_or(no_token)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| no_token);
        let object = |part: &str| serde_json::from_slice::<Map<String, Value>>(&decoded(part)?).map_err(|_| no_token);
        let header = object(header)?;
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::by_name);
        let algorithm = algorithm.ok_or("the token's alg is not RS256, RS384, ES256 or ES384")?;
        if header.contains_key("crit") {
            return Err("the token has critical headers");
        }
        let key_id = header.get("kid").and_then(Value::as_str).map(str::to_owned);
        Ok(Token { algorithm, key_id, message, signature: decoded(signature)?, claims: object(claims)? })
    }

    /// The claims, once signature, times, issuer and audience are what they must be.
    ///
    /// # Errors
    /// In words, which of them is not.
    pub fn verify(
        self,
        key: &Key,
        now_ms: i64,
        issuer: &str,
        is_audience: impl Fn(&str) -> bool,
    ) -> Result<Claims, &'static str> {
        if !key.verifies(self.algorithm, self.message.as_bytes(), &self.signature) {
            return Err("the token's signature is not the issuer's");
        }
        if self.claims.get("iss").and_then(Value::as_str) != Some(issuer) {
            return Err("the token is of another issuer");
        }
        let claims = Claims(self.claims);
        claims.check(now_ms, is_audience)?;
        Ok(claims)
    }
}

/// What a verified token says.
#[derive(Debug)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub fn of(claims: Map<String, Value>) -> Claims {
        Claims(claims)
    }

    /// # Errors
    /// In words, when they are not for now, or not for this audience.
    pub fn check(&self, now_ms: i64, is_audience: impl Fn(&str) -> bool) -> Result<(), &'static str> {
        let number = |name: &str| self.0.get(name).map(|value| value.as_f64().ok_or("a token's time is a number"));
        let now_s = now_ms as f64 / 1000.0;
        let expires = number("exp").ok_or("the token has no exp")??;
        if now_s > expires + LEEWAY_S {
            return Err("the token is expired");
        }
        if number("nbf").transpose()?.is_some_and(|from| now_s < from - LEEWAY_S) {
            return Err("the token is not valid yet");
        }
        if !self.texts("aud").into_iter().any(is_audience) {
            return Err("the token is for another audience");
        }
        Ok(())
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A text, or a list of them.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// `scope` as RFC 8693 has it, or `scp` as some issuers write it.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let scopes = self.texts("scope");
        let scopes = if scopes.is_empty() { self.texts("scp") } else { scopes };
        scopes.into_iter().flat_map(str::split_whitespace)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_token_is_refused() {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let (header, claims) = (part(json!({"alg": "ES256"})), part(json!({})));
        let critical = part(json!({"alg": "ES256", "crit": ["b64"], "b64": false}));
        for text in [
            String::new(),
            "..".into(),
            "a.b.c".into(),
            format!("{header}.{claims}"),
            format!("{header}.{claims}.="),
            format!("{header}.{header}.{claims}."),
            format!("{critical}.{claims}."),
            format!("{}.{claims}.", part(json!({"alg": "none"}))),
            format!("{}.{claims}.", part(json!({"alg": "HS256"}))),
            format!("{}.{claims}.", part(json!({"alg": ["ES256"]}))),
            format!("{header}.{}.", part(json!([]))),
        ] {
            assert!(Token::read(&text).is_err(), "{text}");
        }
        assert!(Token::read(&format!("{header}.{claims}.")).is_ok());
    }

    #[test]
    fn keys_that_are_none_verify_nothing() {
        let short = URL_SAFE_NO_PAD.encode([1; 31]);
        let whole = URL_SAFE_NO_PAD.encode([1; 32]);
        for jwk in [
            json!({}),
            json!({"kty": "oct", "k": whole}),
            json!({"kty": "EC", "crv": "P-256", "x": short, "y": whole}),
            json!({"kty": "EC", "crv": "P-521", "x": whole, "y": whole}),
            json!({"kty": "RSA", "n": whole}),
            json!({"kty": "RSA", "n": whole, "e": "AQAB", "use": "enc"}),
            json!({"kty": "RSA", "n": whole, "e": "AQAB", "alg": "PS256"}),
        ] {
            assert_eq!(Key::of(&jwk), None, "{jwk}");
        }
        // Numbers that are no key, and one too short to be safe.
        for (jwk, algorithm) in [
            (json!({"kty": "EC", "crv": "P-256", "x": whole, "y": whole}), Algorithm::Es256),
            (json!({"kty": "RSA", "n": "", "e": ""}), Algorithm::Rs256),
            (json!({"kty": "RSA", "n": whole, "e": "AQAB"}), Algorithm::Rs384),
        ] {
            let key = Key::of(&jwk).expect("a key");
            assert!(key.fits(algorithm) && !key.verifies(algorithm, b"message", &[0; 64]), "{jwk}");
        }
    }
}
