//! CreateFunction, UpdateFunctionCode, UpdateFunctionConfiguration, GetFunction, ListFunctions, DeleteFunction, tags and
//! reserved concurrency.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use state::params;

use crate::configuration::{Change, Configuration};
use crate::functions::{Function, check_revision, modified, revision};
use crate::package::Package;
use crate::versions::publish;
use crate::{Error, Functions};

const TAGS_MAX: usize = 50;
/// What reserving must leave to functions without a reservation.
const UNRESERVED_MIN: u32 = 100;

/// Where the code of a function is.
pub enum Code {
    Zip(Bytes),
    /// A zip, an executable (the `bootstrap`) or a directory on this machine.
    Path(PathBuf),
}

/// CreateFunction.
pub struct Create {
    pub name: String,
    pub code: Option<Code>,
    pub change: Change,
    pub architectures: Option<Vec<String>>,
    pub publish: bool,
    pub tags: BTreeMap<String, String>,
}

/// UpdateFunctionCode.
pub struct UpdateCode {
    pub code: Option<Code>,
    pub architectures: Option<Vec<String>>,
    pub publish: bool,
    pub dry_run: bool,
    pub revision_id: Option<String>,
}

/// A function as GetFunction shows it.
#[derive(Clone, Debug)]
pub struct Description {
    pub configuration: Configuration,
    pub tags: BTreeMap<String, String>,
    pub reserved: Option<u32>,
}

/// Numbers of GetAccountSettings.
pub struct Account {
    pub code_bytes_max: u64,
    pub concurrency: u32,
    pub unreserved: u32,
    pub code_bytes: u64,
    pub functions: usize,
}

impl Functions {
    /// CreateFunction.
    ///
    /// # Errors
    /// `Conflict` when it exists; `Invalid` and `Constraint` for members or code that cannot be used.
    pub async fn create(&self, create: Create) -> Result<Configuration, Error> {
        let reference = self.reference(&create.name, None)?;
        if reference.qualifier.is_some() {
            return Err(Error::Invalid("FunctionName must not have a qualifier".into()));
        }
        let name = reference.name;
        check_tags(&create.tags)?;
        let mut latest = Configuration::new(&name, self.arn(&name, None));
        if create.change.role.is_none() {
            return Err(Error::Constraint(
                "1 validation error detected: Value null at 'role' failed to satisfy constraint: Member must not be null".into(),
            ));
        }
        create.change.apply(&mut latest)?;
        apply_architectures(&mut latest, create.architectures)?;
        let package = package(create.code, &mut latest).await?;
        let one = self.inner.changing.clone().lock_owned().await;
        if self.function(&name).is_ok() {
            return Err(Error::Conflict(format!("Function already exist: {name}")));
        }
        self.stamp(&mut latest);
        let mut function = Function {
            latest,
            versions: BTreeMap::new(),
            next_version: 1,
            aliases: BTreeMap::new(),
            policies: BTreeMap::new(),
            event_invoke: BTreeMap::new(),
            reserved: None,
            tags: create.tags,
        };
        let answer = match create.publish {
            true => publish(&mut function, self.now_ms(), None)?,
            false => function.latest.clone(),
        };
        self.store(one, name, Some(function), package).await?;
        Ok(answer)
    }

    /// UpdateFunctionCode. A dry run only answers what it would do.
    ///
    /// # Errors
    /// `NotFound`, `Precondition` for another revision, `Invalid` for code that cannot be used.
    pub async fn update_code(&self, name: &str, update: UpdateCode) -> Result<Configuration, Error> {
        let name = self.plain(name)?;
        let mut checked = self.function(&name)?.latest.clone();
        let package = package(update.code, &mut checked).await?;
        let one = self.inner.changing.clone().lock_owned().await;
        let mut function = Function::clone(&*self.function(&name)?);
        check_revision(update.revision_id.as_deref(), &function.latest.revision_id)?;
        function.latest.code_sha256 = checked.code_sha256;
        function.latest.code_size = checked.code_size;
        apply_architectures(&mut function.latest, update.architectures)?;
        self.stamp(&mut function.latest);
        let answer = match update.publish {
            true => publish(&mut function, self.now_ms(), None)?,
            false => function.latest.clone(),
        };
        if !update.dry_run {
            self.store(one, name, Some(function), package).await?;
        }
        Ok(answer)
    }

