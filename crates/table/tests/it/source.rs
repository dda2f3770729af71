//! The embedded stream keeps the contract of a source.

use std::sync::Arc;

use async_trait::async_trait;
use event::{ManualClock, Source};
use serde_json::json;
use table::Tables;
use table::source::StreamSource;
use table::write::Action;
use testkit::source::{SourceWorld, check};

use crate::input;

struct World {
    tables: Tables,
    clock: Arc<ManualClock>,
    arn: String,
    _folder: tempfile::TempDir,
}

#[async_trait]
impl SourceWorld for World {
    fn source(&self) -> Arc<dyn Source> {
        Arc::new(StreamSource::new(self.tables.clone(), self.arn.clone()))
    }

    async fn put(&self, key: &str, value: u64) {
        let item = json!({"id": {"S": key}, "v": {"N": value.to_string()}});
        self.tables.write_item(Action::Put, input(json!({"TableName": "Changes", "Item": item}))).await.unwrap();
    }

    async fn rotate(&self, split: bool) {
        if split {
            self.tables.split_stream(&self.arn).await.unwrap();
        } else {
            self.tables.rotate_stream(&self.arn).await.unwrap();
        }
    }

    async fn advance_ms(&self, by_ms: i64) {
        self.clock.advance_ms(by_ms);
        self.tables.trim().await.unwrap();
    }
}

#[tokio::test]
async fn the_embedded_stream_is_a_source() {
    check(async || {
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().join("state.db");
        let state = state::State::open(&state::Settings::new(url.to_str().unwrap())).unwrap();
        let clock = Arc::new(ManualClock::at(1_700_000_000_000));
        let tables = Tables::open(state, clock.clone(), "us-east-1", "000000000000").unwrap();
        let create = json!({
            "TableName": "Changes", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
        });
        let created = tables.create_table(input(create)).await.unwrap();
        let arn = created["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned();
        World { tables, clock, arn, _folder: folder }
    })
    .await;
}
