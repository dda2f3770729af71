//! Managed policies and their versions.

use identity::{Identities, NewPolicy, Policy, Version};
use serde_json::{Value, json};

use super::{encoded, flag, invalid, listed, owned, page, required, tag_changes, tag_list, tags, text, time};
use crate::AwsError;

/// Runs an operation on policies; `None` for another.
pub(super) async fn call(identities: &Identities, operation: &str, input: &Value) -> Result<Option<Value>, AwsError> {
    let arn = || required(input, "PolicyArn");
    let answer = match operation {
        "CreatePolicy" => {
            let new = NewPolicy {
                name: required(input, "PolicyName")?.into(),
                path: owned(input, "Path"),
                document: required(input, "PolicyDocument")?.into(),
                description: owned(input, "Description"),
                tags: tags(input)?,
            };
            json!({"Policy": shown(&identities.create_policy(new).await?)})
        }
        "GetPolicy" => json!({"Policy": shown(&identities.policy(arn()?).await?)}),
        "ListPolicies" => {
            // Policies of AWS are not kept here.
            if text(input, "Scope") == Some("AWS") {
                return Ok(Some(listed("Policies", Vec::new(), None, false)));
            }
            let (after, limit) = page(input)?;
            let (policies, more) = identities.policies(text(input, "PathPrefix").unwrap_or("/"), &after, limit).await?;
            let last = policies.last().map(|policy| policy.arn.clone());
            let attached_only = flag(input, "OnlyAttached");
            let policies = policies.iter().filter(|policy| !attached_only || policy.attached > 0);
            listed("Policies", policies.map(shown).collect(), last, more)
        }
        "DeletePolicy" => {
            identities.delete_policy(arn()?).await?;
            json!({})
        }
        "CreatePolicyVersion" => {
            let document = required(input, "PolicyDocument")?.to_owned();
            let is_standard = flag(input, "SetAsDefault");
            let version = identities.create_policy_version(arn()?, document, is_standard).await?;
            json!({"PolicyVersion": shown_version(&version, is_standard)})
        }
        "GetPolicyVersion" => {
            let (number, standard) = (version(input)?, identities.policy(arn()?).await?.standard);
            let found = identities.policy_versions(arn()?).await?.into_iter().find(|version| version.number == number);
            let missing = || identity::Error::NotFound(format!("Policy version v{number} was not found."));
            let found = found.ok_or_else(missing)?;
            let mut answer = shown_version(&found, found.number == standard);
            answer["Document"] = encoded(&found.document).into();
            json!({ "PolicyVersion": answer })
        }
        "ListPolicyVersions" => {
            let (versions, standard) =
                (identities.policy_versions(arn()?).await?, identities.policy(arn()?).await?.standard);
            let versions = versions.iter().map(|version| shown_version(version, version.number == standard));
            json!({"Versions": versions.collect::<Vec<_>>(), "IsTruncated": false})
        }
        "SetDefaultPolicyVersion" => {
            identities.set_standard(arn()?, version(input)?).await?;
            json!({})
        }
        "DeletePolicyVersion" => {
            identities.delete_policy_version(arn()?, version(input)?).await?;
            json!({})
        }
        "ListEntitiesForPolicy" => {
            let roles = identities.roles_with(arn()?).await?.into_iter();
            let roles: Vec<Value> = roles.map(|(name, id)| json!({"RoleName": name, "RoleId": id})).collect();
            json!({"PolicyRoles": roles, "PolicyGroups": [], "PolicyUsers": [], "IsTruncated": false})
        }
        "TagPolicy" | "UntagPolicy" => {
            identities.tag_policy(arn()?, tag_changes(input)?).await?;
            json!({})
        }
        "ListPolicyTags" => json!({"Tags": tag_list(&identities.policy(arn()?).await?.tags), "IsTruncated": false}),
        _ => return Ok(None),
    };
    Ok(Some(answer))
}

/// `VersionId`, such as `v2`, as its number.
fn version(input: &Value) -> Result<i64, AwsError> {
    let id = required(input, "VersionId")?;
    let number = id.strip_prefix('v').and_then(|number| number.parse().ok());
    number.ok_or_else(|| invalid("VersionId must be v and a number".into()))
}

fn shown(policy: &Policy) -> Value {
    let mut answer = json!({
        "PolicyName": policy.name, "PolicyId": policy.id, "Arn": policy.arn, "Path": policy.path,
        "DefaultVersionId": format!("v{}", policy.standard), "AttachmentCount": policy.attached,
        "PermissionsBoundaryUsageCount": 0, "IsAttachable": true, "CreateDate": time(policy.created_ms),
        "UpdateDate": time(policy.updated_ms),
    });
    if let Some(description) = &policy.description {
        answer["Description"] = description.as_str().into();
    }
    if !policy.tags.is_empty() {
        answer["Tags"] = tag_list(&policy.tags);
    }
    answer
}

fn shown_version(version: &Version, is_standard: bool) -> Value {
    json!({
        "VersionId": format!("v{}", version.number), "IsDefaultVersion": is_standard,
        "CreateDate": time(version.created_ms),
    })
}
