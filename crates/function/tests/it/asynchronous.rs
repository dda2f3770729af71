//! Asynchronous invocations, their retries and destinations.

use function::{Error, Invocation};
use serde_json::{Value, json};

use crate::world::{World, eventually};

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:results";

#[tokio::test(flavor = "multi_thread")]
async fn results_reach_their_destinations_after_retries() {
    let world = World::new().await;
    world.create("f", json!({"DeadLetterConfig": {"TargetArn": QUEUE}})).await;
    let config =
        json!({"DestinationConfig": {"OnSuccess": {"Destination": QUEUE}, "OnFailure": {"Destination": QUEUE}}});
    let config = serde_json::from_value(config).unwrap();
    world.functions.put_event_invoke("f", None, config, false).await.unwrap();

    world.functions.submit("f", None, vec![Invocation::of(r#"{"n":1.50}"#)]).await.unwrap();
    let taken = || world.memory.taken.lock().unwrap().first().cloned();
    let success: Value = eventually("the result", taken).await;
    assert_eq!(success["requestContext"]["condition"], "Success");
    assert_eq!(success["requestContext"]["approximateInvokeCount"], 1);
    assert_eq!(success["requestPayload"].to_string(), r#"{"n":1.50}"#);
    assert_eq!(success["responsePayload"]["event"].to_string(), r#"{"n":1.5}"#);

    world.functions.submit("f", None, vec![Invocation::of(r#"{"do":"fail"}"#)]).await.unwrap();
    let taken = || {
        let taken = world.memory.taken.lock().unwrap();
        taken.get(1).cloned().zip(taken.get(2).cloned())
    };
    let (failure, letter) = eventually("the failure and the dead letter", taken).await;
    assert_eq!(failure["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(failure["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(failure["responseContext"]["functionError"], "Unhandled");
    assert_eq!(failure["responsePayload"]["errorType"], "Own.Error");
    assert_eq!(letter, json!({"do": "fail"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_queued_is_refused() {
    let world = World::new().await;
    world.create("f", json!({})).await;
    let submit = |payload: String| world.functions.submit("f", None, vec![Invocation::of(payload)]);
    assert!(matches!(submit("{".into()).await, Err(Error::Content(_))));
    assert!(matches!(submit(format!("\"{}\"", "x".repeat(1 << 20))).await, Err(Error::TooLarge(_))));
    let missing = world.functions.submit("g", None, vec![Invocation::of("{}")]).await;
    assert!(matches!(missing, Err(Error::NotFound(_))));
}
