//! The catalog: databases and tables as Glue describes them, kept in the state. Names are folded to lower case.

use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value};
use state::{State, params};

use crate::Error;

const MIGRATIONS: &[&str] = &["CREATE TABLE catalog_database (
        name TEXT NOT NULL PRIMARY KEY, input TEXT NOT NULL, created_ms BIGINT NOT NULL);
    CREATE TABLE catalog_table (
        database TEXT NOT NULL REFERENCES catalog_database (name), name TEXT NOT NULL, input TEXT NOT NULL,
        created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL, version BIGINT NOT NULL,
        PRIMARY KEY (database, name));"];
/// Characters of a name (Glue API, `NameString`).
const NAME_LENGTH_MAX: usize = 255;

/// Databases and tables. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    state: State,
}

/// A database: its `DatabaseInput` and when it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    pub name: String,
    pub input: Map<String, Value>,
    pub created_ms: i64,
}

/// A table: its `TableInput`, when it was made and changed, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub database: String,
    pub name: String,
    pub input: Map<String, Value>,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// From 0, one up with every update.
    pub version: i64,
}

impl Table {
    /// Where its files are: `StorageDescriptor.Location`.
    pub fn location(&self) -> Option<&str> {
        self.input.get("StorageDescriptor")?.get("Location")?.as_str()
    }

    /// Its columns without the partition keys: name and Hive type.
    pub fn columns(&self) -> Vec<(&str, &str)> {
        columns(self.input.get("StorageDescriptor").and_then(|storage| storage.get("Columns")))
    }

    /// Its partition keys: name and Hive type.
    pub fn partition_keys(&self) -> Vec<(&str, &str)> {
        columns(self.input.get("PartitionKeys"))
    }
}

fn columns(list: Option<&Value>) -> Vec<(&str, &str)> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|column| {
        let kind = column.get("Type").and_then(Value::as_str).unwrap_or("string");
        Some((column.get("Name")?.as_str()?, kind))
    })
    .collect()
}

fn name_of(name: &str) -> Result<String, Error> {
    let good = !name.is_empty() && name.chars().count() <= NAME_LENGTH_MAX && !name.chars().any(char::is_control);
    good.then(|| name.to_lowercase())
        .ok_or_else(|| Error::Invalid("Name must have 1 to 255 printable characters".into()))
}

fn input_name(input: &Map<String, Value>) -> Result<String, Error> {
    name_of(input.get("Name").and_then(Value::as_str).ok_or_else(|| Error::Invalid("Name is required".into()))?)
}

fn stored(name: &str, input: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(input).map_err(|error| Error::Stored(name.into(), error))
}

// These two in the words of Glue.
fn no_database(name: &str) -> Error {
    Error::NotFound(format!("Database {name} not found."))
}

fn no_table(name: &str) -> Error {
    Error::NotFound(format!("Table {name} not found."))
}

fn database_row(row: &state::Row<'_>) -> Result<Database, Error> {
    let name = row.text(0)?.to_owned();
    Ok(Database { input: stored(&name, row.text(1)?)?, name, created_ms: row.int(2)? })
}

fn table_row(row: &state::Row<'_>) -> Result<Table, Error> {
    let name = row.text(1)?.to_owned();
    Ok(Table {
        database: row.text(0)?.to_owned(),
        input: stored(&name, row.text(2)?)?,
        name,
        created_ms: row.int(3)?,
        updated_ms: row.int(4)?,
        version: row.int(5)?,
    })
}

const TABLE: &str =
    "SELECT database, name, input, created_ms, updated_ms, version FROM catalog_table WHERE database = ?1";

impl Catalog {
    /// Opens the catalog in a state, creating its tables.
    ///
    /// # Errors
    /// `State` when the migration fails.
    pub fn open(state: State) -> Result<Self, Error> {
        state.migrate("catalog", MIGRATIONS)?;
        Ok(Catalog { state })
    }

