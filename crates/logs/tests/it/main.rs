//! Log groups on a real database.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use event::{Arn, Batch, Kind, ManualClock, Receipt, Record};
use logs::{Error, Input, Logs, Query, Search};
use serde_json::json;
use state::{Settings, State};

const NOW: i64 = 1_800_000_000_000;

struct Fixture {
    logs: Logs,
    clock: Arc<ManualClock>,
    _dir: tempfile::TempDir,
}

async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(&Settings::new(dir.path().join("state.db").to_str().unwrap())).unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let logs = Logs::open(state, clock.clone(), "us-east-1", "000000000000").unwrap();
    logs.create_group("g", None, None, BTreeMap::new()).await.unwrap();
    logs.create_stream("g", "s").await.unwrap();
    Fixture { logs, clock, _dir: dir }
}

fn inputs(from: i64, count: i64) -> Vec<Input> {
    (from..from + count).map(|n| Input { at_ms: NOW + n, message: format!("message {n}") }).collect()
}

async fn messages(logs: &Logs, stream: &str) -> Vec<String> {
    let query = Query { limit: 10_000, from_head: true, ..Query::default() };
    logs.get("g", stream, query).await.unwrap().events.into_iter().map(|event| event.message).collect()
}

#[tokio::test]
async fn pages_go_both_ways_and_tokens_stand_still_at_the_end() {
    let Fixture { logs, _dir, .. } = fixture().await;
    logs.put("g", "s", inputs(0, 10)).await.unwrap();
    let query = |token: Option<String>, from_head| Query { limit: 4, from_head, token, ..Query::default() };
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let page = logs.get("g", "s", query(token.clone(), true)).await.unwrap();
        seen.extend(page.events.iter().map(|event| event.message.clone()));
        if token.as_ref() == Some(&page.forward) {
            break;
        }
        token = Some(page.forward);
    }
    assert_eq!(seen, (0..10).map(|n| format!("message {n}")).collect::<Vec<_>>());
    let newest = logs.get("g", "s", query(None, false)).await.unwrap();
    assert_eq!(newest.events.first().unwrap().message, "message 6");
    let before = logs.get("g", "s", query(Some(newest.backward), false)).await.unwrap();
    assert_eq!(before.events.first().unwrap().message, "message 2");
}

#[tokio::test]
async fn events_outside_the_window_are_rejected_by_index() {
    let Fixture { logs, _dir, .. } = fixture().await;
    let at = |ms: i64| Input { at_ms: NOW + ms, message: "m".into() };
    let accepted = logs.put("g", "s", vec![at(-15 * 86_400_000), at(0), at(3 * 3_600_000)]).await.unwrap();
    assert_eq!((accepted.too_old_to, accepted.too_new_from), (Some(1), Some(2)));
    assert_eq!(messages(&logs, "s").await.len(), 1);
    let error = logs.put("g", "s", vec![at(5), at(4)]).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "out of order");
    let error = logs.put("g", "s", vec![at(-86_400_000), at(1)]).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "more than a day");
}

#[tokio::test]
async fn retention_hides_and_removes_old_events() {
    let Fixture { logs, clock, _dir } = fixture().await;
    logs.put("g", "s", inputs(0, 3)).await.unwrap();
    logs.set_retention("g", Some(1)).await.unwrap();
    clock.advance_ms(86_400_000 + 2);
    assert_eq!(messages(&logs, "s").await, ["message 2"]);
    assert!(matches!(logs.set_retention("g", Some(2)).await, Err(Error::Invalid(_))));
    logs.set_retention("g", None).await.unwrap();
    assert_eq!(messages(&logs, "s").await.len(), 3);
    logs.sweep().await.unwrap();
    assert_eq!(messages(&logs, "s").await.len(), 3, "without a retention all is kept");
    logs.set_retention("g", Some(1)).await.unwrap();
    logs.sweep().await.unwrap();
    logs.set_retention("g", None).await.unwrap();
    assert_eq!(messages(&logs, "s").await, ["message 2"]);
}

#[tokio::test]
async fn filter_pages_over_streams_in_time_order() {
    let Fixture { logs, _dir, .. } = fixture().await;
    logs.create_stream("g", "t").await.unwrap();
    logs.put("g", "s", inputs(0, 5)).await.unwrap();
    logs.put("g", "t", inputs(0, 5)).await.unwrap();
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let search = Search { limit: 3, pattern: "message -2".into(), token, ..Search::default() };
        let (events, next) = logs.filter("g", search).await.unwrap();
        seen.extend(events.into_iter().map(|event| (event.at_ms - NOW, event.stream)));
        token = next;
        if token.is_none() {
            break;
        }
    }
    let expected: Vec<_> = [0, 1, 3, 4].iter().flat_map(|n| [(*n, "s".to_owned()), (*n, "t".to_owned())]).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn filter_goes_backwards_and_a_token_keeps_its_direction() {
    let Fixture { logs, _dir, .. } = fixture().await;
    logs.put("g", "s", inputs(0, 5)).await.unwrap();
    let search = |newest_first, token| Search { limit: 2, newest_first, token, ..Search::default() };
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let (events, next) = logs.filter("g", search(token.is_none(), token)).await.unwrap();
        seen.extend(events.into_iter().map(|event| event.at_ms - NOW));
        token = next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, [4, 3, 2, 1, 0]);
    for token in ["", "f/1/2", "x/1/2/s", "f/1/b/s", "f/1/2/a:b"] {
        let error = logs.filter("g", search(false, Some(token.to_owned()))).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{token}");
    }
}

