//! How a request proves who sends it: basic, an API key, or an OAuth token fetched with client credentials.

use std::time::Duration;

use event::{Error, Kind};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::call;
use crate::endpoint::Endpoint;
use crate::parameters::Parameters;

/// A token is fetched anew this long before it ends.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a token counts that does not say.
const LIFE_DEFAULT: u64 = 3600;

/// The token of one connection, while it lasts.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<Option<Token>>);

struct Token {
    header: String,
    until: Instant,
    /// The parameters it was fetched with: with others it counts no more.
    parameters: Value,
}

impl Tokens {
    /// Adds what the connection asks for.
    ///
    /// # Errors
    /// `Conflict` when the connection is not complete; those of fetching a token.
    pub async fn authorize(
        &self,
        client: &Client,
        endpoint: &Endpoint,
        request: RequestBuilder,
    ) -> Result<RequestBuilder, Error> {
        let parameters = &endpoint.auth_parameters;
        let text = |path: &str| {
            parameters.pointer(path).and_then(Value::as_str).ok_or_else(|| {
                Error::new(
                    Kind::Conflict,
                    format!("the connection is not complete. member=`{}`", path.replace('/', ".")),
                )
            })
        };
        Ok(match endpoint.authorization_type.as_str() {
            "BASIC" => {
                request.basic_auth(text("/BasicAuthParameters/Username")?, Some(text("/BasicAuthParameters/Password")?))
            }
            "API_KEY" => {
                request.header(text("/ApiKeyAuthParameters/ApiKeyName")?, text("/ApiKeyAuthParameters/ApiKeyValue")?)
            }
            _ => request.header("authorization", self.token(client, parameters).await?),
        })
    }

    /// Forgets a token the endpoint has refused.
    pub async fn refused(&self) {
        *self.0.lock().await = None;
    }

    async fn token(&self, client: &Client, parameters: &Value) -> Result<String, Error> {
        let mut held = self.0.lock().await;
        if let Some(token) =
            held.as_ref().filter(|token| token.until > Instant::now() && token.parameters == *parameters)
        {
            return Ok(token.header.clone());
        }
        let (header, life) = fetch(client, parameters.get("OAuthParameters").unwrap_or(&Value::Null)).await?;
        let until = Instant::now() + Duration::from_secs(life).saturating_sub(MARGIN);
        *held = Some(Token { header: header.clone(), until, parameters: parameters.clone() });
        Ok(header)
    }
}

async fn fetch(client: &Client, parameters: &Value) -> Result<(String, u64), Error> {
    let text = |path: &str| parameters.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let more = Parameters::of_connection(parameters.get("OAuthHttpParameters").unwrap_or(&Value::Null));
    let mut form = vec![
        ("grant_type".to_owned(), "client_credentials".to_owned()),
        ("client_id".to_owned(), text("/ClientParameters/ClientID").to_owned()),
        ("client_secret".to_owned(), text("/ClientParameters/ClientSecret").to_owned()),
    ];
    form.extend(more.body.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())));
    let method: Method = text("/HttpMethod").parse().unwrap_or(Method::POST);
    let mut url = call::url(text("/AuthorizationEndpoint"), &[], &more.query)?;
    let request = if method == Method::GET {
        url.query_pairs_mut().extend_pairs(&form);
        client.get(url)
    } else {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
        client.request(method, url).header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    let request = more.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let answer = call::send(request).await?;
    let answer: Value = serde_json::from_slice(&answer)
        .map_err(|_| Error::new(Kind::Unavailable, "the authorization endpoint did not answer JSON"))?;
    let token = answer.get("access_token").and_then(Value::as_str);
    let token = token.ok_or_else(|| Error::new(Kind::Unavailable, "the authorization endpoint answered no token"))?;
    let life = answer.get("expires_in").and_then(|life| life.as_u64().or_else(|| life.as_str()?.parse().ok()));
    Ok((format!("Bearer {token}"), life.unwrap_or(LIFE_DEFAULT)))
}
