//! API destinations: HTTP endpoints with a connection, kept here; [`Buses::resolve`] gives whoever makes the call all it takes.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::Read;

use super::{Buses, connections};
use crate::resource::{self, Listing, Page, Resource};
use crate::{Error, constraint};

const METHODS: [&str; 7] = ["POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"];
/// Calls a second, if none are given.
const RATE_DEFAULT: i64 = 300;

/// An API destination, by the member names of the wire.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ApiDestination {
    pub name: String,
    /// The last part of its ARN.
    pub id: String,
    pub description: Option<String>,
    pub connection_arn: String,
    pub invocation_endpoint: String,
    pub http_method: String,
    pub invocation_rate_limit_per_second: Option<i64>,
    pub created_ms: i64,
    pub modified_ms: i64,
}

impl Resource for ApiDestination {
    const KIND: &'static str = "api-destination";
}

/// All that a call takes. Holds secrets, so it is not shown.
pub struct Resolved {
    /// `*` stand for path parameters.
    pub endpoint: String,
    pub method: String,
    pub authorization_type: String,
    /// `AuthParameters` of the connection, with secrets.
    pub auth_parameters: Value,
    /// Calls a second.
    pub rate_max: i64,
}

/// Input of `CreateApiDestination`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateApiDestination {
    pub name: String,
    pub description: Option<String>,
    pub connection_arn: String,
    pub invocation_endpoint: String,
    pub http_method: String,
    pub invocation_rate_limit_per_second: Option<i64>,
}

/// Input of `UpdateApiDestination`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateApiDestination {
    pub name: String,
    pub description: Option<String>,
    pub connection_arn: Option<String>,
    pub invocation_endpoint: Option<String>,
    pub http_method: Option<String>,
    pub invocation_rate_limit_per_second: Option<i64>,
}

impl Buses {
    /// The ARN of an API destination.
    pub fn api_destination_arn(&self, destination: &ApiDestination) -> String {
        self.arn_of(format!("api-destination/{}/{}", destination.name, destination.id))
    }

    /// CreateApiDestination. Answers it with its state.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`, `NotFound` without the connection.
    pub async fn create_api_destination(
        &self,
        input: CreateApiDestination,
    ) -> Result<(ApiDestination, &'static str), Error> {
        constraint::name("name", &input.name, 64, "")?;
        let now_ms = self.inner.clock.now_ms();
        let destination = ApiDestination {
            name: input.name,
            id: uuid::Uuid::new_v4().to_string(),
            description: input.description,
            connection_arn: input.connection_arn,
            invocation_endpoint: input.invocation_endpoint,
            http_method: input.http_method,
            invocation_rate_limit_per_second: input.invocation_rate_limit_per_second,
            created_ms: now_ms,
            modified_ms: now_ms,
        };
        check(&destination)?;
        let this = self.clone();
        self.inner
            .state
            .write(move |tx| {
                if resource::get::<ApiDestination>(tx, "", &destination.name)?.is_some() {
                    return Err(Error::Conflict(format!("An api-destination '{}' already exists.", destination.name)));
                }
                let connection = connections::of_arn(&this, tx, &destination.connection_arn)?;
                resource::put(tx, "", &destination.name, &destination)?;
                Ok((destination, activity(&connection)))
            })
            .await
    }

