//! Tables declared in the catalog, for the query engine.

use async_trait::async_trait;
use lake::catalog::{Catalog, Table};
use query::TableDefinition;

/// Databases and tables read at a time.
const PAGE: u32 = 100;

/// The catalog as the query engine sees it.
pub struct DeclaredTables(pub Catalog);

#[async_trait]
impl query::Catalog for DeclaredTables {
    async fn find(&self, database: Option<&str>, table: &str) -> Vec<TableDefinition> {
        let mut found = Vec::new();
        match database {
            Some(database) => found.extend(self.table(database, table).await),
            None => {
                for database in self.databases().await {
                    found.extend(self.table(&database, table).await);
                }
            }
        }
        found
    }
}

impl DeclaredTables {
    async fn table(&self, database: &str, table: &str) -> Option<TableDefinition> {
        match self.0.table(database, table).await {
            Ok(table) => definition(&table),
            Err(lake::Error::NotFound(_) | lake::Error::Invalid(_)) => None,
            Err(error) => {
                tracing::warn!(%error, "the catalog cannot be read");
                None
            }
        }
    }

    async fn databases(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let after = names.last().cloned().unwrap_or_default();
            match self.0.databases(&after, PAGE).await {
                Ok(page) if page.is_empty() => return names,
                Ok(page) => names.extend(page.into_iter().map(|database| database.name)),
                Err(error) => {
                    tracing::warn!(%error, "the catalog cannot be read");
                    return names;
                }
            }
        }
    }
}

/// A table without a location has no files to read.
fn definition(table: &Table) -> Option<TableDefinition> {
    let owned = |columns: Vec<(&str, &str)>| {
        columns.into_iter().map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect::<Vec<_>>()
    };
    Some(TableDefinition {
        database: table.database.clone(),
        name: table.name.clone(),
        location: table.location()?.to_owned(),
        columns: owned(table.columns()),
        partition_keys: owned(table.partition_keys()),
    })
}
