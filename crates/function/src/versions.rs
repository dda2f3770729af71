//! Published versions and aliases with weighted routing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::configuration::Configuration;
use crate::functions::{Function, check_revision, modified, revision};
use crate::name::{self, LATEST};
use crate::{Error, Functions};

/// A name for a version, or for two by weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Alias {
    pub alias_arn: String,
    pub name: String,
    pub function_version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_config: Option<Routing>,
    pub revision_id: String,
}

/// The share of invocations that goes to another version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Routing {
    #[serde(default)]
    pub additional_version_weights: BTreeMap<String, f64>,
}

/// Members of CreateAlias and UpdateAlias; absent ones are left as they are.
#[derive(Clone, Debug, Default)]
pub struct AliasChange {
    pub function_version: Option<String>,
    pub description: Option<String>,
    pub routing: Option<Routing>,
    pub revision_id: Option<String>,
}

impl Alias {
    /// The version for a number in `[0, 1)`; 1 is never routed away.
    pub(crate) fn route(&self, random: f64) -> &str {
        let weights = self.routing_config.iter().flat_map(|routing| &routing.additional_version_weights);
        let mut below = 0.0;
        for (version, weight) in weights {
            below += weight;
            if random < below {
                return version;
            }
        }
        &self.function_version
    }

    pub(crate) fn uses(&self, version: &str) -> bool {
        let mut weights = self.routing_config.iter().flat_map(|routing| routing.additional_version_weights.keys());
        self.function_version == version || weights.any(|other| other == version)
    }
}

impl Functions {
    /// PublishVersion. Without a change since the last version it answers that one.
    ///
    /// # Errors
    /// `NotFound`, `Precondition`, `Invalid` when the code is another than expected.
    pub async fn publish(
        &self,
        name: &str,
        sha256: Option<&str>,
        description: Option<&str>,
        revision_id: Option<&str>,
    ) -> Result<Configuration, Error> {
        let (name, now_ms) = (self.plain(name)?, self.now_ms());
        self.change(&name, |function| {
            check_revision(revision_id, &function.latest.revision_id)?;
            if sha256.is_some_and(|sha256| sha256 != function.latest.code_sha256) {
                return Err(Error::Invalid(format!(
                    "CodeSHA256 ({}) is different from current CodeSHA256 in $LATEST ({}). Please try again with the CodeSHA256 in $LATEST.",
                    sha256.unwrap_or_default(),
                    function.latest.code_sha256
                )));
            }
            publish(function, now_ms, description)
        })
        .await
    }

