//! How asynchronous invocations are retried and where their results go.

use std::sync::Arc;

use super::{page, reply, required, rest, text, values};
use crate::{App, AwsError, Call, Reply};

/// Members that name the function; what the answer adds cannot be given.
const NAMED: &[&str] = &["FunctionName", "Qualifier", "LastModified", "FunctionArn"];

pub(super) async fn call(app: &Arc<App>, call: &Call) -> Result<Reply, AwsError> {
    let (engine, input) = (&app.functions, &call.input);
    let (function, qualifier) = (required(input, "FunctionName")?, text(input, "Qualifier"));
    match call.operation.as_str() {
        "PutFunctionEventInvokeConfig" => {
            Ok(reply(&engine.put_event_invoke(function, qualifier, rest(input, NAMED)?, false).await?))
        }
        "UpdateFunctionEventInvokeConfig" => {
            Ok(reply(&engine.put_event_invoke(function, qualifier, rest(input, NAMED)?, true).await?))
        }
        "GetFunctionEventInvokeConfig" => Ok(reply(&engine.event_invoke(function, qualifier)?)),
        "ListFunctionEventInvokeConfigs" => {
            page(input, "FunctionEventInvokeConfigs", values(&engine.event_invokes(function)?))
        }
        "DeleteFunctionEventInvokeConfig" => {
            engine.delete_event_invoke(function, qualifier).await?;
            Ok(Reply::bare(204))
        }
        other => Err(AwsError::unknown_operation(other)),
    }
}
