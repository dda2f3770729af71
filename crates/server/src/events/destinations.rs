//! Connections and API destinations.

use std::sync::Arc;

use messaging::bus::{ApiDestination, Connection};
use serde_json::{Map, Value, json};

use super::{decode, failure, listing, members, page, required, seconds, text};
use crate::{App, AwsError};

pub(super) async fn call(app: &Arc<App>, operation: &str, input: Value) -> Result<Value, AwsError> {
    let buses = &app.buses;
    Ok(match operation {
        "CreateConnection" => {
            let connection = buses.create_connection(decode(input)?).await.map_err(failure)?;
            let mut answer = changed(app, &connection, begun(&connection));
            answer.remove("LastAuthorizedTime");
            Value::Object(answer)
        }
        "UpdateConnection" => {
            let connection = buses.update_connection(decode(input)?).await.map_err(failure)?;
            Value::Object(changed(app, &connection, begun(&connection)))
        }
        "DescribeConnection" => {
            let connection = buses.connection(required(&input, "Name")?).await.map_err(failure)?;
            let secret = format!(
                "arn:aws:secretsmanager:{}:{}:secret:events!connection/{}/{}",
                app.identity.region, app.identity.account, connection.name, connection.id
            );
            let mut answer = connection_summary(app, &connection);
            answer.extend(members([
                ("Description", json!(connection.description)),
                ("SecretArn", json!(secret)),
                ("AuthParameters", connection.shown()),
                ("InvocationConnectivityParameters", json!(connection.invocation_connectivity_parameters)),
                ("KmsKeyIdentifier", json!(connection.kms_key_identifier)),
            ]));
            Value::Object(answer)
        }
        "DeauthorizeConnection" => {
            let connection = buses.deauthorize_connection(required(&input, "Name")?).await.map_err(failure)?;
            Value::Object(changed(app, &connection, "DEAUTHORIZING"))
        }
        "DeleteConnection" => {
            let connection = buses.delete_connection(required(&input, "Name")?).await.map_err(failure)?;
            Value::Object(changed(app, &connection, "DELETING"))
        }
        "ListConnections" => {
            let page = buses.list_connections(text(&input, "ConnectionState"), page(&input)?).await.map_err(failure)?;
            listing("Connections", page, |connection| Value::Object(connection_summary(app, &connection)))
        }
        "CreateApiDestination" => stated(app, &buses.create_api_destination(decode(input)?).await.map_err(failure)?),
        "UpdateApiDestination" => stated(app, &buses.update_api_destination(decode(input)?).await.map_err(failure)?),
        "DescribeApiDestination" => {
            let found = buses.api_destination(required(&input, "Name")?).await.map_err(failure)?;
            let mut answer = destination_summary(app, &found);
            answer.extend(members([("Description", json!(found.0.description))]));
            Value::Object(answer)
        }
        "DeleteApiDestination" => {
            buses.delete_api_destination(required(&input, "Name")?).await.map_err(failure)?;
            json!({})
        }
        "ListApiDestinations" => {
            let page =
                buses.list_api_destinations(text(&input, "ConnectionArn"), page(&input)?).await.map_err(failure)?;
            listing("ApiDestinations", page, |found| Value::Object(destination_summary(app, &found)))
        }
        other => return Err(AwsError::unknown_operation(other)),
    })
}

/// The state in the answer to a change: OAuth is authorized later.
fn begun(connection: &Connection) -> &str {
    if connection.authorization_type == "OAUTH_CLIENT_CREDENTIALS" { "AUTHORIZING" } else { &connection.state }
}

fn changed(app: &Arc<App>, connection: &Connection, state: &str) -> Map<String, Value> {
    members([
        ("ConnectionArn", json!(app.buses.connection_arn(connection))),
        ("ConnectionState", json!(state)),
        ("CreationTime", seconds(connection.created_ms)),
        ("LastModifiedTime", seconds(connection.modified_ms)),
        ("LastAuthorizedTime", seconds(connection.authorized_ms)),
    ])
}

fn connection_summary(app: &Arc<App>, connection: &Connection) -> Map<String, Value> {
    let mut summary = changed(app, connection, &connection.state);
    summary.insert("Name".into(), json!(connection.name));
    summary.insert("AuthorizationType".into(), json!(connection.authorization_type));
    summary
}

fn stated(app: &Arc<App>, (destination, state): &(ApiDestination, &'static str)) -> Value {
    json!({
        "ApiDestinationArn": app.buses.api_destination_arn(destination),
        "ApiDestinationState": state,
        "CreationTime": seconds(destination.created_ms),
        "LastModifiedTime": seconds(destination.modified_ms),
    })
}

fn destination_summary(app: &Arc<App>, found: &(ApiDestination, &'static str)) -> Map<String, Value> {
    let destination = &found.0;
    let mut summary = members([
        ("Name", json!(destination.name)),
        ("ConnectionArn", json!(destination.connection_arn)),
        ("InvocationEndpoint", json!(destination.invocation_endpoint)),
        ("HttpMethod", json!(destination.http_method)),
        ("InvocationRateLimitPerSecond", json!(destination.invocation_rate_limit_per_second)),
    ]);
    if let Value::Object(state) = stated(app, found) {
        summary.extend(state);
    }
    summary
}
