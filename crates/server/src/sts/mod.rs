//! AWS Security Token Service (query protocol, 2011-06-15): who calls, and sessions.

use std::sync::Arc;

use identity::{AssumeRole, Session};
use serde_json::{Value, json};

use crate::iam::{number, owned, required, strings, tags, time};
use crate::{App, AwsError, Call, Reply};

/// Seconds a session of the account lasts unless asked otherwise.
const ROOT_SESSION_S: i64 = 43_200;

pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let (identities, input) = (&app.identities, &call.input);
    let answer = match call.operation.as_str() {
        "GetCallerIdentity" => caller(app, &call.access_key).await?,
        "AssumeRole" => {
            let policies = input.get("PolicyArns").and_then(Value::as_array).into_iter().flatten();
            let asked = AssumeRole {
                role_arn: required(input, "RoleArn")?.into(),
                session: required(input, "RoleSessionName")?.into(),
                seconds: number(input, "DurationSeconds")?,
                external_id: owned(input, "ExternalId"),
                policy: owned(input, "Policy"),
                policy_arns: policies.filter_map(|policy| owned(policy, "arn")).collect(),
                tags: tags(input)?,
            };
            if strings(input, "TransitiveTagKeys").next().is_some() {
                return Err(AwsError::new(400, "ValidationError", "TransitiveTagKeys is not supported"));
            }
            let session = identities.assume_role(asked).await?;
            json!({
                "Credentials": credentials(&session),
                "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
            })
        }
        "GetSessionToken" => {
            let seconds = number(input, "DurationSeconds")?.unwrap_or(ROOT_SESSION_S);
            json!({"Credentials": credentials(&identities.root_session(seconds).await?)})
        }
        "GetAccessKeyInfo" => {
            required(input, "AccessKeyId")?;
            json!({"Account": app.identity.account})
        }
        other => return Err(AwsError::unknown_operation(other)),
    };
    Ok(Reply::from(answer))
}

async fn caller(app: &App, access_key: &str) -> Result<Value, AwsError> {
    let account = &app.identity.account;
    Ok(match app.identities.session(access_key).await? {
        Some(session) => json!({"Arn": session.arn, "UserId": session.user_id, "Account": account}),
        None => json!({"Arn": format!("arn:aws:iam::{account}:root"), "UserId": account, "Account": account}),
    })
}

fn credentials(session: &Session) -> Value {
    json!({
        "AccessKeyId": session.access_key_id, "SecretAccessKey": session.secret_access_key,
        "SessionToken": session.token, "Expiration": time(session.expires_ms),
    })
}