    /// ListVersionsByFunction: `$LATEST`, then the versions.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn versions(&self, name: &str) -> Result<Vec<Configuration>, Error> {
        let function = self.function(&self.plain(name)?)?;
        let mut latest = function.latest.clone();
        latest.function_arn = self.arn(&latest.function_name, Some(LATEST));
        Ok([latest].into_iter().chain(function.versions.values().cloned()).collect())
    }

    /// CreateAlias.
    ///
    /// # Errors
    /// `NotFound` without function or version, `Conflict` when it exists, `Invalid` for a routing that cannot be.
    pub async fn create_alias(&self, function: &str, name: &str, change: AliasChange) -> Result<Alias, Error> {
        name::check_alias(name)?;
        let function = self.plain(function)?;
        let arn = self.arn(&function, Some(name));
        self.change(&function, |function| {
            if function.aliases.contains_key(name) {
                return Err(Error::Conflict(format!("Alias already exists: {arn}")));
            }
            let alias = Alias {
                alias_arn: arn.clone(),
                name: name.to_owned(),
                function_version: String::new(),
                description: String::new(),
                routing_config: None,
                revision_id: String::new(),
            };
            self.put_alias(function, alias, change)
        })
        .await
    }

    /// UpdateAlias.
    ///
    /// # Errors
    /// As [`Functions::create_alias`], and `Precondition`.
    pub async fn update_alias(&self, function: &str, name: &str, change: AliasChange) -> Result<Alias, Error> {
        let function = self.plain(function)?;
        let missing = self.no_alias(&function, name);
        self.change(&function, |function| {
            let alias = function.aliases.get(name).cloned().ok_or(missing)?;
            check_revision(change.revision_id.as_deref(), &alias.revision_id)?;
            self.put_alias(function, alias, change)
        })
        .await
    }

    /// GetAlias.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn alias(&self, function: &str, name: &str) -> Result<Alias, Error> {
        let function = self.plain(function)?;
        self.function(&function)?.aliases.get(name).cloned().ok_or_else(|| self.no_alias(&function, name))
    }

    /// ListAliases, of one version if given.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn aliases(&self, function: &str, version: Option<&str>) -> Result<Vec<Alias>, Error> {
        let function = self.function(&self.plain(function)?)?;
        let wanted = |alias: &&Alias| version.is_none_or(|version| alias.uses(version));
        Ok(function.aliases.values().filter(wanted).cloned().collect())
    }

    /// DeleteAlias. One that is not there is no error.
    ///
    /// # Errors
    /// `NotFound` without the function.
    pub async fn delete_alias(&self, function: &str, name: &str) -> Result<(), Error> {
        self.change(&self.plain(function)?, |function| {
            function.aliases.remove(name);
            function.policies.remove(name);
            function.event_invoke.remove(name);
            Ok(())
        })
        .await
    }

    fn no_alias(&self, function: &str, name: &str) -> Error {
        Error::NotFound(format!("Cannot find alias arn: {}", self.arn(function, Some(name))))
    }

    fn put_alias(&self, function: &mut Function, mut alias: Alias, change: AliasChange) -> Result<Alias, Error> {
        if let Some(version) = change.function_version {
            alias.function_version = version;
        }
        if let Some(description) = change.description {
            alias.description = description;
        }
        if let Some(routing) = change.routing {
            alias.routing_config = Some(routing).filter(|routing| !routing.additional_version_weights.is_empty());
        }
        let versions = alias.routing_config.iter().flat_map(|routing| routing.additional_version_weights.keys());
        for version in versions.chain([&alias.function_version]) {
            if function.version(version).is_none() {
                return Err(self.not_found(&function.latest.function_name, Some(version)));
            }
        }
        check_routing(&alias)?;
        alias.revision_id = revision();
        function.aliases.insert(alias.name.clone(), alias.clone());
        Ok(alias)
    }
}

fn check_routing(alias: &Alias) -> Result<(), Error> {
    let Some(routing) = &alias.routing_config else { return Ok(()) };
    let weights = &routing.additional_version_weights;
    let invalid = |message: &str| Err(Error::Invalid(message.into()));
    if weights.len() > 1 {
        return invalid("Number of items in AdditionalVersionWeights cannot be greater than 1");
    }
    if alias.function_version == LATEST || weights.contains_key(LATEST) {
        return invalid("$LATEST is not supported for an alias pointing to more than 1 version");
    }
    if weights.contains_key(&alias.function_version) {
        return invalid("Invalid function version in AdditionalVersionWeights: it is the alias's own version");
    }
    match weights.values().all(|weight| (0.0..=1.0).contains(weight)) {
        true => Ok(()),
        false => invalid("A weight must be between 0.0 and 1.0"),
    }
}

/// Makes `$LATEST` a version, unless the last version is the same.
pub(crate) fn publish(function: &mut Function, now_ms: i64, description: Option<&str>) -> Result<Configuration, Error> {
    let mut version = function.latest.clone();
    if let Some(description) = description {
        version.description = description.to_owned();
    }
    if let Some(last) = function.versions.values().next_back().filter(|last| is_same(last, &version)) {
        return Ok(last.clone());
    }
    let number = function.next_version;
    version.version = number.to_string();
    version.function_arn = format!("{}:{number}", function.latest.function_arn);
    version.last_modified = modified(now_ms);
    version.revision_id = revision();
    function.versions.insert(number, version.clone());
    function.next_version = number + 1;
    Ok(version)
}

/// Whether two versions differ in nothing but what publishing itself sets.
fn is_same(a: &Configuration, b: &Configuration) -> bool {
    let plain = |configuration: &Configuration| {
        let mut plain = configuration.clone();
        for member in [&mut plain.version, &mut plain.function_arn, &mut plain.last_modified, &mut plain.revision_id] {
            member.clear();
        }
        serde_json::to_value(plain).ok()
    };
    plain(a) == plain(b)
}
