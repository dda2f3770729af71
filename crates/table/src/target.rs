//! A table as the target of a pipe: each record is an item in DynamoDB JSON, such as `{"id": {"S": "<$.id>"}}`, and is put.
//!
//! A batch is one transaction. A record that is no item, or whose key or size the table refuses, fails alone and for good. A
//! repeat after a crash puts equal items again: what has not changed writes no stream record.

use std::sync::Arc;

use async_trait::async_trait;
use event::{Arn, Batch, Failure, Kind, Receipt, Target};
use serde_json::Value;
use state::Write;

use crate::item::Item;
use crate::tables::{Environment, Stored, find, load};
use crate::write::put;
use crate::{Error, Tables};

/// Items in one transaction.
const BATCH_RECORDS_MAX: usize = 100;

/// The table an ARN names: `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME`.
pub fn table_of(arn: &Arn) -> Option<&str> {
    let name = arn.resource_name("table/").filter(|_| arn.service == "dynamodb")?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

/// Opens a table as a target. There are no parameters: the input template makes the item.
///
/// # Errors
/// `NotFound` without the table, `Invalid` when the ARN names none or parameters are given.
pub async fn open(tables: &Tables, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Target>, event::Error> {
    let invalid = |message: String| event::Error::new(Kind::Invalid, message);
    let name = table_of(arn).ok_or_else(|| invalid(format!("not a table. arn=`{arn}`")))?.to_owned();
    let mut given = parameters.as_object().into_iter().flatten().map(|(member, _)| member);
    if let Some(member) = given.find(|member| *member != "InputTemplate") {
        return Err(invalid(format!("TargetParameters.{member} is not supported by a table")));
    }
    let table = name.clone();
    if tables.state.read(move |read| find(read, &table)).await?.is_none() {
        return Err(event::Error::new(Kind::NotFound, format!("table not found. name=`{name}`")));
    }
    Ok(Arc::new(TableTarget { tables: tables.clone(), name }))
}

struct TableTarget {
    tables: Tables,
    name: String,
}

#[async_trait]
impl Target for TableTarget {
    fn batch_records_max(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, event::Error> {
        let (name, env) = (self.name.clone(), self.tables.env.clone());
        let written = self.tables.state.write(move |tx| {
            let table = load(tx, &name)?;
            let mut failures = Vec::new();
            for (index, record) in batch.records.iter().enumerate() {
                if let Err(error) = put_one(tx, &env, &table, &record.data) {
                    if error.kind() != Kind::Invalid {
                        return Err(error);
                    }
                    let (code, message) = ("ValidationException".into(), error.to_string());
                    failures.push(Failure { index, code, message, retryable: false });
                }
            }
            Ok::<_, Error>(failures)
        });
        let failures = written.await?;
        self.tables.env.written.notify_waiters();
        Ok(Receipt::Delivered(failures))
    }
}

fn put_one(tx: &Write<'_>, env: &Environment, table: &Stored, data: &[u8]) -> Result<(), Error> {
    // The decoder's own words could quote the record.
    let item: Item = serde_json::from_slice(data)
        .map_err(|_| Error::Serialization("the record is not an item in DynamoDB JSON".into()))?;
    put(tx, env, table, &item).map(|_| ())
}
