//! Connections: how HTTP endpoints are authorized. What is secret is kept and never shown.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use state::Read;

use super::Buses;
use crate::resource::{self, Listing, Page, Resource};
use crate::{Error, constraint};

const TYPES: [&str; 3] = ["BASIC", "OAUTH_CLIENT_CREDENTIALS", "API_KEY"];

/// A connection, by the member names of the wire.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Connection {
    pub name: String,
    /// The last part of its ARN.
    pub id: String,
    pub description: Option<String>,
    pub authorization_type: String,
    /// With secrets; see [`Connection::shown`].
    auth_parameters: Value,
    pub invocation_connectivity_parameters: Option<Value>,
    pub kms_key_identifier: Option<String>,
    /// `AUTHORIZED` or `DEAUTHORIZED`.
    pub state: String,
    pub created_ms: i64,
    pub modified_ms: i64,
    pub authorized_ms: i64,
}

impl std::fmt::Debug for Connection {
    // Its parameters hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection {{ name: {}, authorization_type: {} }}", self.name, self.authorization_type)
    }
}

impl Resource for Connection {
    const KIND: &'static str = "connection";
}

/// Input of `CreateConnection`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateConnection {
    pub name: String,
    pub description: Option<String>,
    pub authorization_type: String,
    pub auth_parameters: Value,
    pub invocation_connectivity_parameters: Option<Value>,
    pub kms_key_identifier: Option<String>,
}

/// Input of `UpdateConnection`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateConnection {
    pub name: String,
    pub description: Option<String>,
    pub authorization_type: Option<String>,
    pub auth_parameters: Option<Value>,
    pub invocation_connectivity_parameters: Option<Value>,
    pub kms_key_identifier: Option<String>,
}

impl Connection {
    /// Its parameters as they are described: without passwords, key values, client secrets and values marked secret.
    pub fn shown(&self) -> Value {
        let mut shown = self.auth_parameters.clone();
        mask(&mut shown);
        shown
    }

    /// Its parameters with secrets, for the one who makes the call.
    pub fn secret(&self) -> &Value {
        &self.auth_parameters
    }
}

impl Buses {
    /// The ARN of a connection.
    pub fn connection_arn(&self, connection: &Connection) -> String {
        self.arn_of(format!("connection/{}/{}", connection.name, connection.id))
    }

    /// CreateConnection.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`.
    pub async fn create_connection(&self, input: CreateConnection) -> Result<Connection, Error> {
        constraint::name("name", &input.name, 64, "")?;
        check(&input.authorization_type, &input.auth_parameters)?;
        let now_ms = self.inner.clock.now_ms();
        let connection = Connection {
            name: input.name,
            id: uuid::Uuid::new_v4().to_string(),
            description: input.description,
            authorization_type: input.authorization_type,
            auth_parameters: input.auth_parameters,
            invocation_connectivity_parameters: input.invocation_connectivity_parameters,
            kms_key_identifier: input.kms_key_identifier,
            state: "AUTHORIZED".into(),
            created_ms: now_ms,
            modified_ms: now_ms,
            authorized_ms: now_ms,
        };
        self.inner
            .state
            .write(move |tx| {
                if resource::get::<Connection>(tx, "", &connection.name)?.is_some() {
                    return Err(Error::Conflict(format!("Connection {} already exists.", connection.name)));
                }
                resource::put(tx, "", &connection.name, &connection)?;
                Ok(connection)
            })
            .await
    }

    /// DescribeConnection.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn connection(&self, name: &str) -> Result<Connection, Error> {
        let name = name.to_owned();
        self.inner.state.read(move |tx| find(tx, &name)).await
    }

    /// UpdateConnection.
    ///
    /// # Errors
    /// `Invalid`, `NotFound`.
    pub async fn update_connection(&self, input: UpdateConnection) -> Result<Connection, Error> {
        let now_ms = self.inner.clock.now_ms();
        self.inner
            .state
            .write(move |tx| {
                let connection = find(tx, &input.name)?;
                let kind = input.authorization_type.unwrap_or_else(|| connection.authorization_type.clone());
                let mut parameters = connection.auth_parameters.clone();
                if let Some(changed) = input.auth_parameters {
                    if kind == connection.authorization_type {
                        merge(&mut parameters, changed)
                    } else {
                        parameters = changed
                    }
                }
                check(&kind, &parameters)?;
                let connection = Connection {
                    description: input.description.or(connection.description),
                    authorization_type: kind,
                    auth_parameters: parameters,
                    invocation_connectivity_parameters: input
                        .invocation_connectivity_parameters
                        .or(connection.invocation_connectivity_parameters),
                    kms_key_identifier: input.kms_key_identifier.or(connection.kms_key_identifier),
                    state: "AUTHORIZED".into(),
                    modified_ms: now_ms,
                    authorized_ms: now_ms,
                    ..connection
                };
                resource::put(tx, "", &connection.name, &connection)?;
                Ok(connection)
            })
            .await
    }

    /// DeauthorizeConnection: forgets the parameters.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn deauthorize_connection(&self, name: &str) -> Result<Connection, Error> {
        let (name, now_ms) = (name.to_owned(), self.inner.clock.now_ms());
        self.inner
            .state
            .write(move |tx| {
                let connection = find(tx, &name)?;
                let connection = Connection {
                    auth_parameters: json!({}),
                    state: "DEAUTHORIZED".into(),
                    modified_ms: now_ms,
                    ..connection
                };
                resource::put(tx, "", &name, &connection)?;
                Ok(connection)
            })
            .await
    }

    /// DeleteConnection. Answers what it was.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_connection(&self, name: &str) -> Result<Connection, Error> {
        let name = name.to_owned();
        self.inner
            .state
            .write(move |tx| {
                let connection = find(tx, &name)?;
                resource::remove::<Connection>(tx, "", &name)?;
                Ok(connection)
            })
            .await
    }

    /// ListConnections, all or those in one state.
    ///
    /// # Errors
    /// `Invalid` for a limit that is none.
    pub async fn list_connections(&self, state: Option<&str>, page: Page) -> Result<Listing<Connection>, Error> {
        let state = state.map(str::to_owned);
        let keep = move |connection: &Connection| state.as_ref().is_none_or(|state| *state == connection.state);
        self.inner.state.read(move |tx| resource::list(tx, "", &page, keep)).await
    }
}