    /// DescribeApiDestination: it and its state.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn api_destination(&self, name: &str) -> Result<(ApiDestination, &'static str), Error> {
        let (name, this) = (name.to_owned(), self.clone());
        self.inner
            .state
            .read(move |tx| {
                let destination = find(tx, &name)?;
                Ok((destination.clone(), state_of(&this, tx, &destination)?))
            })
            .await
    }

    /// UpdateApiDestination.
    ///
    /// # Errors
    /// `Invalid`, `NotFound`.
    pub async fn update_api_destination(
        &self,
        input: UpdateApiDestination,
    ) -> Result<(ApiDestination, &'static str), Error> {
        let (this, now_ms) = (self.clone(), self.inner.clock.now_ms());
        self.inner
            .state
            .write(move |tx| {
                let destination = find(tx, &input.name)?;
                let destination = ApiDestination {
                    description: input.description.or(destination.description),
                    connection_arn: input.connection_arn.unwrap_or(destination.connection_arn),
                    invocation_endpoint: input.invocation_endpoint.unwrap_or(destination.invocation_endpoint),
                    http_method: input.http_method.unwrap_or(destination.http_method),
                    invocation_rate_limit_per_second: input
                        .invocation_rate_limit_per_second
                        .or(destination.invocation_rate_limit_per_second),
                    modified_ms: now_ms,
                    ..destination
                };
                check(&destination)?;
                let connection = connections::of_arn(&this, tx, &destination.connection_arn)?;
                resource::put(tx, "", &destination.name, &destination)?;
                Ok((destination, activity(&connection)))
            })
            .await
    }

    /// DeleteApiDestination.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_api_destination(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.inner
            .state
            .write(move |tx| {
                find(tx, &name)?;
                resource::remove::<ApiDestination>(tx, "", &name).map(|_| ())
            })
            .await
    }

    /// ListApiDestinations, all or those of one connection, each with its state.
    ///
    /// # Errors
    /// `Invalid` for a limit that is none.
    pub async fn list_api_destinations(
        &self,
        connection: Option<&str>,
        page: Page,
    ) -> Result<Listing<(ApiDestination, &'static str)>, Error> {
        let (connection, this) = (connection.map(str::to_owned), self.clone());
        self.inner
            .state
            .read(move |tx| {
                let keep = |found: &ApiDestination| connection.as_ref().is_none_or(|arn| *arn == found.connection_arn);
                let Listing { items, next } = resource::list(tx, "", &page, keep)?;
                let stated = |found: ApiDestination| {
                    let state = state_of(&this, tx, &found)?;
                    Ok::<_, Error>((found, state))
                };
                Ok(Listing { items: items.into_iter().map(stated).collect::<Result<_, _>>()?, next })
            })
            .await
    }

    /// All that a call of an API destination takes, by its ARN.
    ///
    /// # Errors
    /// `NotFound` without it or its connection, `Status` when the connection is not authorized.
    pub async fn resolve(&self, arn: &str) -> Result<Resolved, Error> {
        let path = arn.split_once(":api-destination/").map_or(arn, |(_, path)| path);
        let name = path.split_once('/').map_or(path, |(name, _)| name).to_owned();
        let this = self.clone();
        self.inner
            .state
            .read(move |tx| {
                let destination = find(tx, &name)?;
                let connection = connections::of_arn(&this, tx, &destination.connection_arn)?;
                if connection.state != "AUTHORIZED" {
                    return Err(Error::Status(format!("Connection {} is not authorized.", connection.name)));
                }
                Ok(Resolved {
                    endpoint: destination.invocation_endpoint,
                    method: destination.http_method,
                    authorization_type: connection.authorization_type.clone(),
                    auth_parameters: connection.secret().clone(),
                    rate_max: destination.invocation_rate_limit_per_second.unwrap_or(RATE_DEFAULT),
                })
            })
            .await
    }
}

fn check(destination: &ApiDestination) -> Result<(), Error> {
    constraint::one_of("httpMethod", &destination.http_method, &METHODS)?;
    constraint::length("invocationEndpoint", &destination.invocation_endpoint, 2048)?;
    // The service takes https only; here endpoints of the own network are of use, too.
    let endpoint = &destination.invocation_endpoint;
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        return Err(Error::Invalid(
            "Parameter InvocationEndpoint is not valid. Reason: It must be an HTTPS URL.".into(),
        ));
    }
    let rate = destination.invocation_rate_limit_per_second;
    rate.map_or(Ok(()), |rate| constraint::range("invocationRateLimitPerSecond", rate, 1, i64::from(i32::MAX)))
}

fn activity(connection: &connections::Connection) -> &'static str {
    if connection.state == "AUTHORIZED" { "ACTIVE" } else { "INACTIVE" }
}

fn state_of(buses: &Buses, tx: &Read<'_>, destination: &ApiDestination) -> Result<&'static str, Error> {
    match connections::of_arn(buses, tx, &destination.connection_arn) {
        Ok(connection) => Ok(activity(&connection)),
        Err(Error::NotFound(_)) => Ok("INACTIVE"),
        Err(error) => Err(error),
    }
}

fn find(tx: &Read<'_>, name: &str) -> Result<ApiDestination, Error> {
    resource::get(tx, "", name)?.ok_or_else(|| {
        Error::NotFound(format!(
            "Failed to describe the api-destination(s). An api-destination '{name}' does not exist."
        ))
    })
}
