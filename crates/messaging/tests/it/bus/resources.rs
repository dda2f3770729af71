//! Buses, rules, targets, permissions, tags, connections and API destinations as they are kept and shown.

use messaging::Page;
use messaging::bus::{CreateApiDestination, CreateConnection, CreateEventBus, PutPermission, PutRule};
use serde_json::{Value, json};

use super::{World, target_of};

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn buses_are_made_listed_and_removed_with_their_rules() {
    let world = World::new();
    for name in ["b2", "b1", "b3"] {
        world.buses.create_bus(read::<CreateEventBus>(json!({"Name": name}))).await.unwrap();
    }
    let again = world.buses.create_bus(read::<CreateEventBus>(json!({"Name": "b1"}))).await;
    assert_eq!(again.unwrap_err().to_string(), "Event bus b1 already exists.");
    let page = world.buses.list_buses(Page { prefix: "b".into(), limit: 2, token: None }).await.unwrap();
    assert_eq!(page.items.iter().map(|bus| bus.name.as_str()).collect::<Vec<_>>(), ["b1", "b2"]);
    let page = world.buses.list_buses(Page { prefix: "b".into(), limit: 2, token: page.next }).await.unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
    let rule = json!({"Name": "r", "EventBusName": world.buses.arn("b1"), "EventPattern": "{\"a\":[1]}"});
    assert_eq!(
        world.buses.put_rule(read::<PutRule>(rule)).await.unwrap(),
        "arn:aws:events:us-east-1:000000000000:rule/b1/r"
    );
    world.buses.delete_bus("b1").await.unwrap();
    world.buses.delete_bus("b1").await.unwrap();
    assert_eq!(world.buses.rule(Some("b1"), "r").await.unwrap_err().to_string(), "Event bus b1 does not exist.");
    assert_eq!(world.buses.delete_bus("default").await.unwrap_err().to_string(), "Cannot delete event bus default.");
}

#[tokio::test]
async fn rules_are_refused_in_the_words_of_the_service() {
    let world = World::new();
    for (rule, reason) in [
        (json!({"Name": "r"}), "Parameter(s) EventPattern or ScheduleExpression must be specified."),
        (json!({"Name": "r", "ScheduleExpression": "rate(1 minutes)"}), "Parameter ScheduleExpression is not valid."),
        (
            json!({"Name": "r", "ScheduleExpression": "at(2030-01-01T00:00:00)"}),
            "Parameter ScheduleExpression is not valid.",
        ),
        (
            json!({"Name": "r", "ScheduleExpression": "rate(1 minute)", "EventBusName": "b"}),
            "ScheduleExpression is supported only on the default event bus.",
        ),
        (json!({"Name": "r", "EventPattern": "{\"a\":[1]}", "EventBusName": "b"}), "Event bus b does not exist."),
        (
            json!({"Name": "a b", "EventPattern": "{\"a\":[1]}"}),
            "1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+",
        ),
    ] {
        assert_eq!(world.buses.put_rule(read::<PutRule>(rule)).await.unwrap_err().to_string(), reason);
    }
    let pattern = world.buses.put_rule(read::<PutRule>(json!({"Name": "r", "EventPattern": "{\"a\":1}"}))).await;
    assert!(
        matches!(pattern, Err(messaging::Error::Pattern(message)) if message.starts_with("Event pattern is not valid."))
    );
}

#[tokio::test]
async fn targets_are_bounded_and_found_by_arn() {
    let world = World::new();
    let target = |n: usize| target_of(json!({"Id": format!("t{n}"), "Arn": world.queues.arn("q")}));
    world.rule("r", json!({"a": [1]}), json!({"Id": "t0", "Arn": world.queues.arn("q")})).await;
    let many = world.buses.put_targets(None, "r", (1..6).map(target).collect()).await.unwrap_err();
    assert!(matches!(many, messaging::Error::Limit(_)), "{many}");
    world.buses.put_targets(None, "r", (1..5).map(target).collect()).await.unwrap();
    let page = world.buses.list_targets(None, "r", Page { limit: 3, ..Page::default() }).await.unwrap();
    assert_eq!((page.items.len(), page.next.as_deref()), (3, Some("t2")));
    let names = world.buses.list_rule_names_by_target(None, &world.queues.arn("q"), Page::default()).await.unwrap();
    assert_eq!(names.items, ["r"]);
    assert_eq!(
        world.buses.delete_rule(None, "r").await.unwrap_err().to_string(),
        "Rule can't be deleted since it has targets."
    );
    let ids = (0..6).map(|n| format!("t{n}")).collect();
    let failed = world.buses.remove_targets(None, "r", ids).await.unwrap();
    assert_eq!(failed.iter().map(|failed| failed.target_id.as_str()).collect::<Vec<_>>(), ["t5"]);
    world.buses.delete_rule(None, "r").await.unwrap();
    assert_eq!(
        world.buses.list_targets(None, "r", Page::default()).await.unwrap_err().to_string(),
        "Rule r does not exist on EventBus default."
    );
    let both = json!({"Id": "t", "Arn": world.queues.arn("q"), "Input": "1", "InputPath": "$.x"});
    world.rule("r", json!({"a": [1]}), json!({"Id": "t0", "Arn": world.queues.arn("q")})).await;
    let refused = world.buses.put_targets(None, "r", vec![target_of(both)]).await.unwrap_err();
    assert_eq!(refused.to_string(), "Only one of Input, InputPath, or InputTransformer must be provided for target t.");
}