fn check(kind: &str, parameters: &Value) -> Result<(), Error> {
    constraint::one_of("authorizationType", kind, &TYPES)?;
    let required: &[&str] = match kind {
        "BASIC" => &["/BasicAuthParameters/Username", "/BasicAuthParameters/Password"],
        "API_KEY" => &["/ApiKeyAuthParameters/ApiKeyName", "/ApiKeyAuthParameters/ApiKeyValue"],
        _ => &[
            "/OAuthParameters/AuthorizationEndpoint",
            "/OAuthParameters/HttpMethod",
            "/OAuthParameters/ClientParameters/ClientID",
            "/OAuthParameters/ClientParameters/ClientSecret",
        ],
    };
    match required.iter().find(|path| parameters.pointer(path).and_then(Value::as_str).is_none_or(str::is_empty)) {
        None => Ok(()),
        Some(path) => {
            let member = path.trim_start_matches('/').replace('/', ".");
            Err(Error::Invalid(format!("Parameter AuthParameters.{member} is required for authorization type {kind}.")))
        }
    }
}

fn merge(into: &mut Value, changed: Value) {
    match (into, changed) {
        (Value::Object(into), Value::Object(changed)) => {
            for (name, value) in changed {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, changed) => *into = changed,
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for secret in ["Password", "ApiKeyValue", "ClientSecret"] {
                members.remove(secret);
            }
            if members.get("IsValueSecret").and_then(Value::as_bool) == Some(true) {
                members.remove("Value");
            }
            members.values_mut().for_each(mask);
        }
        Value::Array(elements) => elements.iter_mut().for_each(mask),
        _ => {}
    }
}

fn find(tx: &Read<'_>, name: &str) -> Result<Connection, Error> {
    resource::get(tx, "", name)?.ok_or_else(|| {
        Error::NotFound(format!("Failed to describe the connection(s). Connection '{name}' does not exist."))
    })
}

/// The connection an ARN names.
pub(super) fn of_arn(buses: &Buses, tx: &Read<'_>, arn: &str) -> Result<Connection, Error> {
    let missing = || Error::NotFound(format!("Connection '{arn}' does not exist."));
    let path = arn.split_once(":connection/").map_or("", |(_, path)| path);
    let (name, _) = path.rsplit_once('/').ok_or_else(missing)?;
    resource::get(tx, "", name)?.filter(|found| buses.connection_arn(found) == arn).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let mut parameters = json!({
            "OAuthParameters": {"ClientParameters": {"ClientID": "c", "ClientSecret": "s"}},
            "InvocationHttpParameters": {"HeaderParameters": [
                {"Key": "a", "Value": "v", "IsValueSecret": false}, {"Key": "b", "Value": "w", "IsValueSecret": true}]},
        });
        mask(&mut parameters);
        assert_eq!(
            parameters,
            json!({
                "OAuthParameters": {"ClientParameters": {"ClientID": "c"}},
                "InvocationHttpParameters": {"HeaderParameters": [
                    {"Key": "a", "Value": "v", "IsValueSecret": false}, {"Key": "b", "IsValueSecret": true}]},
            })
        );
    }

    #[test]
    fn changes_keep_what_they_do_not_name() {
        let mut parameters = json!({"BasicAuthParameters": {"Username": "u", "Password": "p"}});
        merge(&mut parameters, json!({"BasicAuthParameters": {"Password": "q"}}));
        assert_eq!(parameters, json!({"BasicAuthParameters": {"Username": "u", "Password": "q"}}));
        assert!(check("BASIC", &parameters).is_ok());
        assert!(check("API_KEY", &parameters).unwrap_err().to_string().contains("ApiKeyAuthParameters.ApiKeyName"));
        assert!(check("NONE", &parameters).is_err());
    }
}
