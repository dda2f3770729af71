//! The rows of an answer, and how they are written.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use arrow::json::writer::{LineDelimited, WriterBuilder};
use bytes::Bytes;
use datafusion::execution::SendableRecordBatchStream;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};

use crate::Error;

/// How an answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a row, newline-delimited; nulls are written.
    Json,
    /// Arrow IPC stream.
    ArrowIpc,
}

/// Rows as they are computed: nothing is held back, so the answer may be larger than memory.
pub struct Answer {
    pub(crate) stream: SendableRecordBatchStream,
}

impl Answer {
    /// The columns.
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// The rows in batches.
    pub fn batches(self) -> BoxStream<'static, Result<RecordBatch, Error>> {
        self.stream.map_err(Error::from).boxed()
    }

    /// The rows as bytes.
    ///
    /// # Errors
    /// When the header cannot be written; later failures come in the stream.
    pub fn bytes(self, format: Format) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        match format {
            Format::Json => Ok(self.batches().map(|batch| json_lines(&batch?)).boxed()),
            Format::ArrowIpc => {
                let mut writer = StreamWriter::try_new(Vec::new(), &self.schema()).map_err(arrow_failed)?;
                let head = Bytes::from(std::mem::take(writer.get_mut()));
                let writer = Arc::new(std::sync::Mutex::new(writer));
                let end = writer.clone();
                let rows = self.batches().map(move |batch| {
                    let batch = batch?;
                    let mut writer = writer.lock().map_err(|_| poisoned())?;
                    writer.write(&batch).map_err(arrow_failed)?;
                    Ok(Bytes::from(std::mem::take(writer.get_mut())))
                });
                let tail = futures::stream::once(async move {
                    let mut writer = end.lock().map_err(|_| poisoned())?;
                    writer.finish().map_err(arrow_failed)?;
                    Ok(Bytes::from(std::mem::take(writer.get_mut())))
                });
                Ok(futures::stream::once(std::future::ready(Ok(head))).chain(rows).chain(tail).boxed())
            }
        }
    }
}

fn json_lines(batch: &RecordBatch) -> Result<Bytes, Error> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    writer.write(batch).map_err(arrow_failed)?;
    writer.finish().map_err(arrow_failed)?;
    Ok(Bytes::from(writer.into_inner()))
}

fn arrow_failed(error: arrow::error::ArrowError) -> Error {
    Error::Failed(error.to_string())
}

fn poisoned() -> Error {
    Error::Failed("the answer's writer failed before".into())
}
