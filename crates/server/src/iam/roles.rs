//! Roles, their inline policies and attachments.

use identity::{Identities, NewRole, Role};
use serde_json::{Value, json};

use super::{encoded, listed, number, owned, page, required, tag_changes, tag_list, tags, text, time};
use crate::AwsError;

/// Runs an operation on roles; `None` for another.
pub(super) async fn call(identities: &Identities, operation: &str, input: &Value) -> Result<Option<Value>, AwsError> {
    let name = || required(input, "RoleName");
    let answer = match operation {
        "CreateRole" => {
            let new = NewRole {
                name: name()?.into(),
                path: owned(input, "Path"),
                trust: required(input, "AssumeRolePolicyDocument")?.into(),
                description: owned(input, "Description"),
                session_s_max: number(input, "MaxSessionDuration")?,
                tags: tags(input)?,
            };
            json!({"Role": shown(&identities.create_role(new).await?)})
        }
        "GetRole" => json!({"Role": shown(&identities.role(name()?).await?)}),
        "ListRoles" => {
            let (after, limit) = page(input)?;
            let (roles, more) = identities.roles(text(input, "PathPrefix").unwrap_or("/"), &after, limit).await?;
            let last = roles.last().map(|role| role.name.clone());
            listed("Roles", roles.iter().map(without_tags).collect(), last, more)
        }
        "UpdateRole" => {
            let seconds = number(input, "MaxSessionDuration")?;
            identities.update_role(name()?, owned(input, "Description"), seconds).await?;
            json!({})
        }
        "UpdateRoleDescription" => {
            identities.update_role(name()?, owned(input, "Description"), None).await?;
            json!({"Role": shown(&identities.role(name()?).await?)})
        }
        "UpdateAssumeRolePolicy" => {
            identities.set_trust(name()?, required(input, "PolicyDocument")?.into()).await?;
            json!({})
        }
        "DeleteRole" => {
            identities.delete_role(name()?).await?;
            json!({})
        }
        "TagRole" | "UntagRole" => {
            identities.tag_role(name()?, tag_changes(input)?).await?;
            json!({})
        }
        "ListRoleTags" => json!({"Tags": tag_list(&identities.role(name()?).await?.tags), "IsTruncated": false}),
        "ListInstanceProfilesForRole" => {
            identities.role(name()?).await?;
            json!({"InstanceProfiles": [], "IsTruncated": false})
        }
        "PutRolePolicy" => {
            let (policy, document) = (required(input, "PolicyName")?, required(input, "PolicyDocument")?);
            identities.put_role_policy(name()?, policy.into(), document.into()).await?;
            json!({})
        }
        "GetRolePolicy" => inline(identities, name()?, required(input, "PolicyName")?).await?,
        "ListRolePolicies" => {
            let policies = identities.role_policies(name()?).await?;
            let names: Vec<&str> = policies.iter().map(|(name, _)| name.as_str()).collect();
            json!({"PolicyNames": names, "IsTruncated": false})
        }
        "DeleteRolePolicy" => {
            identities.delete_role_policy(name()?, required(input, "PolicyName")?.into()).await?;
            json!({})
        }
        "AttachRolePolicy" => {
            identities.attach(name()?, required(input, "PolicyArn")?.into()).await?;
            json!({})
        }
        "DetachRolePolicy" => {
            identities.detach(name()?, required(input, "PolicyArn")?.into()).await?;
            json!({})
        }
        "ListAttachedRolePolicies" => {
            let named = |arn: &String| json!({"PolicyArn": arn, "PolicyName": arn.rsplit_once('/').map_or(arn.as_str(), |(_, name)| name)});
            let attached: Vec<Value> = identities.attached(name()?).await?.iter().map(named).collect();
            json!({"AttachedPolicies": attached, "IsTruncated": false})
        }
        _ => return Ok(None),
    };
    Ok(Some(answer))
}

async fn inline(identities: &Identities, role: &str, policy: &str) -> Result<Value, AwsError> {
    let found = identities.role_policies(role).await?.into_iter().find(|(name, _)| name == policy);
    let missing = || identity::Error::NotFound(format!("The role policy with name {policy} cannot be found."));
    let (_, document) = found.ok_or_else(missing)?;
    Ok(json!({"RoleName": role, "PolicyName": policy, "PolicyDocument": encoded(&document)}))
}

fn without_tags(role: &Role) -> Value {
    let mut answer = json!({
        "Path": role.path, "RoleName": role.name, "RoleId": role.id, "Arn": role.arn, "CreateDate": time(role.created_ms),
        "AssumeRolePolicyDocument": encoded(&role.trust), "MaxSessionDuration": role.session_s_max,
    });
    if let Some(description) = &role.description {
        answer["Description"] = description.as_str().into();
    }
    answer
}

fn shown(role: &Role) -> Value {
    let mut answer = without_tags(role);
    if !role.tags.is_empty() {
        answer["Tags"] = tag_list(&role.tags);
    }
    answer
}