    /// Creates a database from a `DatabaseInput`.
    ///
    /// # Errors
    /// `Invalid`, `Conflict` when it exists.
    pub async fn create_database(&self, input: Map<String, Value>, now_ms: i64) -> Result<(), Error> {
        let name = input_name(&input)?;
        let text = Value::Object(input).to_string();
        self.state
            .write(move |tx| {
                let sql =
                    "INSERT INTO catalog_database (name, input, created_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
                match tx.execute(sql, params![&name, &text, now_ms])? {
                    0 => Err(Error::Conflict("Database already exists.".into())),
                    _ => Ok(()),
                }
            })
            .await
    }

    /// # Errors
    /// `NotFound`.
    pub async fn database(&self, name: &str) -> Result<Database, Error> {
        let name = name_of(name)?;
        self.state
            .read(move |read| {
                let sql = "SELECT name, input, created_ms FROM catalog_database WHERE name = ?1";
                read.first(sql, params![&name], database_row)?.ok_or_else(|| no_database(&name))
            })
            .await
    }

    /// At most `limit` databases whose names come after `after`, by name.
    ///
    /// # Errors
    /// `State`.
    pub async fn databases(&self, after: &str, limit: u32) -> Result<Vec<Database>, Error> {
        let after = after.to_owned();
        self.state
            .read(move |read| {
                let sql = "SELECT name, input, created_ms FROM catalog_database WHERE name > ?1 ORDER BY name LIMIT ?2";
                read.all(sql, params![&after, i64::from(limit)], database_row)
            })
            .await
    }