    /// UpdateFunctionConfiguration.
    ///
    /// # Errors
    /// As [`Functions::update_code`].
    pub async fn update_configuration(
        &self,
        name: &str,
        change: Change,
        revision_id: Option<&str>,
    ) -> Result<Configuration, Error> {
        let name = self.plain(name)?;
        self.change(&name, |function| {
            check_revision(revision_id, &function.latest.revision_id)?;
            change.apply(&mut function.latest)?;
            if !function.latest.is_expression() && function.latest.code_sha256.is_empty() {
                return Err(Error::Invalid("A function without code cannot get a runtime that needs code".into()));
            }
            self.stamp(&mut function.latest);
            Ok(function.latest.clone())
        })
        .await
    }

    /// GetFunction and GetFunctionConfiguration.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn describe(&self, name: &str, qualifier: Option<&str>) -> Result<Description, Error> {
        let reference = self.reference(name, qualifier)?;
        let function = self.function(&reference.name).map_err(|_| {
            // The ARN in the message is the one that was asked for.
            self.not_found(&reference.name, reference.qualifier.as_deref())
        })?;
        let qualifier = reference.qualifier.as_deref();
        let found = function.resolve(qualifier, || 1.0).ok_or_else(|| self.not_found(&reference.name, qualifier))?;
        let mut configuration = found.clone();
        if let Some(qualifier) = qualifier {
            configuration.function_arn = self.arn(&reference.name, Some(qualifier));
        }
        Ok(Description { configuration, tags: function.tags.clone(), reserved: function.reserved })
    }

    /// ListFunctions: `$LATEST` of those behind `after` by name, or with `all` every version too.
    pub fn list(&self, after: &str, all: bool) -> Vec<Configuration> {
        let catalog = self.inner.catalog.read().unwrap_or_else(PoisonError::into_inner);
        let behind = catalog.iter().filter(|(name, _)| name.as_str() > after).map(|(_, function)| function);
        let latest = |function: &Function| {
            let mut latest = function.latest.clone();
            if all {
                latest.function_arn = format!("{}:{}", latest.function_arn, crate::name::LATEST);
            }
            latest
        };
        match all {
            false => behind.map(|function| latest(function)).collect(),
            true => behind
                .flat_map(|function| [latest(function)].into_iter().chain(function.versions.values().cloned()))
                .collect(),
        }
    }

    /// DeleteFunction: the whole function, or one published version.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for a version an alias points to; `Invalid` for `$LATEST` and aliases.
    pub async fn delete(&self, name: &str, qualifier: Option<&str>) -> Result<(), Error> {
        let reference = self.reference(name, qualifier)?;
        let Some(qualifier) = reference.qualifier else {
            let one = self.inner.changing.clone().lock_owned().await;
            self.function(&reference.name)?;
            return self.store(one, reference.name, None, None).await;
        };
        let Ok(number) = qualifier.parse::<u64>() else {
            return Err(Error::Invalid("$LATEST version cannot be deleted without deleting the function.".into()));
        };
        self.change(&reference.name, |function| {
            let used = |alias: &crate::Alias| alias.uses(&qualifier);
            if let Some(alias) = function.aliases.values().find(|alias| used(alias)) {
                return Err(Error::Conflict(format!(
                    "Version {qualifier} is currently referenced by alias {} and cannot be deleted.",
                    alias.name
                )));
            }
            function.versions.remove(&number);
            function.policies.remove(&qualifier);
            function.event_invoke.remove(&qualifier);
            Ok(())
        })
        .await
    }

    /// PutFunctionConcurrency, or DeleteFunctionConcurrency with `None`.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` when too little is left to others.
    pub async fn reserve(&self, name: &str, reserved: Option<i64>) -> Result<(), Error> {
        let name = self.plain(name)?;
        let (total, all) = (self.inner.settings.concurrency, &self.inner.reserved);
        self.change(&name, |function| {
            if let Some(reserved) = reserved {
                Error::check_range("reservedConcurrentExecutions", reserved, 0, i64::from(u32::MAX))?;
                let others = all.load(Ordering::Relaxed).saturating_sub(function.reserved.unwrap_or(0));
                let left = i64::from(total) - i64::from(others) - reserved;
                let least = UNRESERVED_MIN.min(total / 10);
                if left < i64::from(least) {
                    return Err(Error::Invalid(format!(
                        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{least}]."
                    )));
                }
            }
            function.reserved = reserved.and_then(|reserved| u32::try_from(reserved).ok());
            Ok(())
        })
        .await
    }

    /// Adds tags (`Some`) and removes tags (`None`) of a function by its ARN.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for too many.
    pub async fn tag(&self, arn: &str, changes: BTreeMap<String, Option<String>>) -> Result<(), Error> {
        let name = self.plain(arn)?;
        self.change(&name, |function| {
            for (key, value) in changes {
                match value {
                    Some(value) => function.tags.insert(key, value),
                    None => function.tags.remove(&key),
                };
            }
            check_tags(&function.tags)
        })
        .await
    }

    /// GetAccountSettings.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn account(&self) -> Result<Account, Error> {
        let sql = "SELECT COALESCE(SUM(LENGTH(zip)), 0) FROM function_code";
        let bytes = self.inner.state.read(move |tx| tx.first(sql, &[], |row| row.int(0))).await?.unwrap_or(0);
        let settings = &self.inner.settings;
        let catalog = self.inner.catalog.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Account {
            code_bytes_max: settings.code_bytes_max,
            concurrency: settings.concurrency,
            unreserved: settings.concurrency.saturating_sub(self.inner.reserved.load(Ordering::Relaxed)),
            code_bytes: bytes.unsigned_abs(),
            functions: catalog.len(),
        })
    }

    /// Remembers where the code of a function is, for a later [`Functions::create`] whose own place is not known here.
    ///
    /// # Errors
    /// `Invalid` for a path that is not absolute.
    pub async fn map_code(&self, name: &str, path: &str) -> Result<(), Error> {
        if !path.starts_with('/') {
            return Err(Error::Invalid("path must be absolute".into()));
        }
        let (name, path) = (self.plain(name)?, path.to_owned());
        let sql = "INSERT INTO function_source (name, path) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET path = ?2";
        self.inner.state.write(move |tx| tx.execute(sql, params![&name, &path]).map(|_| ())).await.map_err(Error::State)
    }

    /// What [`Functions::map_code`] remembered.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn mapped_code(&self, name: &str) -> Result<Option<PathBuf>, Error> {
        let name = self.plain(name)?;
        let sql = "SELECT path FROM function_source WHERE name = ?1";
        let path = self
            .inner
            .state
            .read(move |tx| tx.first(sql, params![&name], |row| Ok::<_, Error>(row.text(0)?.to_owned())))
            .await?;
        Ok(path.map(PathBuf::from))
    }

    /// The name of a function that must be named without a qualifier.
    pub(crate) fn plain(&self, name: &str) -> Result<String, Error> {
        let reference = self.reference(name, None)?;
        match reference.qualifier.as_deref() {
            None | Some(crate::name::LATEST) => Ok(reference.name),
            Some(_) => Err(Error::Invalid("This operation does not permit a qualifier.".into())),
        }
    }

    fn stamp(&self, configuration: &mut Configuration) {
        configuration.last_modified = modified(self.now_ms());
        configuration.revision_id = revision();
    }
}

