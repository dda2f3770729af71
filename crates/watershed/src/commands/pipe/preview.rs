//! A pipe's definition out of a template that may not be deployed: what refers to other resources gets the name or ARN they
//! would have.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use stack::{Environment, Lookup, Scope, Template};

const KIND: &str = "AWS::Pipes::Pipe";

/// The members of CreatePipe for the template's pipe with this logical id or name, or for its only pipe.
///
/// # Errors
/// When the template is not valid or has no such pipe.
pub(super) fn definition(
    text: &str,
    given: &BTreeMap<String, String>,
    environment: &Environment,
    pipe: Option<&str>,
) -> anyhow::Result<Value> {
    let template = Template::parse(text)?;
    let parameters = stack::parameters(&template, given)?;
    let lookup = Preview { template: &template, environment };
    let scope = Scope::new(&template, &parameters, environment, ("preview", "preview"), &lookup)?;
    let mut pipes = Vec::new();
    for (id, declared) in template.resources.iter().filter(|(_, declared)| declared.kind == KIND) {
        let Some(Value::Object(mut properties)) = scope.resolve(&declared.properties)? else { continue };
        let name = properties.entry("Name").or_insert_with(|| json!(id)).as_str().unwrap_or_default().to_owned();
        pipes.push((id.as_str(), name, properties));
    }
    let names = || pipes.iter().map(|(id, ..)| *id).collect::<Vec<_>>().join(", ");
    let found = match (pipe, pipes.as_slice()) {
        (None, []) => bail!("the template has no {KIND}"),
        (None, [only]) => only,
        (None, _) => bail!("the template has several pipes; choose one with --pipe: {}", names()),
        (Some(wanted), _) => pipes
            .iter()
            .find(|(id, name, _)| *id == wanted || name == wanted)
            .with_context(|| format!("no pipe `{wanted}` in the template; it has: {}", names()))?,
    };
    let mut members = found.2.clone();
    // Tags are a list in nothing but the other types.
    members.remove("Tags");
    Ok(Value::Object(members))
}

struct Preview<'a> {
    template: &'a Template,
    environment: &'a Environment,
}

impl Preview<'_> {
    /// The name a resource would have: the one it is given, else its logical id.
    fn name(&self, id: &str) -> String {
        let given = |properties: &Map<String, Value>| {
            let named = properties.iter().find(|(member, value)| {
                (*member == "Name" || (member.ends_with("Name") && !member.starts_with("Role"))) && value.is_string()
            });
            named.and_then(|(_, value)| value.as_str()).map(str::to_owned)
        };
        let declared = self.template.resource(id).and_then(|declared| declared.properties.as_object());
        declared.and_then(given).unwrap_or_else(|| id.to_owned())
    }
}

impl Lookup for Preview<'_> {
    fn reference(&self, id: &str) -> Option<Value> {
        self.template.resource(id).map(|_| json!(self.name(id)))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Option<Value> {
        let kind = self.template.resource(id)?.kind.as_str();
        let (service, resource) = match kind {
            "AWS::DynamoDB::Table" => ("dynamodb", "table/"),
            "AWS::Events::EventBus" => ("events", "event-bus/"),
            "AWS::IAM::Role" => ("iam", "role/"),
            "AWS::KinesisFirehose::DeliveryStream" => ("firehose", "deliverystream/"),
            "AWS::Lambda::Function" | "AWS::Serverless::Function" => ("lambda", "function:"),
            "AWS::Logs::LogGroup" => ("logs", "log-group:"),
            "AWS::S3::Bucket" => ("s3", ""),
            "AWS::SQS::Queue" => ("sqs", ""),
            _ => ("", ""),
        };
        let name = self.name(id);
        if !attribute.ends_with("Arn") || service.is_empty() {
            return Some(json!(name));
        }
        let suffix = match (kind, attribute) {
            (_, "StreamArn") => "/stream/preview",
            ("AWS::Logs::LogGroup", _) => ":*",
            _ => "",
        };
        let Environment { account, region } = self.environment;
        let (region, account) = match service {
            "iam" => ("", account.as_str()),
            "s3" => ("", ""),
            _ => (region.as_str(), account.as_str()),
        };
        Some(json!(format!("arn:aws:{service}:{region}:{account}:{resource}{name}{suffix}")))
    }

    fn import(&self, name: &str) -> Option<Value> {
        Some(json!(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pipe: Option<&str>) -> anyhow::Result<Value> {
        let text = r#"{"Resources": {
            "T": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "Patients"}},
            "F": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "enrich"}},
            "P": {"Type": "AWS::Pipes::Pipe", "Properties": {
                "Source": {"Fn::GetAtt": ["T", "StreamArn"]}, "Enrichment": {"Fn::GetAtt": ["F", "Arn"]},
                "Target": {"Fn::Join": ["", ["arn:aws:events:", {"Ref": "AWS::Region"}, ":", {"Ref": "AWS::AccountId"}, ":event-bus/default"]]}}}
        }}"#;
        let environment = Environment { account: "000000000000".into(), region: "us-east-1".into() };
        definition(text, &BTreeMap::new(), &environment, pipe)
    }

    #[test]
    fn references_become_the_names_resources_would_have() {
        let expected = json!({
            "Source": "arn:aws:dynamodb:us-east-1:000000000000:table/Patients/stream/preview",
            "Enrichment": "arn:aws:lambda:us-east-1:000000000000:function:enrich",
            "Target": "arn:aws:events:us-east-1:000000000000:event-bus/default",
            "Name": "P",
        });
        assert_eq!(check(None).unwrap(), expected);
        assert_eq!(check(Some("P")).unwrap(), expected);
        assert!(check(Some("Q")).unwrap_err().to_string().contains("it has: P"));
    }
}
