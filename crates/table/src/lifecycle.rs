//! Tables: create, describe, update, delete, list, tag.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use state::{Write, params};

use crate::capacity::{constraint, one_of, up_to};
use crate::definition::{AttributeDefinition, Definition, KeySchemaElement, StreamSpecification, Throughput};
use crate::encryption::SseSpecification;
use crate::tables::{Environment, Stored, find, table_name};
use crate::{Error, Tables, schema, stream};

/// Tags ListTagsOfResource answers at once.
const TAGS_PAGE: usize = 10;
const VIEWS: [&str; 4] = ["NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"];

/// `Tag`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// Input of `CreateTable`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateTable {
    pub table_name: String,
    pub attribute_definitions: Vec<AttributeDefinition>,
    pub key_schema: Vec<KeySchemaElement>,
    pub billing_mode: Option<String>,
    pub provisioned_throughput: Option<Throughput>,
    pub stream_specification: Option<StreamSpecification>,
    pub deletion_protection_enabled: Option<bool>,
    #[serde(rename = "SSESpecification")]
    pub sse_specification: Option<SseSpecification>,
    #[serde(default)]
    pub tags: Vec<Tag>,
}

/// Input of `UpdateTable`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateTable {
    pub table_name: String,
    pub attribute_definitions: Option<Vec<AttributeDefinition>>,
    pub billing_mode: Option<String>,
    pub provisioned_throughput: Option<Throughput>,
    pub stream_specification: Option<StreamSpecification>,
    pub deletion_protection_enabled: Option<bool>,
    #[serde(rename = "SSESpecification")]
    pub sse_specification: Option<SseSpecification>,
}

/// Input of `DescribeTable` and `DeleteTable`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct NameTable {
    pub table_name: String,
}

/// Input of `ListTables`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ListTables {
    pub exclusive_start_table_name: Option<String>,
    pub limit: Option<i64>,
}

/// Input of `TagResource`, `UntagResource` and `ListTagsOfResource`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tagging {
    pub resource_arn: String,
    #[serde(default)]
    pub tags: Vec<Tag>,
    #[serde(default)]
    pub tag_keys: Vec<String>,
    pub next_token: Option<String>,
}

fn missing(name: &str) -> Error {
    Error::NotFound(format!("Requested resource not found: Table: {} not found", table_name(name)))
}

fn check_name(name: &str) -> Result<(), Error> {
    let legal = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    match (legal, name.len()) {
        (true, 3..=255) => Ok(()),
        (false, 1..) => Err(constraint("tableName", name, "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")),
        _ => Err(Error::validation("TableName must be at least 3 characters long and at most 255 characters long")),
    }
}

fn check_keys(input: &CreateTable) -> Result<(), Error> {
    let invalid = |text: String| Error::Validation(format!("One or more parameter values were invalid: {text}"));
    if input.key_schema.len() > 2 {
        let one = |key: &KeySchemaElement| {
            format!("KeySchemaElement(attributeName={}, keyType={})", key.attribute_name, key.key_type)
        };
        let shown: Vec<String> = input.key_schema.iter().take(10).map(one).collect();
        let shown = format!("[{}]", shown.join(", "));
        return Err(constraint("keySchema", shown, "have length less than or equal to 2"));
    }
    let kind = |(at, key): (usize, &KeySchemaElement)| {
        one_of(&format!("keySchema.{}.member.keyType", at + 1), Some(&key.key_type), &["HASH", "RANGE"]).map(drop)
    };
    let attribute = |(at, attribute): (usize, &AttributeDefinition)| {
        let member = format!("attributeDefinitions.{}.member.attributeType", at + 1);
        one_of(&member, Some(&attribute.attribute_type), &["B", "N", "S"]).map(drop)
    };
    Error::all(
        (input.key_schema.iter().enumerate().map(kind))
            .chain(input.attribute_definitions.iter().enumerate().map(attribute)),
    )?;
    let kinds: Vec<&str> = input.key_schema.iter().map(|key| key.key_type.as_str()).collect();
    if kinds != ["HASH"] && kinds != ["HASH", "RANGE"] {
        return Err(Error::validation(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type, or the second is not a RANGE key type",
        ));
    }
    let defined: Vec<&str> = input.attribute_definitions.iter().map(|a| a.attribute_name.as_str()).collect();
    let keys: Vec<&str> = input.key_schema.iter().map(|key| key.attribute_name.as_str()).collect();
    if !keys.iter().all(|key| defined.contains(key)) {
        if defined.len() < keys.len() {
            return Err(Error::validation("Invalid KeySchema: Some index key attribute have no definition"));
        }
        return Err(invalid(format!(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
            keys.join(", "),
            defined.join(", ")
        )));
    }
    let distinct =
        input.key_schema.first().map(|k| &k.attribute_name) != input.key_schema.get(1).map(|k| &k.attribute_name);
    if !distinct {
        return Err(Error::validation(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ));
    }
    if input.attribute_definitions.len() != input.key_schema.len() {
        return Err(invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions".into(),
        ));
    }
    Ok(())
}

