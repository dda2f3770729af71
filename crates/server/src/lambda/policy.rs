//! Resource policies.

use std::sync::Arc;

use function::Permission;
use serde_json::json;

use super::{required, text};
use crate::{App, AwsError, Call, Reply};

pub(super) async fn call(app: &Arc<App>, call: &Call) -> Result<Reply, AwsError> {
    let (engine, input) = (&app.functions, &call.input);
    let (function, qualifier) = (required(input, "FunctionName")?, text(input, "Qualifier"));
    let own = |member: &str| text(input, member).map(str::to_owned);
    match call.operation.as_str() {
        "AddPermission" => {
            let permission = Permission {
                statement_id: required(input, "StatementId")?.to_owned(),
                action: required(input, "Action")?.to_owned(),
                principal: required(input, "Principal")?.to_owned(),
                source_arn: own("SourceArn"),
                source_account: own("SourceAccount"),
                organization: own("PrincipalOrgID"),
                event_source_token: own("EventSourceToken"),
                revision_id: own("RevisionId"),
            };
            let statement = engine.add_permission(function, qualifier, permission).await?;
            Ok(Reply::from(json!({"Statement": statement.to_string()})).with_status(201))
        }
        "RemovePermission" => {
            let id = required(input, "StatementId")?;
            engine.remove_permission(function, qualifier, id, text(input, "RevisionId")).await?;
            Ok(Reply::bare(204))
        }
        "GetPolicy" => {
            let policy = engine.policy(function, qualifier)?;
            Ok(Reply::from(json!({"Policy": policy.document(), "RevisionId": policy.revision_id})))
        }
        other => Err(AwsError::unknown_operation(other)),
    }
}
