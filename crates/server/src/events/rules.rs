//! Rules and their targets.

use std::sync::Arc;

use messaging::bus::{Failed, Rule, Target};
use serde_json::{Map, Value, json};

use super::{decode, failure, listing, members, missing, page, required, text};
use crate::{App, AwsError};

pub(super) async fn call(app: &Arc<App>, operation: &str, input: Value) -> Result<Value, AwsError> {
    let buses = &app.buses;
    let bus = text(&input, "EventBusName");
    Ok(match operation {
        "PutRule" => json!({"RuleArn": buses.put_rule(decode(input)?).await.map_err(failure)?}),
        "DescribeRule" => {
            let rule = buses.rule(bus, required(&input, "Name")?).await.map_err(failure)?;
            let mut answer = shown(app, &rule);
            answer.insert("CreatedBy".into(), json!(app.identity.account));
            Value::Object(answer)
        }
        "EnableRule" | "DisableRule" => {
            let enabled = operation == "EnableRule";
            buses.set_rule_enabled(bus, required(&input, "Name")?, enabled).await.map_err(failure)?;
            json!({})
        }
        "DeleteRule" => {
            buses.delete_rule(bus, required(&input, "Name")?).await.map_err(failure)?;
            json!({})
        }
        "ListRules" => {
            let page = buses.list_rules(bus, page(&input)?).await.map_err(failure)?;
            listing("Rules", page, |rule| Value::Object(shown(app, &rule)))
        }
        "PutTargets" => {
            let targets = input.get("Targets").cloned().ok_or_else(|| missing("targets"))?;
            let targets: Vec<Target> = decode(targets)?;
            buses.put_targets(bus, required(&input, "Rule")?, targets).await.map_err(failure)?;
            failed(&[])
        }
        "RemoveTargets" => {
            let ids = decode(input.get("Ids").cloned().ok_or_else(|| missing("ids"))?)?;
            failed(&buses.remove_targets(bus, required(&input, "Rule")?, ids).await.map_err(failure)?)
        }
        "ListTargetsByRule" => {
            let page = buses.list_targets(bus, required(&input, "Rule")?, page(&input)?).await.map_err(failure)?;
            listing("Targets", page, |target| json!(target))
        }
        "ListRuleNamesByTarget" => {
            let names = buses.list_rule_names_by_target(bus, required(&input, "TargetArn")?, page(&input)?);
            listing("RuleNames", names.await.map_err(failure)?, Value::from)
        }
        "TestEventPattern" => {
            let (pattern, event) = (required(&input, "EventPattern")?, required(&input, "Event")?);
            json!({"Result": buses.test_pattern(pattern, event).map_err(failure)?})
        }
        other => return Err(AwsError::unknown_operation(other)),
    })
}

fn shown(app: &Arc<App>, rule: &Rule) -> Map<String, Value> {
    members([
        ("Name", json!(rule.name)),
        ("Arn", json!(app.buses.rule_arn(&rule.event_bus_name, &rule.name))),
        ("EventPattern", json!(rule.event_pattern)),
        ("ScheduleExpression", json!(rule.schedule_expression)),
        ("State", json!(rule.state)),
        ("Description", json!(rule.description)),
        ("RoleArn", json!(rule.role_arn)),
        ("EventBusName", json!(rule.event_bus_name)),
    ])
}

fn failed(entries: &[Failed]) -> Value {
    json!({"FailedEntryCount": entries.len(), "FailedEntries": entries})
}
