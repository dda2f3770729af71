//! What fires when: rules with schedules, and EventBridge Scheduler, by a clock that is moved.

use messaging::Page;
use messaging::bus::PutRule;
use messaging::schedule::{CreateScheduleGroup, Filter, PutSchedule};
use serde_json::{Value, json};

use super::{NOW, World, record_of};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

async fn scheduled(world: &World, expression: &str) {
    let queue = world.queue("q").await;
    let rule = PutRule { name: "r".into(), schedule_expression: Some(expression.into()), ..PutRule::default() };
    world.buses.put_rule(rule).await.unwrap();
    world.target(None, "r", json!({"Id": "t", "Arn": queue})).await;
}

fn schedule(world: &World, changes: Value) -> PutSchedule {
    let mut input = json!({
        "Name": "s", "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": world.queues.arn("q"), "RoleArn": "arn:aws:iam::000000000000:role/r", "Input": "hello"},
    });
    input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    serde_json::from_value(input).unwrap()
}

#[tokio::test]
async fn a_rule_fires_at_its_rate() {
    let world = World::started().await;
    scheduled(&world, "rate(1 minute)").await;
    world.advance(MINUTE - 1).await;
    assert!(world.is_empty("q").await);
    world.advance(1).await;
    let event = record_of(&world.take("q", 1).await[0]);
    assert_eq!(
        (&event["source"], &event["detail-type"], &event["detail"], &event["resources"][0], &event["time"]),
        (
            &json!("aws.events"),
            &json!("Scheduled Event"),
            &json!({}),
            &json!("arn:aws:events:us-east-1:000000000000:rule/r"),
            &json!("2027-01-15T08:01:00Z")
        )
    );
    for _ in 0..3 {
        world.advance(MINUTE).await;
    }
    assert_eq!(world.take("q", 3).await.len(), 3);
    world.buses.set_rule_enabled(None, "r", false).await.unwrap();
    world.advance(10 * MINUTE).await;
    assert!(world.is_empty("q").await);
    world.buses.set_rule_enabled(None, "r", true).await.unwrap();
    world.advance(MINUTE).await;
    assert_eq!(world.take("q", 1).await.len(), 1);
}

#[tokio::test]
async fn of_what_was_missed_the_latest_fires_once() {
    let world = World::started().await;
    scheduled(&world, "cron(0 * * * ? *)").await;
    let world = world.reopened(5 * HOUR + 10 * MINUTE);
    world.start().await;
    world.buses.tick().await.unwrap();
    let event = record_of(&world.take("q", 1).await[0]);
    assert_eq!(event["time"], "2027-01-15T13:00:00Z");
    assert!(world.is_empty("q").await);
    world.advance(50 * MINUTE).await;
    assert_eq!(record_of(&world.take("q", 1).await[0])["time"], "2027-01-15T14:00:00Z");
    // NOW is 08:00, so a daily rule has its occurrence a day and more before
    let world = World::started().await;
    scheduled(&world, "cron(0 9 15 * ? *)").await;
    let world = world.reopened(10 * 24 * HOUR);
    world.start().await;
    world.buses.tick().await.unwrap();
    world.buses.tick().await.unwrap();
    assert!(world.is_empty("q").await, "what is older than a day does not fire");
}

