//! The engine: parse, find the tables, plan, run within bounds.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser;
use object_store::ObjectStore;

use crate::{Answer, Catalog, Error, resolve};

/// Longest query text, bytes.
const SQL_BYTES_MAX: usize = 262_144;

/// Bounds of every query.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Memory of all running queries together; beyond it sorts, joins and groups spill.
    pub memory_bytes_max: usize,
    /// Where they spill to.
    pub spill_dir: PathBuf,
    /// Threads of one query.
    pub partitions: usize,
}

/// Answers SQL. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    store: Arc<dyn ObjectStore>,
    catalog: Arc<dyn Catalog>,
    runtime: Arc<datafusion::execution::runtime_env::RuntimeEnv>,
    config: SessionConfig,
}

impl Engine {
    /// An engine over a store whose first path element is the bucket.
    ///
    /// # Errors
    /// When the spill directory cannot be used.
    pub fn new(store: Arc<dyn ObjectStore>, catalog: Arc<dyn Catalog>, settings: &Settings) -> Result<Self, Error> {
        let disk =
            DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![settings.spill_dir.clone()]));
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(settings.memory_bytes_max)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let url = url::Url::parse("lake://store").map_err(|error| Error::Failed(error.to_string()))?;
        runtime.register_object_store(&url, store.clone());
        let mut config = SessionConfig::new()
            .with_target_partitions(settings.partitions.max(1))
            // Concatenated JSON has no line to split a file at.
            .with_repartition_file_scans(false)
            .with_information_schema(false);
        let options = config.options_mut();
        options.sql_parser.collect_spans = true;
        options.sql_parser.enable_ident_normalization = false;
        options.execution.listing_table_ignore_subdirectory = false;
        Ok(Engine { store, catalog, runtime, config })
    }

    /// Runs one read-only statement.
    ///
    /// # Errors
    /// `Invalid` with the position for bad SQL, `TableNotFound` with what there is instead.
    pub async fn query(&self, sql: &str) -> Result<Answer, Error> {
        if sql.len() > SQL_BYTES_MAX {
            return Err(Error::Invalid(format!("query longer than {SQL_BYTES_MAX} bytes")));
        }
        // A session of its own: tables found for one query are not kept for the next, so new objects are seen.
        let context = SessionContext::new_with_config_rt(self.config.clone(), self.runtime.clone());
        let statement = context.state().sql_to_statement(sql, &datafusion::config::Dialect::Generic);
        let statement = statement.map_err(|error| at_end(error.into(), sql))?;
        refuse_changes(&statement)?;
        for name in context.state().resolve_table_references(&statement)? {
            let table = resolve::table(&context, &self.store, self.catalog.as_ref(), &name).await?;
            register(&context, name, table)?;
        }
        let plan = context.state().statement_to_plan(statement).await?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)?;
        let frame = context.execute_logical_plan(plan).await?;
        Ok(Answer { stream: frame.execute_stream().await? })
    }
}

/// The parser tells no position when the text ends too early.
fn at_end(error: Error, sql: &str) -> Error {
    match error {
        Error::Invalid(text) if text.ends_with("EOF") => {
            let lines = sql.trim_end().split('\n');
            let column = lines.clone().next_back().map_or(0, |last| last.chars().count()) + 1;
            Error::Invalid(format!("{text} at Line: {}, Column: {column}", lines.count()))
        }
        other => other,
    }
}

/// Before tables are looked up, so that a statement which may not run says so and not that its target is missing.
fn refuse_changes(statement: &Statement) -> Result<(), Error> {
    let read_only = match statement {
        Statement::Explain(_) => true,
        Statement::Statement(inner) => matches!(**inner, sqlparser::ast::Statement::Query(_)),
        _ => false,
    };
    if read_only {
        Ok(())
    } else {
        Err(Error::Invalid("only SELECT and EXPLAIN: SQL over the lake is read-only".into()))
    }
}

fn register(
    context: &SessionContext,
    name: datafusion::common::TableReference,
    table: Arc<dyn datafusion::catalog::TableProvider>,
) -> Result<(), Error> {
    use datafusion::catalog::{MemorySchemaProvider, SchemaProvider as _};
    let state = context.state();
    let defaults = &state.config_options().catalog;
    let resolved = name.clone().resolve(&defaults.default_catalog, &defaults.default_schema);
    let Some(catalog) = context.catalog(&resolved.catalog) else {
        let hint = "; name it as bucket.prefix or database.table".into();
        return Err(Error::TableNotFound { name: name.to_string(), hint });
    };
    if catalog.schema(&resolved.schema).is_none() {
        let schema = Arc::new(MemorySchemaProvider::new());
        schema.register_table(resolved.table.to_string(), table)?;
        catalog.register_schema(&resolved.schema, schema)?;
        return Ok(());
    }
    context.register_table(name, table)?;
    Ok(())
}
