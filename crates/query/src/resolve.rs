//! From a name in a query to the objects it means.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::{FileFormat, parquet::ParquetFormat};
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use crate::Error;
use crate::detect::{self, Encoding};
use crate::json::Json;

/// A table somebody declared (Glue).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableDefinition {
    pub database: String,
    pub name: String,
    /// `s3://BUCKET/PREFIX`.
    pub location: String,
    /// Declared columns, name and Hive type, in order. The objects tell which types they have: a declaration only adds the
    /// columns that no object has.
    pub columns: Vec<(String, String)>,
    /// Declared partition keys, name and Hive type, in order.
    pub partition_keys: Vec<(String, String)>,
}

/// Declared tables. Names are compared in lower case.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Every table of this name, in one database or in all.
    async fn find(&self, database: Option<&str>, table: &str) -> Vec<TableDefinition>;
}

/// No declared tables.
pub struct NoCatalog;

#[async_trait]
impl Catalog for NoCatalog {
    async fn find(&self, _: Option<&str>, _: &str) -> Vec<TableDefinition> {
        Vec::new()
    }
}

/// Where a table's objects lie.
struct Place {
    bucket: String,
    prefix: String,
    columns: Vec<(String, String)>,
    partition_keys: Vec<(String, String)>,
}

impl Place {
    fn undeclared(bucket: impl Into<String>, prefix: String) -> Place {
        Place { bucket: bucket.into(), prefix, columns: Vec::new(), partition_keys: Vec::new() }
    }
}

pub(crate) async fn table(
    context: &SessionContext,
    store: &Arc<dyn ObjectStore>,
    catalog: &dyn Catalog,
    name: &TableReference,
) -> Result<Arc<dyn TableProvider>, Error> {
    let place = place(store, catalog, name).await?;
    let root = format!("lake://store/{}/{}/", place.bucket, place.prefix);
    let url = ListingTableUrl::parse(&root)?;
    let path = Path::from_iter(std::iter::once(place.bucket.as_str()).chain(place.prefix.split('/')));
    let objects: Vec<ObjectMeta> =
        store.list(Some(&path)).try_filter(|object| std::future::ready(object.size > 0)).try_collect().await?;
    let Some(first) = objects.first() else {
        if !place.columns.is_empty() {
            let declared = place.columns.iter().chain(&place.partition_keys);
            let fields: Vec<_> = declared.map(|(name, hive)| Field::new(name, data_type(hive), true)).collect();
            return Ok(Arc::new(EmptyTable::new(Arc::new(Schema::new(fields)))));
        }
        return Err(Error::TableNotFound { name: name.to_string(), hint: "; the prefix holds no objects yet".into() });
    };
    let encoding = detect::encoding(store.as_ref(), first).await?;
    let partitions = partition_columns(first, &path, &place.partition_keys);
    let format: Arc<dyn FileFormat> = match &encoding {
        Encoding::Parquet => Arc::new(ParquetFormat::default().with_skip_metadata(false)),
        Encoding::Json(compression) => Arc::new(Json::new(*compression)),
    };
    let options = ListingOptions::new(format).with_file_extension("").with_table_partition_cols(partitions.clone());
    let schema = match &encoding {
        Encoding::Parquet => options.infer_schema(&context.state(), &url).await?,
        Encoding::Json(compression) => {
            detect::json_schema(store.as_ref(), &objects, compression.is_compressed()).await?
        }
    };
    // A partition column may also stand inside the files: the path decides.
    let mut inside: Vec<_> = schema
        .fields()
        .iter()
        .filter(|field| !partitions.iter().any(|(name, _)| name.eq_ignore_ascii_case(field.name())))
        .cloned()
        .collect();
    for (name, hive) in &place.columns {
        let known = inside.iter().map(|field| field.name()).chain(partitions.iter().map(|(name, _)| name));
        if !known.into_iter().any(|known| known.eq_ignore_ascii_case(name)) {
            inside.push(Arc::new(Field::new(name, data_type(hive), true)));
        }
    }
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(Arc::new(Schema::new(inside)));
    Ok(Arc::new(ListingTable::try_new(config)?))
}

