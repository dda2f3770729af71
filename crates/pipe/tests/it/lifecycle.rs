//! The Pipes API: states, conflicts, refusals, restarts.

use std::sync::atomic::Ordering;

use event::Kind;
use pipe::{Filter, Update};
use serde_json::{Value, json};

use crate::fixture::{World, input, until};

#[tokio::test]
async fn a_pipe_goes_through_its_states() {
    let world = World::new(false);
    world.stream.shard("a", None);
    let pipes = world.pipes().await;
    let created = pipes.create(&input(json!({}))).await.unwrap();
    assert_eq!(created.current.as_str(), "CREATING");
    until(&pipes, "RUNNING").await;
    assert_eq!(pipes.create(&input(json!({}))).await.unwrap_err().to_string(), "Pipe p already exists.");
    assert_eq!(pipes.stop("p").await.unwrap().current.as_str(), "STOPPING");
    until(&pipes, "STOPPED").await;
    let update = Update { description: Some("new".into()), ..Update::default() };
    assert_eq!(pipes.update("p", update).await.unwrap().definition.description.as_deref(), Some("new"));
    until(&pipes, "STOPPED").await;
    pipes.start("p").await.unwrap();
    until(&pipes, "RUNNING").await;
    assert_eq!(pipes.delete("p").await.unwrap().current.as_str(), "DELETING");
    while pipes.describe("p").await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(pipes.describe("p").await.unwrap_err().kind(), Kind::NotFound);
    let again = pipes.create(&input(json!({}))).await.unwrap();
    assert_ne!(again.consumer(), created.consumer(), "another pipe of the same name");
    pipes.shutdown().await;
}

#[tokio::test]
async fn failures_to_start_and_halts_carry_their_reason() {
    let world = World::new(false);
    world.stream.shard("a", None);
    let pipes = world.pipes().await;
    let mut create = input(json!({}));
    create["Source"] = json!("arn:aws:dynamodb:us-east-1:000000000000:table/missing/stream/1");
    pipes.create(&create).await.unwrap();
    assert_eq!(until(&pipes, "CREATE_FAILED").await.reason.as_deref(), Some("stream not found"));
    pipes.delete("p").await.unwrap();
    while pipes.describe("p").await.is_ok() {
        tokio::task::yield_now().await;
    }
    world.sink.halt.store(true, Ordering::SeqCst);
    world.stream.put("a", 0, 1, 0);
    pipes.create(&input(json!({}))).await.unwrap();
    assert_eq!(until(&pipes, "STOPPED").await.reason.as_deref(), Some("not allowed"));
    world.sink.halt.store(false, Ordering::SeqCst);
    pipes.start("p").await.unwrap();
    world.sink.wait_for(1).await;
    pipes.shutdown().await;
}

#[tokio::test]
async fn what_is_not_supported_is_refused_by_name() {
    let world = World::new(false);
    let pipes = world.pipes().await;
    let check = async |change: fn(&mut Value), expected: &str| {
        let mut create = input(json!({}));
        change(&mut create);
        let error = pipes.create(&create).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.to_string().contains(expected), "{error} has no {expected}");
    };
    check(|c| c["Enrichment"] = json!("arn:aws:lambda:us-east-1:0:function:f"), "enrichment arn:aws:lambda").await;
    check(|c| c["SourceParameters"]["KinesisStreamParameters"] = json!({}), "SourceParameters.KinesisStreamParameters")
        .await;
    check(|c| c["TargetParameters"] = json!({"EcsTaskParameters": {}}), "TargetParameters.EcsTaskParameters").await;
    check(|c| c["Target"] = json!("arn:aws:lambda:us-east-1:0:function:f"), "not supported").await;
    check(|c| c["Name"] = json!("a b"), "'name'").await;
    check(|c| c["RoleArn"] = json!("x"), "'roleArn'").await;
    check(|c| c["RoleArn"] = Value::Null, "'roleArn'").await;
    check(|c| c["SourceParameters"]["DynamoDBStreamParameters"]["BatchSize"] = json!(10_001), "batchSize").await;
    check(|c| c["SourceParameters"] = Value::Null, "startingPosition").await;
    check(|c| c["SourceParameters"]["FilterCriteria"] = json!({"Filters": [{"Pattern": "{"}]}), "pattern").await;
    let dead = "SourceParameters.DynamoDBStreamParameters.DeadLetterConfig";
    let letters = |config: Value| {
        let mut create = input(json!({}));
        create["SourceParameters"]["DynamoDBStreamParameters"]["DeadLetterConfig"] = config;
        create
    };
    for (config, expected) in [
        (json!({"Arn": "arn:aws:sns:us-east-1:000000000000:topic"}), format!("{dead}.Arn arn:aws:sns")),
        (json!({"Arn": "queue"}), "deadLetterConfig.arn".into()),
        (json!({"Arn": 1}), "is not a string".into()),
        (json!({"Queue": "q"}), format!("{dead}.Queue is not supported")),
        (json!("queue"), format!("{dead} is not an object")),
    ] {
        let error = pipes.create(&letters(config)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.to_string().contains(&expected), "{error} has no {expected}");
    }
    check(|c| c["SourceParameters"] = json!({"KinesisStreamParameters": {}}), "KinesisStreamParameters").await;
    check(|c| c["TargetParameters"] = json!({"InputTemplate": "<aws.pipes.none>"}), "InputTemplate").await;
}

#[tokio::test]
async fn lists_page_and_filter() {
    let world = World::new(false);
    let pipes = world.pipes().await;
    for name in ["a1", "a2", "b1"] {
        let mut create = input(json!({}));
        create["Name"] = json!(name);
        create["DesiredState"] = json!("STOPPED");
        create["Tags"] = json!({"k": name});
        pipes.create(&create).await.unwrap();
    }
    let filter =
        |token| Filter { name_prefix: Some("a".into()), limit: Some(1), next_token: token, ..Filter::default() };
    let first = pipes.list(filter(None)).await.unwrap();
    assert_eq!((first.pipes[0].definition.name.as_str(), first.next_token.as_deref()), ("a1", Some("a1")));
    let second = pipes.list(filter(first.next_token)).await.unwrap();
    assert_eq!((second.pipes[0].definition.name.as_str(), second.next_token), ("a2", None));
    let changes = [("k".to_owned(), None), ("x".to_owned(), Some("y".to_owned()))].into_iter().collect();
    assert_eq!(pipes.tag("b1", changes).await.unwrap().into_iter().collect::<Vec<_>>(), [("x".into(), "y".into())]);
}