/// Reads and checks code, and notes what it is.
async fn package(code: Option<Code>, configuration: &mut Configuration) -> Result<Option<Package>, Error> {
    let package = match code {
        None if configuration.is_expression() => return Ok(None),
        None => return Err(Error::Invalid("Please provide a source for function code.".into())),
        Some(_) if configuration.is_expression() => {
            let runtime = &configuration.runtime;
            return Err(Error::Invalid(format!("The runtime {runtime} takes no code: the expression is its Handler")));
        }
        Some(Code::Zip(zip)) => Package::from_zip(zip).await?,
        Some(Code::Path(path)) => Package::from_path(path).await?,
    };
    configuration.code_size = package.zip.len() as u64;
    configuration.code_sha256.clone_from(&package.sha256);
    Ok(Some(package))
}

fn apply_architectures(configuration: &mut Configuration, given: Option<Vec<String>>) -> Result<(), Error> {
    let Some(given) = given.filter(|given| !given.is_empty()) else { return Ok(()) };
    for architecture in &given {
        Error::check_one_of("architectures", architecture, &["x86_64", "arm64"])?;
    }
    if given.len() > 1 {
        return Err(Error::Invalid("Architectures must hold exactly one value".into()));
    }
    configuration.architectures = given;
    Ok(())
}

fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    let fits = |(key, value): (&String, &String)| {
        (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256 && !key.starts_with("aws:")
    };
    match tags.len() <= TAGS_MAX && tags.iter().all(fits) {
        true => Ok(()),
        false => Err(Error::Invalid(
            "Tags must be at most 50, with keys of 1 to 128 and values of at most 256 characters".into(),
        )),
    }
}