#[tokio::test]
async fn a_page_ends_after_so_much_was_read_and_goes_on_there() {
    let Fixture { logs, _dir, .. } = fixture().await;
    for n in 0..18 {
        let message = if n == 17 { "found".to_owned() } else { "x".repeat(1_000_000) };
        logs.put("g", "s", vec![Input { at_ms: NOW + n, message }]).await.unwrap();
    }
    let search = |token| Search { limit: 10, pattern: "found".into(), token, ..Search::default() };
    let (events, token) = logs.filter("g", search(None)).await.unwrap();
    assert!(events.is_empty() && token.is_some(), "an empty page, and more");
    let (events, token) = logs.filter("g", search(token)).await.unwrap();
    assert_eq!((events.len(), token), (1, None));
}

#[tokio::test]
async fn names_are_checked_and_deleted_groups_leave_nothing() {
    let Fixture { logs, _dir, .. } = fixture().await;
    logs.put("g", "s", inputs(0, 3)).await.unwrap();
    assert!(matches!(logs.create_group("g", None, None, BTreeMap::new()).await, Err(Error::Exists("group"))));
    assert!(matches!(logs.create_group("a b", None, None, BTreeMap::new()).await, Err(Error::Invalid(_))));
    assert!(matches!(logs.create_stream("g", "a:b").await, Err(Error::Invalid(_))));
    assert!(matches!(logs.create_stream("none", "a").await, Err(Error::NotFound("group"))));
    assert!(matches!(logs.put("g", "none", inputs(0, 1)).await, Err(Error::NotFound("stream"))));
    logs.delete_group("g").await.unwrap();
    logs.create_group("g", None, None, BTreeMap::new()).await.unwrap();
    logs.create_stream("g", "s").await.unwrap();
    assert!(messages(&logs, "s").await.is_empty());
}

#[tokio::test]
async fn a_repeated_batch_is_written_once_however_it_is_cut() {
    let Fixture { logs, _dir, .. } = fixture().await;
    let arn: Arn = "arn:aws:logs:us-east-1:000000000000:log-group:g:*".parse().unwrap();
    let parameters = json!({"CloudWatchLogsParameters": {"LogStreamName": "out"}});
    let target = logs::target::open(&logs, &arn, &parameters).await.unwrap();
    let record = |n: u64| Record {
        data: format!("r{n}").into(),
        sequence: n.into(),
        at_ms: NOW,
        key_hash: 0,
        untemplated: None,
        id: "r".into(),
    };
    let batch = |records: std::ops::RangeInclusive<u64>| Batch {
        consumer: "pipe/p/1".into(),
        shard: "a".into(),
        through: (*records.end()).into(),
        records: records.map(record).collect(),
    };
    for records in [1..=3, 1..=3, 2..=5, 5..=6] {
        assert!(matches!(target.deliver(batch(records)).await.unwrap(), Receipt::Owned));
    }
    assert_eq!(messages(&logs, "out").await, ["r1", "r2", "r3", "r4", "r5", "r6"]);

    let missing: Arn = "arn:aws:logs:us-east-1:000000000000:log-group:none".parse().unwrap();
    assert_eq!(logs::target::open(&logs, &missing, &json!({})).await.err().unwrap().kind(), Kind::NotFound);
    for refused in [json!({"LogStreamName": "$..id"}), json!({"Timestamp": "5"}), json!({"LogStreamName": "a:b"})] {
        let refused = json!({"CloudWatchLogsParameters": refused});
        assert_eq!(logs::target::open(&logs, &arn, &refused).await.err().unwrap().kind(), Kind::Invalid, "{refused}");
    }
}

#[tokio::test]
async fn stream_and_time_may_be_those_of_each_event() {
    let Fixture { logs, _dir, .. } = fixture().await;
    let arn: Arn = "arn:aws:logs:us-east-1:000000000000:log-group:g".parse().unwrap();
    let parameters = json!({"CloudWatchLogsParameters": {"LogStreamName": "$.site", "Timestamp": "$.at"}});
    let target = logs::target::open(&logs, &arn, &parameters).await.unwrap();
    assert!(target.is_dynamic());
    let record = |(n, event): (u64, serde_json::Value)| Record {
        data: format!("r{n}").into(),
        sequence: n.into(),
        at_ms: NOW,
        key_hash: 0,
        id: "r".into(),
        untemplated: Some(event.to_string().into()),
    };
    let events = [json!({"site": "osl", "at": NOW - 7}), json!({"site": "a:b", "at": "then"}), json!({"site": "osl"})];
    let records = (1..).zip(events).map(record).collect();
    let batch = Batch { consumer: "pipe/p/1".into(), shard: "a".into(), through: 3u64.into(), records };
    for _ in 0..2 {
        target.deliver(batch.clone()).await.unwrap();
    }
    assert_eq!(messages(&logs, "osl").await, ["r1", "r3"]);
    assert_eq!(messages(&logs, "pipe/p/1").await, ["r2"], "what finds no name goes to the pipe's own stream");
}
