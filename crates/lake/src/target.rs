//! A delivery stream as a pipe's target.

use async_trait::async_trait;
use event::{Batch, Failure, Receipt, Record, Target};

use crate::DeliveryStreams;

/// Hands batches to one delivery stream, which moves the position itself when its files are committed.
#[derive(Clone)]
pub struct DeliveryTarget {
    streams: DeliveryStreams,
    name: String,
    opened: u64,
}

impl DeliveryTarget {
    pub fn new(streams: DeliveryStreams, name: impl Into<String>) -> Self {
        let opened = streams.opening();
        DeliveryTarget { streams, name: name.into(), opened }
    }
}

#[async_trait]
impl Target for DeliveryTarget {
    fn batch_records_max(&self) -> usize {
        500
    }

    fn owns_positions(&self) -> bool {
        true
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, event::Error> {
        self.streams.deliver_since(self.opened, &self.name, batch).await?;
        Ok(Receipt::Owned)
    }

    async fn forget(&self, consumer: &str) -> Result<(), event::Error> {
        Ok(self.streams.forget(&self.name, consumer).await?)
    }

    async fn send(&self, records: Vec<Record>) -> Result<Vec<Failure>, event::Error> {
        self.streams.put_records(&self.name, records.into_iter().map(|record| record.data).collect()).await?;
        Ok(Vec::new())
    }
}
