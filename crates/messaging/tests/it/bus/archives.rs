//! Archives keep what matches, replays put it again.

use messaging::Page;
use messaging::bus::{CreateArchive, StartReplay};
use serde_json::{Value, json};

use super::{NOW, World, record_of};

async fn replay(world: &World, input: Value) -> Result<String, String> {
    let input: StartReplay = serde_json::from_value(input).unwrap();
    let name = input.replay_name.clone();
    world.buses.start_replay(input).await.map_err(|error| error.to_string())?;
    loop {
        let replay = world.buses.replay(&name).await.unwrap();
        if replay.ended_ms.is_some() {
            return Ok(replay.state);
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn archived_events_are_replayed_once_in_order_with_the_name_of_the_replay() {
    let world = World::started().await;
    let (queue, other) = (world.queue("q").await, world.queue("other").await);
    world
        .rule("r", json!({"source": ["test"], "replay-name": [{"exists": true}]}), json!({"Id": "t", "Arn": queue}))
        .await;
    world.rule("s", json!({"replay-name": [{"exists": true}]}), json!({"Id": "t", "Arn": other})).await;
    let bus = world.buses.arn("default");
    let create = json!({"ArchiveName": "a", "EventSourceArn": bus, "EventPattern": "{\"detail\":{\"keep\":[true]}}"});
    world.buses.create_archive(serde_json::from_value::<CreateArchive>(create).unwrap()).await.unwrap();
    for n in 0..150 {
        world.put(json!({"keep": n % 3 != 0, "n": n})).await;
        world.advance(1000).await;
    }
    let (_, count, bytes) = world.buses.archive("a").await.unwrap();
    assert_eq!(count, 100);
    assert!(bytes > 10_000);
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let start = json!({
        "ReplayName": "again", "EventSourceArn": world.buses.archive_arn("a"),
        "EventStartTime": seconds(NOW + 30_000), "EventEndTime": seconds(NOW + 1_000_000),
        "Destination": {"Arn": bus, "FilterArns": [world.buses.rule_arn("default", "r")]},
    });
    assert_eq!(replay(&world, start.clone()).await.unwrap(), "COMPLETED");
    let messages = world.take("q", 80).await;
    let numbers: Vec<i64> =
        messages.iter().map(|message| record_of(message)["detail"]["n"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (30..150).filter(|n| n % 3 != 0).collect::<Vec<_>>());
    assert_eq!(record_of(&messages[0])["replay-name"], "again");
    assert!(world.is_empty("q").await && world.is_empty("other").await);
    assert_eq!(world.buses.archive("a").await.unwrap().1, 100, "what is replayed is not archived again");

    let refused = |change: Value| {
        let mut start = start.clone();
        start["ReplayName"] = json!("other");
        start.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        start
    };
    for (change, reason) in [
        (json!({"ReplayName": "again"}), "Replay again already exists."),
        (
            json!({"EventEndTime": 1}),
            "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
        ),
        (
            json!({"EventSourceArn": world.buses.archive_arn("b")}),
            "Parameter EventSourceArn is not valid. Reason: Archive b does not exist.",
        ),
        (json!({"Destination": {"Arn": world.buses.arn("b")}}), "Event bus b does not exist."),
    ] {
        assert_eq!(replay(&world, refused(change)).await.unwrap_err(), reason);
    }
    assert!(world.buses.cancel_replay("again").await.unwrap_err().to_string().contains("valid state"));
    assert_eq!(world.buses.list_replays(None, Some("COMPLETED"), Page::default()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn archives_forget_after_their_days() {
    let world = World::started().await;
    let bus = world.buses.arn("default");
    let create = json!({"ArchiveName": "a", "EventSourceArn": bus, "RetentionDays": 1});
    world.buses.create_archive(serde_json::from_value::<CreateArchive>(create).unwrap()).await.unwrap();
    world.put(json!({})).await;
    world.advance(40_000_000).await;
    world.put(json!({})).await;
    world.advance(50_000_000).await;
    assert_eq!(world.buses.archive("a").await.unwrap().1, 1);
    world.buses.delete_archive("a").await.unwrap();
    assert!(world.buses.archive("a").await.is_err());
}