#[tokio::test]
async fn one_time_schedules_fire_once_and_may_delete_themselves() {
    let world = World::started().await;
    world.queue("q").await;
    let at = json!({"ScheduleExpression": "at(2027-01-15T10:00:00)", "ScheduleExpressionTimezone": "Europe/Oslo",
        "ActionAfterCompletion": "DELETE", "Target": {
            "Arn": world.queues.arn("q"), "RoleArn": "arn:aws:iam::000000000000:role/r",
            "Input": "{\"at\":\"<aws.scheduler.scheduled-time>\"}"}});
    world.schedules.create(schedule(&world, at)).await.unwrap();
    world.advance(HOUR - 1).await;
    assert!(world.is_empty("q").await);
    world.advance(1).await;
    assert_eq!(world.bodies("q", 1).await, [r#"{"at":"2027-01-15T09:00:00Z"}"#]);
    assert_eq!(world.schedules.schedule(None, "s").await.unwrap_err().to_string(), "Schedule s does not exist.");
    let past = json!({"ScheduleExpression": "at(2027-01-15T07:00:00)"});
    world.schedules.create(schedule(&world, past)).await.unwrap();
    world.advance(HOUR).await;
    assert!(world.is_empty("q").await);
}

#[tokio::test]
async fn schedules_keep_to_their_dates() {
    let world = World::started().await;
    world.queue("q").await;
    let seconds = |ms: i64| (NOW + ms) as f64 / 1000.0;
    let dates =
        json!({"StartDate": seconds(2 * HOUR), "EndDate": seconds(4 * HOUR), "ActionAfterCompletion": "DELETE"});
    world.schedules.create(schedule(&world, dates)).await.unwrap();
    for _ in 0..8 {
        world.advance(HOUR).await;
    }
    assert_eq!(world.bodies("q", 3).await.len(), 3);
    assert!(world.is_empty("q").await);
    assert!(world.schedules.schedule(None, "s").await.is_err());
    let age = json!({"Target": {"Arn": world.queues.arn("q"), "RoleArn": "arn:aws:iam::000000000000:role/r", "Input": "late",
        "RetryPolicy": {"MaximumEventAgeInSeconds": 60}}});
    world.schedules.create(schedule(&world, age)).await.unwrap();
    let world = world.reopened(90 * MINUTE);
    world.start().await;
    world.buses.tick().await.unwrap();
    assert!(world.is_empty("q").await, "missed by more than its maximum age");
}

#[tokio::test]
async fn a_bus_gets_an_event_around_the_input() {
    let world = World::started().await;
    let queue = world.queue("q").await;
    world.rule("r", json!({"source": ["mine"], "detail": {"n": [7]}}), json!({"Id": "t", "Arn": queue})).await;
    let target = json!({"Target": {
        "Arn": world.buses.arn("default"), "RoleArn": "arn:aws:iam::000000000000:role/r", "Input": "{\"n\":7}",
        "EventBridgeParameters": {"DetailType": "Mine", "Source": "mine"}}});
    world.schedules.create(schedule(&world, target)).await.unwrap();
    world.advance(HOUR).await;
    let event = record_of(&world.take("q", 1).await[0]);
    assert_eq!((&event["detail-type"], &event["detail"]), (&json!("Mine"), &json!({"n": 7})));
    assert_eq!(event["resources"][0], "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s");
}

#[tokio::test]
async fn groups_hold_schedules() {
    let world = World::new();
    let group =
        serde_json::from_value::<CreateScheduleGroup>(json!({"Name": "g", "Tags": [{"Key": "k", "Value": "v"}]}))
            .unwrap();
    world.schedules.create_group(group).await.unwrap();
    world.schedules.create(schedule(&world, json!({"GroupName": "g"}))).await.unwrap();
    world.schedules.create(schedule(&world, json!({}))).await.unwrap();
    let again = world.schedules.create(schedule(&world, json!({}))).await.unwrap_err();
    assert_eq!(again.to_string(), "Schedule s already exists.");
    let nowhere = world.schedules.create(schedule(&world, json!({"GroupName": "h"}))).await.unwrap_err();
    assert_eq!(nowhere.to_string(), "Schedule group h does not exist.");
    let all = world.schedules.list(Filter::default(), Page { limit: 1, ..Page::default() }).await.unwrap();
    assert_eq!((all.items.len(), all.next.as_deref()), (1, Some("default/s")));
    let rest = world.schedules.list(Filter::default(), Page { token: all.next, ..Page::default() }).await.unwrap();
    assert_eq!(rest.items[0].group_name, "g");
    assert_eq!(json!(world.schedules.tags(&world.schedules.group_arn("g")).await.unwrap()), json!({"k": "v"}));
    world.schedules.delete_group("g").await.unwrap();
    assert!(world.schedules.schedule(Some("g"), "s").await.is_err());
    assert!(world.schedules.delete_group("default").await.is_err());
    for bad in [
        json!({"ScheduleExpression": "rate(5)"}),
        json!({"ScheduleExpressionTimezone": "Mars/Base"}),
        json!({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}),
        json!({"State": "ON"}),
        json!({"Target": {"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "Input": "x"}}),
        json!({"Target": {"Arn": "no", "RoleArn": "arn:aws:iam::000000000000:role/r"}}),
        json!({"StartDate": 2, "EndDate": 1}),
    ] {
        assert!(world.schedules.update(schedule(&world, bad.clone())).await.is_err(), "{bad}");
    }
}
