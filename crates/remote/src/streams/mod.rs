//! A DynamoDB stream elsewhere as a pipe reads it (DynamoDB Streams API 2012-08-10).
//!
//! Records come out as the embedded source gives them, so a pipe cannot tell. Shards are taken from a whole DescribeStream,
//! kept for a few seconds; a reader that comes to a shard's end makes the next look a fresh one. Retries beyond the
//! SDK's few are the pipe's.

mod error;
mod pace;
mod record;
mod shards;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::primitives::DateTime;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use event::{Arn, Cursor, Error, Kind, Page, Sequence, Shard, Source, Start};

use error::failure;
use pace::Pace;
use shards::Graph;

/// Records of one GetRecords at most.
const RECORDS_MAX: usize = 1000;

/// One stream by its ARN, over the SDK.
pub struct StreamSource {
    client: Client,
    arn: Arc<str>,
    graph: Graph,
    pace: Pace,
}

impl StreamSource {
    pub(crate) fn new(client: Client, arn: &Arn) -> StreamSource {
        StreamSource { client, arn: arn.to_string().into(), graph: Graph::default(), pace: Pace::default() }
    }

    async fn iterator(&self, shard: &str, kind: ShardIteratorType, place: Place) -> Result<Cursor, Error> {
        let request = self.client.get_shard_iterator().stream_arn(&*self.arn).shard_id(shard).shard_iterator_type(kind);
        let request = match place {
            Place::Whole => request,
            Place::Number(number) => request.sequence_number(number),
            Place::Time(at_ms) => request.timestamp(DateTime::from_millis(at_ms)),
        };
        let answer = request.send().await.map_err(|error| failure("GetShardIterator", error))?;
        let iterator = answer.shard_iterator;
        iterator.map(Cursor).ok_or_else(|| Error::new(Kind::Unavailable, "GetShardIterator answered no iterator"))
    }
}

/// What a kind of iterator needs beside the shard.
enum Place {
    Whole,
    Number(String),
    Time(i64),
}

#[async_trait]
impl Source for StreamSource {
    async fn shards(&self) -> Result<Vec<Shard>, Error> {
        Ok(self.graph.current(&self.client, &self.arn).await?.shards.clone())
    }

    async fn open(&self, shard: &str, start: Start) -> Result<Cursor, Error> {
        match start {
            Start::TrimHorizon => self.iterator(shard, ShardIteratorType::TrimHorizon, Place::Whole).await,
            Start::Latest => self.iterator(shard, ShardIteratorType::Latest, Place::Whole).await,
            Start::After(Sequence::ZERO) => {
                // Before every record: a shard whose beginning is gone must say so, which TRIM_HORIZON never does.
                let graph = self.graph.current(&self.client, &self.arn).await?;
                let opened = match graph.first(shard) {
                    Some(first) => {
                        self.iterator(shard, ShardIteratorType::AtSequenceNumber, Place::Number(first.into())).await
                    }
                    None => Err(Error::new(Kind::Invalid, "the first sequence number is not known")),
                };
                match opened {
                    // Not every service takes a number that is no record's.
                    Err(error) if error.kind() == Kind::Invalid => {
                        self.iterator(shard, ShardIteratorType::TrimHorizon, Place::Whole).await
                    }
                    opened => opened,
                }
            }
            Start::After(last) => {
                self.iterator(shard, ShardIteratorType::AfterSequenceNumber, Place::Number(last.to_string())).await
            }
            Start::AtTimestamp(at_ms) => {
                let opened = self.iterator(shard, ShardIteratorType::AtTimestamp, Place::Time(at_ms)).await;
                opened.map_err(|error| match error.kind() {
                    // An instant that is still to come by the service's clock comes.
                    Kind::Invalid => {
                        Error::new(Kind::Unavailable, "the start is ahead of the service's clock, or unknown to it")
                            .with_source(error)
                    }
                    _ => error,
                })
            }
        }
    }

    async fn read(&self, cursor: &Cursor, limit: usize) -> Result<Page, Error> {
        let limit = limit.clamp(1, RECORDS_MAX) as i32;
        let graph = self.graph.latest(&self.client, &self.arn).await?;
        let answer = self.client.get_records().shard_iterator(&cursor.0).limit(limit).send().await;
        let answer = answer.map_err(|error| failure("GetRecords", error))?;
        let records = answer.records.unwrap_or_default().into_iter();
        let records =
            records.map(|one| record::convert(one, &self.arn, &graph.hash_key)).collect::<Result<Vec<_>, _>>()?;
        self.pace.seen(records.len());
        let next = answer.next_shard_iterator.map(Cursor);
        if next.is_none() {
            // It has children by now.
            self.graph.forget().await;
        }
        Ok(Page { records, next })
    }

    async fn wait(&self) {
        self.pace.wait().await;
    }
}