#[tokio::test]
async fn patterns_are_tried_on_events() {
    let world = World::new();
    let event =
        json!({"id": "1", "account": "1", "source": "s", "time": "t", "region": "r", "detail-type": "d"}).to_string();
    assert!(world.buses.test_pattern(r#"{"source":["s"]}"#, &event).unwrap());
    assert!(!world.buses.test_pattern(r#"{"source":["t"]}"#, &event).unwrap());
    assert!(world.buses.test_pattern(r#"{"source":"s"}"#, &event).is_err());
    assert!(world.buses.test_pattern(r#"{"source":["s"]}"#, "{}").is_err());
}

#[tokio::test]
async fn permissions_and_tags_are_kept() {
    let world = World::new();
    let put = |principal: &str, id: &str| {
        read::<PutPermission>(json!({"Action": "events:PutEvents", "Principal": principal, "StatementId": id}))
    };
    assert_eq!(
        world.buses.remove_permission(None, Some("x"), false).await.unwrap_err().to_string(),
        "EventBus does not have a policy."
    );
    world.buses.put_permission(put("111111111111", "one")).await.unwrap();
    world.buses.put_permission(put("*", "all")).await.unwrap();
    let policy = json!(world.buses.bus(None).await.unwrap().policy.unwrap());
    assert_eq!(
        policy["Statement"][0],
        json!({"Sid": "one", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
            "Action": "events:PutEvents", "Resource": world.buses.arn("default")})
    );
    world.buses.remove_permission(None, Some("one"), false).await.unwrap();
    assert!(world.buses.remove_permission(None, Some("one"), false).await.is_err());
    world.buses.remove_permission(None, None, true).await.unwrap();
    assert!(world.buses.bus(None).await.unwrap().policy.is_none());

    world.rule("r", json!({"a": [1]}), json!({"Id": "t", "Arn": world.queues.arn("q")})).await;
    let arn = world.buses.rule_arn("default", "r");
    let tags = read::<Vec<messaging::Tag>>(json!([{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]));
    world.buses.tag(&arn, tags).await.unwrap();
    world.buses.untag(&arn, vec!["k".into()]).await.unwrap();
    assert_eq!(json!(world.buses.tags(&arn).await.unwrap()), json!({"l": "w"}));
    let twice = read::<Vec<messaging::Tag>>(json!([{"Key": "k", "Value": "v"}, {"Key": "k", "Value": "w"}]));
    let refused = world.buses.tag(&world.buses.arn("default"), twice).await.unwrap_err();
    assert_eq!(refused.to_string(), "Invalid parameter: Duplicated keys are not allowed.");
}

#[tokio::test]
async fn destinations_resolve_with_their_connection_and_show_no_secret() {
    let world = World::new();
    let parameters = json!({"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "hidden"}});
    let create = json!({"Name": "c", "AuthorizationType": "API_KEY", "AuthParameters": parameters});
    let connection = world.buses.create_connection(read::<CreateConnection>(create)).await.unwrap();
    assert!(!connection.shown().to_string().contains("hidden") && !format!("{connection:?}").contains("hidden"));
    let arn = world.buses.connection_arn(&connection);
    let create =
        json!({"Name": "d", "ConnectionArn": arn, "InvocationEndpoint": "https://example.org/*", "HttpMethod": "POST"});
    let (destination, state) =
        world.buses.create_api_destination(read::<CreateApiDestination>(create.clone())).await.unwrap();
    assert_eq!(state, "ACTIVE");
    let resolved = world.buses.resolve(&world.buses.api_destination_arn(&destination)).await.unwrap();
    assert_eq!(resolved.auth_parameters.pointer("/ApiKeyAuthParameters/ApiKeyValue"), Some(&json!("hidden")));
    assert_eq!((resolved.method.as_str(), resolved.rate_max), ("POST", 300));
    world.buses.deauthorize_connection("c").await.unwrap();
    assert_eq!(world.buses.api_destination("d").await.unwrap().1, "INACTIVE");
    assert!(world.buses.resolve(&world.buses.api_destination_arn(&destination)).await.is_err());
    world.buses.delete_connection("c").await.unwrap();
    assert_eq!(
        world.buses.connection("c").await.unwrap_err().to_string(),
        "Failed to describe the connection(s). Connection 'c' does not exist."
    );
    let orphan = world.buses.create_api_destination(read::<CreateApiDestination>({
        let mut create = create;
        create["Name"] = json!("e");
        create
    }));
    assert!(orphan.await.unwrap_err().to_string().starts_with("Connection '"));
}