async fn place(store: &Arc<dyn ObjectStore>, catalog: &dyn Catalog, name: &TableReference) -> Result<Place, Error> {
    let declared = catalog.find(name.schema(), name.table()).await;
    if let [only] = declared.as_slice() {
        let location = only.location.strip_prefix("s3://").unwrap_or(&only.location);
        let (bucket, prefix) = location.split_once('/').unwrap_or((location, ""));
        return Ok(Place {
            bucket: bucket.into(),
            prefix: prefix.trim_matches('/').into(),
            columns: only.columns.clone(),
            partition_keys: only.partition_keys.clone(),
        });
    }
    if declared.len() > 1 {
        let names: Vec<_> = declared.iter().map(|table| format!("{}.{}", table.database, table.name)).collect();
        return Err(ambiguous(name, &names));
    }
    let prefix = name.table().trim_matches('/').to_owned();
    if let Some(bucket) = name.schema() {
        return Ok(Place::undeclared(bucket, prefix));
    }
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for bucket in store.list_with_delimiter(None).await?.common_prefixes {
        for top in store.list_with_delimiter(Some(&bucket)).await?.common_prefixes {
            let (Some(bucket), Some(top)) = (bucket.filename(), top.filename()) else { continue };
            known.insert(format!("\"{bucket}\".\"{top}\""));
            if top.eq_ignore_ascii_case(prefix.split('/').next().unwrap_or_default()) {
                found.push((bucket.to_owned(), top.to_owned()));
            }
        }
    }
    match found.as_slice() {
        [(bucket, top)] => {
            let rest = prefix.split_once('/').map(|(_, rest)| format!("/{rest}")).unwrap_or_default();
            Ok(Place::undeclared(bucket.clone(), format!("{top}{rest}")))
        }
        [] => {
            let known: Vec<_> = known.into_iter().take(20).collect();
            let hint = if known.is_empty() {
                "; the lake is empty".into()
            } else {
                format!("; the lake has {}", known.join(", "))
            };
            Err(Error::TableNotFound { name: name.to_string(), hint })
        }
        several => {
            let names: Vec<_> = several.iter().map(|(bucket, top)| format!("\"{bucket}\".\"{top}\"")).collect();
            Err(ambiguous(name, &names))
        }
    }
}

fn ambiguous(name: &TableReference, names: &[String]) -> Error {
    Error::TableNotFound { name: name.to_string(), hint: format!("; it could be {}", names.join(" or ")) }
}

/// Columns from `name=value` folders of a key below the table's path.
fn partition_columns(object: &ObjectMeta, table: &Path, declared: &[(String, String)]) -> Vec<(String, DataType)> {
    let Some(parts) = object.location.prefix_match(table) else { return Vec::new() };
    let folders: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
    let folders = folders.split_last().map(|(_, folders)| folders).unwrap_or_default();
    folders
        .iter()
        .filter_map(|folder| folder.split_once('='))
        .map(|(name, _)| {
            let hive = declared.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, hive)| hive.as_str());
            // A folder's name is read as a number or a date only where somebody said that it is one.
            let kind = match data_type(hive.unwrap_or_default()) {
                kind @ (DataType::Int64 | DataType::Date32) => kind,
                _ => DataType::Utf8,
            };
            (name.to_owned(), kind)
        })
        .collect()
}

/// The type of a declared column that no object has, and of a partition key.
fn data_type(hive: &str) -> DataType {
    match hive {
        "int" | "integer" | "smallint" | "tinyint" | "bigint" => DataType::Int64,
        "float" | "double" => DataType::Float64,
        "boolean" => DataType::Boolean,
        "date" => DataType::Date32,
        _ => DataType::Utf8,
    }
}
