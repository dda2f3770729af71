//! Versions and aliases.

use std::sync::Arc;

use function::{AliasChange, Error};
use serde_json::Value;

use super::functions::show;
use super::{page, reply, required, text, values};
use crate::{App, AwsError, Call, Reply};

pub(super) async fn call(app: &Arc<App>, call: &Call) -> Result<Reply, AwsError> {
    let (engine, input) = (&app.functions, &call.input);
    let function = required(input, "FunctionName")?;
    match call.operation.as_str() {
        "PublishVersion" => {
            let (sha256, description) = (text(input, "CodeSha256"), text(input, "Description"));
            let version = engine.publish(function, sha256, description, text(input, "RevisionId")).await?;
            Ok(Reply::from(show(&version)).with_status(201))
        }
        "ListVersionsByFunction" => page(input, "Versions", values(&engine.versions(function)?)),
        "CreateAlias" => {
            required(input, "FunctionVersion")?;
            let alias = engine.create_alias(function, required(input, "Name")?, change(input)?).await?;
            Ok(reply(&alias).with_status(201))
        }
        "UpdateAlias" => Ok(reply(&engine.update_alias(function, required(input, "Name")?, change(input)?).await?)),
        "GetAlias" => Ok(reply(&engine.alias(function, required(input, "Name")?)?)),
        "ListAliases" => page(input, "Aliases", values(&engine.aliases(function, text(input, "FunctionVersion"))?)),
        "DeleteAlias" => {
            engine.delete_alias(function, required(input, "Name")?).await?;
            Ok(Reply::bare(204))
        }
        other => Err(AwsError::unknown_operation(other)),
    }
}

fn change(input: &Value) -> Result<AliasChange, AwsError> {
    let routing = match input.get("RoutingConfig") {
        None | Some(Value::Null) => None,
        Some(routing) => Some(serde_json::from_value(routing.clone()).map_err(|_| {
            Error::Invalid("RoutingConfig must be {AdditionalVersionWeights: {version: weight}}".into())
        })?),
    };
    Ok(AliasChange {
        function_version: text(input, "FunctionVersion").map(str::to_owned),
        description: input.get("Description").and_then(Value::as_str).map(str::to_owned),
        routing,
        revision_id: text(input, "RevisionId").map(str::to_owned),
    })
}
