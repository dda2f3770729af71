//! AWS Security Token Service: only `GetCallerIdentity`, which tools call first.

use std::sync::Arc;

use serde_json::json;

use crate::{App, AwsError, Call, Reply};

pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    match call.operation.as_str() {
        "GetCallerIdentity" => {
            let account = &app.identity.account;
            Ok(Reply::from(json!({
                "Arn": format!("arn:aws:iam::{account}:root"),
                "UserId": account,
                "Account": account,
            })))
        }
        other => Err(AwsError::unknown_operation(other)),
    }
}
