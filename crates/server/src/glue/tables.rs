//! Tables of the catalog.

use lake::catalog::Table;
use serde_json::{Value, json};

use super::{Glue, cut, error, invalid, listed, page, required, seconds, structure, text};
use crate::AwsError;

/// Tables deleted by one request (Glue API reference, `BatchDeleteTableNameList`).
const BATCH_MAX: usize = 100;
const TABLE_INPUT: &[&str] = &[
    "Name",
    "Description",
    "Owner",
    "LastAccessTime",
    "LastAnalyzedTime",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "ViewOriginalText",
    "ViewExpandedText",
    "TableType",
    "Parameters",
];
const STORAGE_DESCRIPTOR: &[&str] = &[
    "Columns",
    "Location",
    "AdditionalLocations",
    "InputFormat",
    "OutputFormat",
    "Compressed",
    "NumberOfBuckets",
    "SerdeInfo",
    "BucketColumns",
    "SortColumns",
    "Parameters",
    "SkewedInfo",
    "StoredAsSubDirectories",
];

impl Glue<'_> {
    pub(super) async fn create_table(&self, input: &Value) -> Result<Value, AwsError> {
        self.known(input, &["DatabaseName", "TableInput"])?;
        let table = table_input(input)?;
        self.catalog.create_table(required(input, "DatabaseName")?, table, self.now_ms).await.map_err(error)?;
        Ok(json!({}))
    }

    pub(super) async fn get_table(&self, input: &Value) -> Result<Value, AwsError> {
        self.known(input, &["DatabaseName", "Name"])?;
        let table = self.catalog.table(required(input, "DatabaseName")?, required(input, "Name")?);
        Ok(json!({"Table": self.table_json(table.await.map_err(error)?)}))
    }

    pub(super) async fn get_tables(&self, input: &Value) -> Result<Value, AwsError> {
        self.known(input, &["DatabaseName", "NextToken", "MaxResults"])?;
        let (after, limit) = page(input)?;
        let database = required(input, "DatabaseName")?;
        self.catalog.database(database).await.map_err(error)?;
        let mut found = self.catalog.tables(database, after, limit + 1).await.map_err(error)?;
        let next = cut(&mut found, limit, |table| table.name.clone());
        let shown = found.into_iter().map(|table| self.table_json(table)).collect();
        Ok(listed("TableList", shown, next))
    }

    pub(super) async fn update_table(&self, input: &Value) -> Result<Value, AwsError> {
        self.known(input, &["DatabaseName", "TableInput", "VersionId", "SkipArchive"])?;
        let table = table_input(input)?;
        let version = match text(input, "VersionId")? {
            None => None,
            Some(version) => Some(version.parse().map_err(|_| invalid("VersionId must be a whole number"))?),
        };
        let database = required(input, "DatabaseName")?;
        self.catalog.update_table(database, table, version, self.now_ms).await.map_err(error)?;
        Ok(json!({}))
    }

    pub(super) async fn delete_table(&self, input: &Value) -> Result<Value, AwsError> {
        self.known(input, &["DatabaseName", "Name"])?;
        let deleted = self.catalog.delete_table(required(input, "DatabaseName")?, required(input, "Name")?);
        deleted.await.map_err(error)?;
        Ok(json!({}))
    }

    pub(super) async fn batch_delete_table(&self, input: &Value) -> Result<Value, AwsError> {
        self.known(input, &["DatabaseName", "TablesToDelete"])?;
        let database = required(input, "DatabaseName")?;
        let names = input.get("TablesToDelete").and_then(Value::as_array);
        let names = names.ok_or_else(|| invalid("TablesToDelete is required"))?;
        if names.len() > BATCH_MAX {
            return Err(invalid(format!("TablesToDelete must have at most {BATCH_MAX} names")));
        }
        let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
        let mut errors = Vec::new();
        for name in names.ok_or_else(|| invalid("TablesToDelete must hold names"))? {
            if let Err(failure) = self.catalog.delete_table(database, name).await.map_err(error) {
                let detail = json!({"ErrorCode": failure.code, "ErrorMessage": failure.message});
                errors.push(json!({"TableName": name, "ErrorDetail": detail}));
            }
        }
        Ok(json!({"Errors": errors}))
    }

    fn table_json(&self, table: Table) -> Value {
        let mut shown = table.input;
        shown.insert("Name".into(), json!(table.name));
        shown.insert("DatabaseName".into(), json!(table.database));
        shown.insert("CatalogId".into(), json!(self.identity.account));
        shown.insert("CreateTime".into(), seconds(table.created_ms));
        shown.insert("UpdateTime".into(), seconds(table.updated_ms));
        shown.insert("VersionId".into(), json!(table.version.to_string()));
        Value::Object(shown)
    }
}

fn table_input(input: &Value) -> Result<serde_json::Map<String, Value>, AwsError> {
    let table = structure(input, "TableInput", TABLE_INPUT)?;
    if let Some(storage) = table.get("StorageDescriptor") {
        let storage = storage.as_object().ok_or_else(|| invalid("StorageDescriptor must be an object"))?;
        super::refuse_unknown(storage, STORAGE_DESCRIPTOR, &[], "TableInput.StorageDescriptor.")?;
    }
    Ok(table)
}