fn billing(mode: Option<&str>, throughput: Option<Throughput>, on_demand: bool) -> Result<(bool, Throughput), Error> {
    let on_demand = match mode {
        None => on_demand,
        Some(_) => one_of("billingMode", mode, &["PROVISIONED", "PAY_PER_REQUEST"])? == "PAY_PER_REQUEST",
    };
    match (on_demand, throughput) {
        (true, None) => Ok((true, Throughput::default())),
        (true, Some(_)) => Err(Error::validation(
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (false, Some(units)) if units.read_capacity_units > 0 && units.write_capacity_units > 0 => Ok((false, units)),
        (false, _) => Err(Error::validation(
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
    }
}

fn save(tx: &Write<'_>, table: &Stored) -> Result<(), Error> {
    let text = serde_json::to_string(&table.definition).map_err(|_| Error::Internal("table definition".into()))?;
    tx.execute(
        "INSERT INTO ddb_table (name, id, stream, definition) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (name) DO UPDATE SET stream = ?3, definition = ?4",
        params![&table.definition.name, table.id, table.stream, &text],
    )?;
    Ok(())
}

/// Turns the stream of a table on or off.
fn set_stream(tx: &Write<'_>, env: &Environment, table: &mut Stored, asked: &StreamSpecification) -> Result<(), Error> {
    match (asked.stream_enabled, &asked.stream_view_type, table.stream) {
        (true, Some(view), None) => {
            let view = one_of("streamSpecification.streamViewType", Some(view), &VIEWS)?;
            let keys = serde_json::to_string(&table.definition.keys).map_err(|_| Error::Internal("keys".into()))?;
            let (id, arn, label) = stream::create(tx, env, &table.definition.name, view, &keys)?;
            table.stream = Some(id);
            table.definition.latest_stream = Some((arn, label));
            table.definition.stream = Some(asked.clone());
            Ok(())
        }
        (true, None, _) => Err(Error::validation(
            "One or more parameter values were invalid: StreamViewType is required when StreamEnabled is true",
        )),
        (true, _, Some(_)) => Err(Error::validation("Table already has an enabled stream")),
        (false, None, Some(id)) => {
            stream::close_all(tx, id, env.clock.now_ms())?;
            table.stream = None;
            table.definition.stream = None;
            Ok(())
        }
        (false, None, None) => Ok(()),
        (false, Some(_), _) => Err(Error::validation(
            "One or more parameter values were invalid: StreamViewType must not be given when StreamEnabled is false",
        )),
    }
}

fn describe(env: &Environment, table: &Stored, counts: (i64, i64), status: &str) -> Value {
    let d = &table.definition;
    let mut text = json!({
        "AttributeDefinitions": d.attributes,
        "TableName": d.name,
        "KeySchema": d.keys,
        "TableStatus": status,
        "CreationDateTime": d.created_ms as f64 / 1000.0,
        "ProvisionedThroughput": {
            "NumberOfDecreasesToday": 0,
            "ReadCapacityUnits": d.throughput.read_capacity_units,
            "WriteCapacityUnits": d.throughput.write_capacity_units,
        },
        "TableSizeBytes": counts.1,
        "ItemCount": counts.0,
        "TableArn": env.arn(format!("table/{}", d.name)),
        "TableId": d.id,
        "DeletionProtectionEnabled": d.protected,
    });
    if d.on_demand {
        text["BillingModeSummary"] = json!({"BillingMode": "PAY_PER_REQUEST"});
    }
    if let Some(encryption) = &d.encryption {
        text["SSEDescription"] = encryption.description();
    }
    if let Some(stream) = &d.stream {
        text["StreamSpecification"] = json!(stream);
    }
    if let Some((arn, label)) = &d.latest_stream {
        text["LatestStreamArn"] = arn.as_str().into();
        text["LatestStreamLabel"] = label.as_str().into();
    }
    text
}

impl Tables {
    /// # Errors
    /// `InUse` when the table exists, `Validation` for keys, billing or stream that do not fit.
    pub async fn create_table(&self, input: CreateTable) -> Result<Value, Error> {
        check_name(&input.table_name)?;
        check_keys(&input)?;
        let (on_demand, throughput) =
            billing(input.billing_mode.as_deref(), input.provisioned_throughput.clone(), false)?;
        let encryption = input.sse_specification.clone().map(SseSpecification::kept).transpose()?.flatten();
        let env = self.env.clone();
        let id = uuid::Uuid::new_v4().to_string();
        self.state
            .write(move |tx| {
                if find(tx, &input.table_name)?.is_some() {
                    return Err(Error::InUse(format!("Table already exists: {}", input.table_name)));
                }
                let tags: BTreeMap<String, String> = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
                let definition = Definition {
                    name: input.table_name,
                    id,
                    attributes: input.attribute_definitions,
                    keys: input.key_schema,
                    on_demand,
                    throughput,
                    created_ms: env.clock.now_ms(),
                    stream: None,
                    latest_stream: None,
                    protected: input.deletion_protection_enabled.unwrap_or(false),
                    tags,
                    encryption,
                };
                let mut table = Stored { id: schema::next(tx, "table")?, stream: None, definition };
                if let Some(asked) = &input.stream_specification {
                    set_stream(tx, &env, &mut table, asked)?;
                }
                save(tx, &table)?;
                Ok(json!({"TableDescription": describe(&env, &table, (0, 0), "ACTIVE")}))
            })
            .await
    }

    /// # Errors
    /// `NotFound`.
    pub async fn describe_table(&self, input: NameTable) -> Result<Value, Error> {
        let env = self.env.clone();
        self.state
            .read(move |read| {
                let table = find(read, &input.table_name)?.ok_or_else(|| missing(&input.table_name))?;
                let sql = "SELECT COUNT(*), COALESCE(SUM(LENGTH(item)), 0) FROM ddb_item WHERE table_id = ?1";
                let counts = read
                    .first(sql, params![table.id], |row| Ok::<_, Error>((row.int(0)?, row.int(1)?)))?
                    .unwrap_or_default();
                Ok(json!({"Table": describe(&env, &table, counts, "ACTIVE")}))
            })
            .await
    }

    /// # Errors
    /// `NotFound`; `Validation` when the stream is on already.
    pub async fn update_table(&self, input: UpdateTable) -> Result<Value, Error> {
        let env = self.env.clone();
        let answer = self.state.write(move |tx| {
            let mut table = find(tx, &input.table_name)?.ok_or_else(|| missing(&input.table_name))?;
            if input.billing_mode.is_some() || input.provisioned_throughput.is_some() {
                let mode = input.billing_mode.as_deref();
                let units = input.provisioned_throughput.clone();
                let (on_demand, throughput) = billing(mode, units, table.definition.on_demand)?;
                table.definition.on_demand = on_demand;
                table.definition.throughput = throughput;
            }
            if input.attribute_definitions.is_some_and(|given| given != table.definition.attributes) {
                return Err(Error::validation("AttributeDefinitions may not change without an index"));
            }
            if let Some(asked) = &input.stream_specification {
                set_stream(tx, &env, &mut table, asked)?;
            }
            table.definition.protected = input.deletion_protection_enabled.unwrap_or(table.definition.protected);
            if let Some(asked) = input.sse_specification {
                table.definition.encryption = asked.kept()?;
            }
            save(tx, &table)?;
            Ok(json!({"TableDescription": describe(&env, &table, (0, 0), "ACTIVE")}))
        });
        let answer = answer.await?;
        self.env.written.notify_waiters();
        Ok(answer)
    }

    /// Deletes a table and its items; its stream stays readable for 24 hours.
    ///
    /// # Errors
    /// `NotFound`; `Validation` when the table is protected.
    pub async fn delete_table(&self, input: NameTable) -> Result<Value, Error> {
        let env = self.env.clone();
        let answer = self.state.write(move |tx| {
            let table = find(tx, &input.table_name)?.ok_or_else(|| missing(&input.table_name))?;
            if table.definition.protected {
                return Err(Error::validation(
                    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
                ));
            }
            if let Some(stream) = table.stream {
                stream::close_all(tx, stream, env.clock.now_ms())?;
            }
            tx.execute("DELETE FROM ddb_item WHERE table_id = ?1", params![table.id])?;
            tx.execute("DELETE FROM ddb_table WHERE name = ?1", params![&table.definition.name])?;
            Ok(json!({"TableDescription": describe(&env, &table, (0, 0), "DELETING")}))
        });
        let answer = answer.await?;
        self.env.written.notify_waiters();
        Ok(answer)
    }

    /// # Errors
    /// `Validation` for a limit that is not 1 to 100.
    pub async fn list_tables(&self, input: ListTables) -> Result<Value, Error> {
        let limit = up_to("limit", input.limit.unwrap_or(100), 100)?;
        let after = input.exclusive_start_table_name.unwrap_or_default();
        let mut names = self
            .state
            .read(move |read| {
                let sql = "SELECT name FROM ddb_table WHERE name > ?1 ORDER BY name LIMIT ?2";
                read.all(sql, params![&after, limit + 1], |row| Ok::<_, Error>(row.text(0)?.to_owned()))
            })
            .await?;
        let more = names.len() as i64 > limit;
        names.truncate(limit as usize);
        let last = names.last().cloned();
        let mut answer = json!({ "TableNames": names });
        if let Some(last) = last.filter(|_| more) {
            answer["LastEvaluatedTableName"] = last.into();
        }
        Ok(answer)
    }

    /// # Errors
    /// `NotFound`.
    pub async fn tag_resource(&self, input: Tagging) -> Result<Value, Error> {
        let change = move |tx: &Write<'_>| {
            let mut table = find(tx, &input.resource_arn)?.ok_or_else(|| missing(&input.resource_arn))?;
            table.definition.tags.extend(input.tags.into_iter().map(|tag| (tag.key, tag.value)));
            table.definition.tags.retain(|key, _| !input.tag_keys.contains(key));
            if table.definition.tags.len() > 50 {
                return Err(Error::validation("Too many tags: a resource has at most 50"));
            }
            save(tx, &table)?;
            Ok(json!({}))
        };
        self.state.write(change).await
    }

    /// A page of tags by their keys; the token is the last one's.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn list_tags(&self, input: Tagging) -> Result<Value, Error> {
        let list = move |read: &state::Read<'_>| {
            let table = find(read, &input.resource_arn)?.ok_or_else(|| missing(&input.resource_arn))?;
            let after = input.next_token.unwrap_or_default();
            let mut left = table.definition.tags.iter().filter(|(key, _)| **key > after);
            let page: Vec<_> = left.by_ref().take(TAGS_PAGE).collect();
            let tags: Vec<Value> = page.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
            let mut answer = json!({ "Tags": tags });
            if let (Some((last, _)), Some(_)) = (page.last(), left.next()) {
                answer["NextToken"] = json!(last);
            }
            Ok(answer)
        };
        self.state.read(list).await
    }
}