    /// Replaces the `DatabaseInput` of a database; its name stays.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn update_database(&self, name: &str, input: Map<String, Value>) -> Result<(), Error> {
        let name = name_of(name)?;
        let text = Value::Object(input).to_string();
        self.state
            .write(move |tx| {
                match tx.execute("UPDATE catalog_database SET input = ?2 WHERE name = ?1", params![&name, &text])? {
                    0 => Err(no_database(&name)),
                    _ => Ok(()),
                }
            })
            .await
    }

    /// Deletes a database with its tables; files stay.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_database(&self, name: &str) -> Result<(), Error> {
        let name = name_of(name)?;
        self.state
            .write(move |tx| {
                tx.execute("DELETE FROM catalog_table WHERE database = ?1", params![&name])?;
                match tx.execute("DELETE FROM catalog_database WHERE name = ?1", params![&name])? {
                    0 => Err(no_database(&name)),
                    _ => Ok(()),
                }
            })
            .await
    }

    /// Creates a table from a `TableInput`.
    ///
    /// # Errors
    /// `Invalid`, `NotFound` without the database, `Conflict` when it exists.
    pub async fn create_table(&self, database: &str, input: Map<String, Value>, now_ms: i64) -> Result<(), Error> {
        let (database, name) = (name_of(database)?, input_name(&input)?);
        let text = Value::Object(input).to_string();
        self.state
            .write(move |tx| {
                let sql = "SELECT 1 FROM catalog_database WHERE name = ?1";
                let found: Option<()> = tx.first(sql, params![&database], |_| Ok::<_, Error>(()))?;
                found.ok_or_else(|| no_database(&database))?;
                let sql = "INSERT INTO catalog_table (database, name, input, created_ms, updated_ms, version)
                VALUES (?1, ?2, ?3, ?4, ?4, 0) ON CONFLICT DO NOTHING";
                match tx.execute(sql, params![&database, &name, &text, now_ms])? {
                    0 => Err(Error::Conflict("Table already exists.".into())),
                    _ => Ok(()),
                }
            })
            .await
    }

    /// # Errors
    /// `NotFound`.
    pub async fn table(&self, database: &str, name: &str) -> Result<Table, Error> {
        let (database, name) = (name_of(database)?, name_of(name)?);
        self.state
            .read(move |read| {
                let sql = format!("{TABLE} AND name = ?2");
                read.first(&sql, params![&database, &name], table_row)?.ok_or_else(|| no_table(&name))
            })
            .await
    }

    /// At most `limit` tables whose names come after `after`, by name.
    ///
    /// # Errors
    /// `State`.
    pub async fn tables(&self, database: &str, after: &str, limit: u32) -> Result<Vec<Table>, Error> {
        let (database, after) = (name_of(database)?, after.to_owned());
        self.state
            .read(move |read| {
                let sql = format!("{TABLE} AND name > ?2 ORDER BY name LIMIT ?3");
                read.all(&sql, params![&database, &after, i64::from(limit)], table_row)
            })
            .await
    }

    /// Replaces a `TableInput`; `version` must be the current one when it is given.
    ///
    /// # Errors
    /// `NotFound`, `Version`.
    pub async fn update_table(
        &self,
        database: &str,
        input: Map<String, Value>,
        version: Option<i64>,
        now_ms: i64,
    ) -> Result<(), Error> {
        let (database, name) = (name_of(database)?, input_name(&input)?);
        let text = Value::Object(input).to_string();
        self.state
            .write(move |tx| {
                let sql = "SELECT version FROM catalog_table WHERE database = ?1 AND name = ?2";
                let current: Option<i64> =
                    tx.first(sql, params![&database, &name], |row| Ok::<_, Error>(row.int(0)?))?;
                let current = current.ok_or_else(|| no_table(&name))?;
                if version.is_some_and(|version| version != current) {
                    return Err(Error::Version(format!(
                        "version is not the current one. name=`{name}` current={current}"
                    )));
                }
                let sql = "UPDATE catalog_table SET input = ?3, updated_ms = ?4, version = version + 1
                WHERE database = ?1 AND name = ?2";
                tx.execute(sql, params![&database, &name, &text, now_ms])?;
                Ok(())
            })
            .await
    }

    /// Deletes a table; files stay.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_table(&self, database: &str, name: &str) -> Result<(), Error> {
        let (database, name) = (name_of(database)?, name_of(name)?);
        self.state
            .write(move |tx| {
                let sql = "DELETE FROM catalog_table WHERE database = ?1 AND name = ?2";
                match tx.execute(sql, params![&database, &name])? {
                    0 => Err(no_table(&name)),
                    _ => Ok(()),
                }
            })
            .await
    }

    /// The columns of a table as a schema for format conversion. Blocks.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for a column type that is not supported.
    pub fn schema(&self, database: &str, name: &str) -> Result<SchemaRef, Error> {
        let (database, name) = (name_of(database)?, name_of(name)?);
        let table = self.state.read_blocking(|read| {
            let sql = format!("{TABLE} AND name = ?2");
            read.first(&sql, params![&database, &name], table_row)?.ok_or_else(|| no_table(&name))
        })?;
        crate::format::schema(table.columns())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn input(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[tokio::test]
    async fn tables_live_in_databases_under_folded_names() {
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().join("state.db").display().to_string();
        let catalog = Catalog::open(State::open(&state::Settings::new(url)).unwrap()).unwrap();
        let table = input(json!({"Name": "T", "StorageDescriptor": {"Location": "s3://b/t",
            "Columns": [{"Name": "Id", "Type": "int"}]}, "PartitionKeys": [{"Name": "day", "Type": "string"}]}));
        assert!(matches!(catalog.create_table("d", table.clone(), 1).await, Err(Error::NotFound(_))));
        catalog.create_database(input(json!({"Name": "D"})), 1).await.unwrap();
        assert!(matches!(catalog.create_database(input(json!({"Name": "d"})), 1).await, Err(Error::Conflict(_))));
        catalog.create_table("d", table.clone(), 1).await.unwrap();
        assert!(matches!(catalog.create_table("D", table.clone(), 1).await, Err(Error::Conflict(_))));
        assert!(matches!(catalog.update_table("d", table.clone(), Some(4), 2).await, Err(Error::Version(_))));
        catalog.update_table("d", table, Some(0), 2).await.unwrap();
        let found = catalog.table("D", "t").await.unwrap();
        assert_eq!((found.version, found.updated_ms, found.location()), (1, 2, Some("s3://b/t")));
        assert_eq!(found.partition_keys(), [("day", "string")]);
        assert_eq!(catalog.schema("d", "T").unwrap().field(0).name(), "id");
        assert_eq!(catalog.tables("d", "", 10).await.unwrap(), [found]);
        assert!(catalog.tables("d", "t", 10).await.unwrap().is_empty());
        catalog.delete_database("d").await.unwrap();
        assert!(matches!(catalog.table("d", "t").await, Err(Error::NotFound(_))));
    }
}
