//! From an event to its targets: inputs, order, retries, dead letters, buses behind buses, restarts.

use std::sync::atomic::Ordering;

use messaging::bus::{CreateEventBus, PutRule};
use messaging::queue::Payload;
use serde_json::{Value, json};

use super::{NOW, World, entry, record_of};

fn text(message: &messaging::queue::Received, name: &str) -> Option<String> {
    match &message.attributes.get(name)?.value {
        Payload::Text(text) => Some(text.clone()),
        Payload::Binary(_) => None,
    }
}

#[tokio::test]
async fn an_event_arrives_whole_and_in_order() {
    let world = World::started().await;
    let queue = world.queue("q").await;
    world
        .rule(
            "r",
            json!({"source": ["test"], "detail": {"n": [{"numeric": [">=", 0]}]}}),
            json!({"Id": "t", "Arn": queue}),
        )
        .await;
    let id = world.put(json!({"n": 0, "text": "é\""})).await;
    world.put(json!({"n": -1})).await;
    for n in 1..30 {
        world.put(json!({"n": n})).await;
    }
    let messages = world.take("q", 30).await;
    let first = record_of(&messages[0]);
    assert_eq!(
        first,
        json!({"version": "0", "id": id, "detail-type": "Tested", "source": "test", "account": "000000000000",
            "time": "2027-01-15T08:00:00Z", "region": "us-east-1", "resources": [], "detail": {"n": 0, "text": "é\""}})
    );
    let numbers: Vec<i64> =
        messages.iter().map(|message| record_of(message)["detail"]["n"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (0..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn targets_get_what_they_ask_for() {
    let world = World::started().await;
    for (n, target, expected) in [
        (0, json!({"Input": "{\"fixed\":true}"}), "{\"fixed\":true}".to_owned()),
        (1, json!({"InputPath": "$.detail.who"}), "\"me\"".to_owned()),
        (
            2,
            json!({"InputTransformer": {
                "InputPathsMap": {"who": "$.detail.who"},
                "InputTemplate": "{\"rule\": <aws.events.rule-name>, \"who\": \"<who>!\"}",
            }}),
            "{\"rule\": \"r2\", \"who\": \"me!\"}".to_owned(),
        ),
    ] {
        let arn = world.queue(&format!("q{n}")).await;
        let mut whole = json!({"Id": "t", "Arn": arn});
        whole.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        world.rule(&format!("r{n}"), json!({"source": ["test"]}), whole).await;
        world.put(json!({"who": "me"})).await;
        assert_eq!(world.bodies(&format!("q{n}"), 1).await[0], expected);
    }
}

#[tokio::test]
async fn entries_fail_one_by_one() {
    let world = World::started().await;
    let with = |change: fn(&mut messaging::bus::Entry)| {
        let mut entry = entry(json!({}));
        change(&mut entry);
        entry
    };
    let results = world
        .buses
        .put(vec![
            entry(json!({})),
            with(|entry| entry.source = None),
            with(|entry| entry.detail_type = Some(String::new())),
            with(|entry| entry.detail = None),
            with(|entry| entry.detail = Some("[1]".into())),
            with(|entry| entry.source = Some("aws.mine".into())),
            with(|entry| entry.event_bus_name = Some("nowhere".into())),
        ])
        .await
        .unwrap();
    let codes: Vec<&str> =
        results.iter().map(|result| result.as_ref().map_or_else(|(code, _)| *code, |_| "")).collect();
    assert_eq!(
        codes,
        [
            "",
            "InvalidArgument",
            "InvalidArgument",
            "InvalidArgument",
            "MalformedDetail",
            "NotAuthorizedForSourceException",
            ""
        ]
    );
    let message = &results[1].as_ref().unwrap_err().1;
    assert_eq!(message, "Parameter Source is not valid. Reason: Source is a required argument.");
    assert!(world.buses.put(vec![entry(json!({})); 11]).await.is_err());
    assert!(world.buses.put(Vec::new()).await.is_err());
    let big = entry(json!({"text": "x".repeat(600_000)}));
    assert!(world.buses.put(vec![big.clone(), big]).await.unwrap_err().to_string().contains("over the limit"));
}

#[tokio::test]
async fn a_rule_counts_from_the_moment_it_is_acknowledged_until_it_is_changed() {
    let world = World::started().await;
    let queue = world.queue("q").await;
    world.put(json!({"n": 0})).await;
    world.rule("r", json!({"source": ["test"]}), json!({"Id": "t", "Arn": queue})).await;
    world.put(json!({"n": 1})).await;
    world.buses.set_rule_enabled(None, "r", false).await.unwrap();
    world.put(json!({"n": 2})).await;
    world.buses.set_rule_enabled(None, "r", true).await.unwrap();
    world.put(json!({"n": 3})).await;
    world.rule("r", json!({"source": ["other"]}), json!({"Id": "t", "Arn": queue})).await;
    world.put(json!({"n": 4})).await;
    let numbers: Vec<Value> =
        world.take("q", 2).await.iter().map(|message| record_of(message)["detail"]["n"].clone()).collect();
    assert_eq!(numbers, [json!(1), json!(3)]);
    assert!(world.is_empty("q").await);
}

#[tokio::test]
async fn a_failing_target_is_tried_again_and_holds_up_nobody() {
    let world = World::started().await;
    let queue = world.queue("q").await;
    world.flaky.failures.store(3, Ordering::SeqCst);
    world
        .rule("flaky", json!({"source": ["test"]}), json!({"Id": "t", "Arn": "arn:aws:flaky:us-east-1:000000000000:x"}))
        .await;
    world.rule("other", json!({"source": ["test"]}), json!({"Id": "t", "Arn": queue})).await;
    world.put(json!({})).await;
    world.take("q", 1).await;
    world.until("three retries", || world.flaky.calls.load(Ordering::SeqCst) == 4).await;
    for _ in 0..10 {
        world.advance(600_000).await;
    }
    assert_eq!(world.flaky.calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn what_cannot_be_delivered_ends_in_the_dead_letter_queue() {
    let world = World::started().await;
    let dead = world.queue("dead").await;
    let missing = world.queues.arn("missing");
    let target = json!({"Id": "t", "Arn": missing, "DeadLetterConfig": {"Arn": dead}, "Input": "\"changed\""});
    world.rule("r", json!({"source": ["test"]}), target).await;
    let id = world.put(json!({"n": 1})).await;
    let message = world.take("dead", 1).await.remove(0);
    assert_eq!(record_of(&message)["id"], json!(id), "the dead letter is the event itself");
    assert_eq!(text(&message, "RULE_ARN").as_deref(), Some("arn:aws:events:us-east-1:000000000000:rule/r"));
    assert_eq!(text(&message, "TARGET_ARN"), Some(missing));
    assert_eq!(text(&message, "ERROR_CODE").as_deref(), Some("NO_RESOURCE"));
    assert_eq!(text(&message, "RETRY_ATTEMPTS").as_deref(), Some("0"));
    assert_eq!(text(&message, "EXHAUSTED_RETRY_CONDITION"), None);
}

#[tokio::test]
async fn retries_end_by_number_or_age() {
    for (policy, condition) in [
        (json!({"MaximumRetryAttempts": 2}), "MaximumRetryAttempts"),
        (json!({"MaximumEventAgeInSeconds": 60}), "MaximumEventAgeInSeconds"),
    ] {
        let world = World::started().await;
        let dead = world.queue("dead").await;
        world.flaky.failures.store(1000, Ordering::SeqCst);
        let arn = "arn:aws:flaky:us-east-1:000000000000:x";
        let target = json!({"Id": "t", "Arn": arn, "DeadLetterConfig": {"Arn": dead}, "RetryPolicy": policy});
        world.rule("r", json!({"source": ["test"]}), target).await;
        world.put(json!({})).await;
        let message = loop {
            world.advance(20_000).await;
            let wait = messaging::queue::Receive {
                wait: Some(std::time::Duration::from_millis(50)),
                ..messaging::queue::Receive::new(1)
            };
            if let Some(message) = world.queues.receive("dead", wait).await.unwrap().pop() {
                break message;
            }
            assert!(world.now_ms() < NOW + 100_000_000, "{condition}");
        };
        assert_eq!(text(&message, "EXHAUSTED_RETRY_CONDITION").as_deref(), Some(condition));
        assert_eq!(text(&message, "ERROR_CODE").as_deref(), Some("Busy"));
        if condition == "MaximumRetryAttempts" {
            assert_eq!(text(&message, "RETRY_ATTEMPTS").as_deref(), Some("2"));
            assert_eq!(world.flaky.calls.load(Ordering::SeqCst), 3);
        }
    }
}

#[tokio::test]
async fn events_go_on_from_bus_to_bus_but_not_for_ever() {
    let world = World::started().await;
    let queue = world.queue("q").await;
    let dead = world.queue("dead").await;
    world.buses.create_bus(serde_json::from_value::<CreateEventBus>(json!({"Name": "second"})).unwrap()).await.unwrap();
    let second = world.buses.arn("second");
    let on = json!({"Id": "t", "Arn": second, "DeadLetterConfig": {"Arn": dead}});
    world.rule("on", json!({"source": ["test"]}), on).await;
    let back = PutRule {
        name: "back".into(),
        event_bus_name: Some("second".into()),
        event_pattern: Some(r#"{"source":["test"]}"#.into()),
        ..PutRule::default()
    };
    world.buses.put_rule(back).await.unwrap();
    world.target(Some("second"), "back", json!({"Id": "q", "Arn": queue})).await;
    let id = world.put(json!({"n": 1})).await;
    let message = world.take("q", 1).await.remove(0);
    assert_eq!(record_of(&message)["id"], json!(id), "the event is the same on every bus");

    let circle = json!({"Id": "b", "Arn": world.buses.arn("default"), "DeadLetterConfig": {"Arn": dead}});
    world.target(Some("second"), "back", circle).await;
    world.put(json!({"n": 2})).await;
    let lost = world.take("dead", 1).await.remove(0);
    assert!(text(&lost, "ERROR_MESSAGE").unwrap().contains("bus to bus"));
    assert!(world.take("q", 4).await.len() >= 4, "it came by more than once");
}

#[tokio::test]
async fn what_was_acknowledged_is_delivered_after_a_restart() {
    let world = World::new();
    let queue = world.queue("q").await;
    world.rule("r", json!({"source": ["test"]}), json!({"Id": "t", "Arn": queue})).await;
    for n in 0..250 {
        world.put(json!({"n": n})).await;
    }
    let world = world.reopened(1000);
    world.start().await;
    let mut numbers: Vec<i64> =
        world.take("q", 250).await.iter().map(|message| record_of(message)["detail"]["n"].as_i64().unwrap()).collect();
    assert!(world.is_empty("q").await, "each arrives once");
    numbers.dedup();
    assert_eq!(numbers, (0..250).collect::<Vec<_>>());
}

#[tokio::test]
async fn fifo_queues_need_their_group() {
    let world = World::started().await;
    let attributes = [("FifoQueue".to_owned(), "true".to_owned())].into();
    world.queues.create("q.fifo", attributes, Default::default()).await.unwrap();
    let arn = world.queues.arn("q.fifo");
    world
        .rule(
            "r",
            json!({"source": ["test"]}),
            json!({"Id": "t", "Arn": arn, "SqsParameters": {"MessageGroupId": "g"}}),
        )
        .await;
    let refused = world.buses.put_targets(None, "r", vec![super::target_of(json!({"Id": "u", "Arn": arn}))]).await;
    assert!(refused.unwrap_err().to_string().contains("SqsParameters must be specified for target: u"));
    world.put(json!({"n": 1})).await;
    world.put(json!({"n": 2})).await;
    assert_eq!(world.take("q.fifo", 1).await[0].group.as_deref(), Some("g"));
}

#[tokio::test]
async fn a_dead_letter_is_delivered_again_to_its_target() {
    let world = World::started().await;
    let dead = world.queue("dead").await;
    let missing = world.queues.arn("later");
    let target = json!({"Id": "t", "Arn": missing, "InputPath": "$.detail.n", "DeadLetterConfig": {"Arn": dead}});
    world.rule("r", json!({"source": ["test"]}), target).await;
    let found = world.buses.dead_letters().await.unwrap();
    assert_eq!((found[0].queue.as_str(), found[0].target.as_str()), (dead.as_str(), missing.as_str()));
    world.put(json!({"n": 5})).await;
    let letter = world.take_and_release("dead").await;
    assert!(!world.buses.redrive("dead", letter.number + 1).await.unwrap(), "there is no such letter");
    world.queue("later").await;
    assert!(world.buses.redrive("dead", letter.number).await.unwrap());
    assert_eq!(world.bodies("later", 1).await, ["5"]);
    assert!(world.is_empty("dead").await);

    // What does not say where it came from, or came from what is gone, stays.
    let plain = messaging::queue::NewMessage { body: "x".into(), ..Default::default() };
    world.queues.send("dead", plain).await.unwrap();
    let letter = world.take_and_release("dead").await;
    assert!(world.buses.redrive("dead", letter.number).await.is_err());
    assert_eq!(world.bodies("dead", 1).await, ["x"]);
}
