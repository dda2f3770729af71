//! JSON objects as a table, one after the other, whatever stands between them.
//!
//! DataFusion's own reader fails where a column of text holds a number. This one reads numbers and booleans there as their
//! text, so that a column which is sometimes the one and sometimes the other can be asked about.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use async_trait::async_trait;
use bytes::{Buf as _, Bytes};
use datafusion::catalog::Session;
use datafusion::common::{Result, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::projection::ProjectionExprs;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};

/// [`JsonFormat`] with the reader of this file.
#[derive(Debug)]
pub(crate) struct Json(JsonFormat);

impl Json {
    pub fn new(compression: FileCompressionType) -> Json {
        Json(JsonFormat::default().with_file_compression_type(compression))
    }
}

#[async_trait]
impl FileFormat for Json {
    fn get_ext(&self) -> String {
        self.0.get_ext()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        self.0.get_ext_with_compression(compression)
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        self.0.compression_type()
    }

    async fn infer_schema(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        self.0.infer_schema(state, store, objects).await
    }

    async fn infer_stats(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        schema: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<Statistics> {
        self.0.infer_stats(state, store, schema, object).await
    }

    async fn create_physical_plan(&self, state: &dyn Session, scan: FileScanConfig) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.create_physical_plan(state, scan).await
    }

    fn file_source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        let projection = SplitProjection::unprojected(&schema);
        Arc::new(Source { schema, projection, batch_size: 8192, metrics: ExecutionPlanMetricsSet::new() })
    }
}

/// What a scan reads of each file.
#[derive(Clone)]
struct Source {
    schema: TableSchema,
    projection: SplitProjection,
    batch_size: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl FileSource for Source {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        scan: &FileScanConfig,
        _partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let columns = Arc::new(self.schema.file_schema().project(&self.projection.file_indices)?);
        let compression = scan.file_compression_type;
        let opener = Arc::new(Opener { store, columns, compression, batch_size: self.batch_size });
        ProjectionOpener::try_new(self.projection.clone(), opener, self.schema.file_schema())
    }

    fn table_schema(&self) -> &TableSchema {
        &self.schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Source { batch_size, ..self.clone() })
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.schema.file_schema(), &merged);
        Ok(Some(Arc::new(Source { projection, ..self.clone() })))
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        "json"
    }

    /// Concatenated objects have no line to split a file at.
    fn supports_repartitioning(&self) -> bool {
        false
    }
}

struct Opener {
    store: Arc<dyn ObjectStore>,
    columns: SchemaRef,
    compression: FileCompressionType,
    batch_size: usize,
}

impl FileOpener for Opener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let (store, compression) = (self.store.clone(), self.compression);
        let decoder = ReaderBuilder::new(self.columns.clone())
            .with_batch_size(self.batch_size)
            .with_coerce_primitive(true)
            .build_decoder()?;
        Ok(Box::pin(async move {
            let content = store.get(&file.object_meta.location).await?.into_stream().map_err(DataFusionError::from);
            Ok(batches(compression.convert_stream(content.boxed())?, decoder).boxed())
        }))
    }
}

/// The records of a file in batches.
fn batches(content: BoxStream<'static, Result<Bytes>>, decoder: Decoder) -> impl Stream<Item = Result<RecordBatch>> {
    // After its end a stream may not be asked again.
    let content = content.fuse();
    futures::stream::try_unfold((content, decoder, Bytes::new()), |(mut content, mut decoder, mut rest)| async move {
        loop {
            let read = decoder.decode(&rest)?;
            rest.advance(read);
            // The decoder stops before the end only when its batch is full.
            if !rest.is_empty() {
                break;
            }
            match content.try_next().await? {
                Some(more) => rest = more,
                None => break,
            }
        }
        let batch = decoder.flush()?;
        Ok(batch.map(|batch| (batch, (content, decoder, rest))))
    })
}
