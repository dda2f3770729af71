//! Glue at the wire (JSON 1.1, `AWSGlue`): databases here, tables in `tables.rs`. Members are named as in the Glue API
//! reference; one that is not listed is refused by its name rather than ignored.

mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use lake::catalog::{Catalog, Database};
use serde_json::{Map, Value, json};

use crate::{App, AwsError, Call, Codes, Identity, Reply};

const PAGE_MAX: u32 = 100;
const DATABASE_INPUT: &[&str] =
    &["Name", "Description", "LocationUri", "Parameters", "CreateTableDefaultPermissions", "TargetDatabase"];

/// What operations are run against.
struct Glue<'a> {
    catalog: &'a Catalog,
    identity: &'a Identity,
    now_ms: i64,
}

/// Runs one operation.
pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let glue = Glue { catalog: &app.catalog, identity: &app.identity, now_ms: app.clock.now_ms() };
    glue.run(&call.operation, &call.input).await.map(Reply::from)
}

impl Glue<'_> {
    async fn run(&self, operation: &str, input: &Value) -> Result<Value, AwsError> {
        match operation {
            "CreateDatabase" => self.create_database(input).await,
            "GetDatabase" => self.get_database(input).await,
            "GetDatabases" => self.get_databases(input).await,
            "UpdateDatabase" => self.update_database(input).await,
            "DeleteDatabase" => self.delete_database(input).await,
            "CreateTable" => self.create_table(input).await,
            "GetTable" => self.get_table(input).await,
            "GetTables" => self.get_tables(input).await,
            "UpdateTable" => self.update_table(input).await,
            "DeleteTable" => self.delete_table(input).await,
            "BatchDeleteTable" => self.batch_delete_table(input).await,
            other => Err(AwsError::unknown_operation(other)),
        }
    }

    async fn create_database(&self, input: &Value) -> Result<Value, AwsError> {
        self.known(input, &["DatabaseInput"])?;
        let database = structure(input, "DatabaseInput", DATABASE_INPUT)?;
        self.catalog.create_database(database, self.now_ms).await.map_err(error)?;
        Ok(json!({}))
    }

    async fn get_database(&self, input: &Value) -> Result<Value, AwsError> {
        self.known(input, &["Name"])?;
        let database = self.catalog.database(required(input, "Name")?).await.map_err(error)?;
        Ok(json!({"Database": self.database_json(database)}))
    }

    async fn get_databases(&self, input: &Value) -> Result<Value, AwsError> {
        self.known(input, &["NextToken", "MaxResults"])?;
        let (after, limit) = page(input)?;
        let mut found = self.catalog.databases(after, limit + 1).await.map_err(error)?;
        let next = cut(&mut found, limit, |database| database.name.clone());
        let shown = found.into_iter().map(|database| self.database_json(database)).collect();
        Ok(listed("DatabaseList", shown, next))
    }

    async fn update_database(&self, input: &Value) -> Result<Value, AwsError> {
        self.known(input, &["Name", "DatabaseInput"])?;
        let database = structure(input, "DatabaseInput", DATABASE_INPUT)?;
        let name = required(input, "Name")?;
        let renamed =
            database.get("Name").and_then(Value::as_str).is_some_and(|n| n.to_lowercase() != name.to_lowercase());
        if renamed {
            return Err(invalid("a database cannot be renamed: DatabaseInput.Name must be Name"));
        }
        self.catalog.update_database(name, database).await.map_err(error)?;
        Ok(json!({}))
    }

    async fn delete_database(&self, input: &Value) -> Result<Value, AwsError> {
        self.known(input, &["Name"])?;
        self.catalog.delete_database(required(input, "Name")?).await.map_err(error)?;
        Ok(json!({}))
    }

    fn database_json(&self, database: Database) -> Value {
        let mut shown = database.input;
        shown.insert("Name".into(), json!(database.name));
        shown.insert("CreateTime".into(), seconds(database.created_ms));
        shown.insert("CatalogId".into(), json!(self.identity.account));
        Value::Object(shown)
    }

    /// The members of a request are among `members`, and its `CatalogId`, if any, is this account.
    fn known(&self, input: &Value, members: &[&str]) -> Result<(), AwsError> {
        let object = input.as_object().ok_or_else(|| AwsError::serialization("the body must be an object"))?;
        refuse_unknown(object, members, &["CatalogId"], "")?;
        match text(input, "CatalogId")? {
            Some(id) if id != self.identity.account => {
                Err(AwsError::new(400, "EntityNotFoundException", "there is no catalog but this account's"))
            }
            _ => Ok(()),
        }
    }
}

fn error(error: lake::Error) -> AwsError {
    match error {
        lake::Error::Version(message) => AwsError::new(400, "ConcurrentModificationException", message),
        other => AwsError::of(&Codes::GLUE, other.kind(), other.to_string()),
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "InvalidInputException", message)
}

fn refuse_unknown(object: &Map<String, Value>, members: &[&str], more: &[&str], path: &str) -> Result<(), AwsError> {
    match object.keys().find(|key| !members.contains(&key.as_str()) && !more.contains(&key.as_str())) {
        // The name comes from the caller: cut, so that the reply stays small.
        Some(key) => {
            let shown: String = key.chars().take(128).collect();
            Err(invalid(format!("the member is not supported. member=`{path}{shown}`")))
        }
        None => Ok(()),
    }
}

/// The required object at `member`, with no members but `members`.
fn structure(input: &Value, member: &str, members: &[&str]) -> Result<Map<String, Value>, AwsError> {
    let found = input.get(member).and_then(Value::as_object).ok_or_else(|| invalid(format!("{member} is required")))?;
    refuse_unknown(found, members, &[], &format!("{member}."))?;
    Ok(found.clone())
}

fn text<'a>(input: &'a Value, member: &str) -> Result<Option<&'a str>, AwsError> {
    match input.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(format!("{member} must be text"))),
    }
}

fn required<'a>(input: &'a Value, member: &str) -> Result<&'a str, AwsError> {
    text(input, member)?.ok_or_else(|| invalid(format!("{member} is required")))
}

/// The name after which a page begins and how long it may be.
fn page(input: &Value) -> Result<(&str, u32), AwsError> {
    let limit = match input.get("MaxResults") {
        None | Some(Value::Null) => PAGE_MAX,
        Some(limit) => limit
            .as_u64()
            .and_then(|limit| u32::try_from(limit).ok())
            .filter(|limit| (1..=PAGE_MAX).contains(limit))
            .ok_or_else(|| invalid(format!("MaxResults must be between 1 and {PAGE_MAX}")))?,
    };
    Ok((text(input, "NextToken")?.unwrap_or_default(), limit))
}

/// Cuts what was read beyond the page; the name of the last one shown is the token then.
fn cut<T>(found: &mut Vec<T>, limit: u32, name: impl Fn(&T) -> String) -> Option<String> {
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    found.last().filter(|_| more).map(name)
}

fn listed(member: &str, shown: Vec<Value>, next: Option<String>) -> Value {
    let mut answer = Map::new();
    answer.insert(member.into(), Value::Array(shown));
    if let Some(token) = next {
        answer.insert("NextToken".into(), json!(token));
    }
    Value::Object(answer)
}

/// Timestamps are epoch seconds in JSON 1.1.
fn seconds(ms: i64) -> Value {
    json!(ms as f64 / 1000.0)
}
