//! `_include` and `_revinclude` (hl7.org/fhir/R4/search.html#revinclude).

use std::collections::HashSet;

use fhir::definitions::{Definitions, ParameterKind, ParameterNumber, TypeNumber};
use fhir::json::Document;
use fhir::search::query::{Include, Options};
use fhir::search::{Value, extract};
use state::params;

use super::run::{current, current_of_any};
use super::{Page, Scope};
use crate::row::{ReferenceTarget, target};
use crate::schema::{kind_key, parameter_key};
use crate::transaction::find;
use crate::{Error, Permission, Version};

/// Resources that come along with a page.
const INCLUDED_MAX: usize = 10_000;
/// Rounds of `:iterate`.
const ROUNDS_MAX: usize = 16;

/// Adds what comes along with the matches of a page.
pub(super) fn include(scope: &Scope<'_>, options: &Options, page: &mut Page) -> Result<(), Error> {
    if options.includes.is_empty() && options.revincludes.is_empty() {
        return Ok(());
    }
    let mut told: HashSet<String> = page.matches.iter().map(Version::reference).collect();
    let mut round: Vec<Version> = page.matches.clone();
    for number in 0..ROUNDS_MAX {
        let wanted = |include: &&Include| number == 0 || include.iterates;
        let mut found = Vec::new();
        for include in options.includes.iter().filter(wanted) {
            for version in &round {
                referred(scope, include, version, &mut found)?;
            }
        }
        for include in options.revincludes.iter().filter(wanted) {
            for version in &round {
                referring(scope, include, version, &mut found)?;
            }
        }
        round = Vec::new();
        for version in found {
            if page.included.len() + round.len() < INCLUDED_MAX && told.insert(version.reference()) {
                round.push(version);
            }
        }
        if round.is_empty() {
            break;
        }
        page.included.extend(round.iter().cloned());
    }
    Ok(())
}

/// What a resource refers to.
fn referred(scope: &Scope<'_>, include: &Include, version: &Version, found: &mut Vec<Version>) -> Result<(), Error> {
    let Some(body) = version.body.as_ref().filter(|_| include.source.is_none_or(|source| source == version.kind))
    else {
        return Ok(());
    };
    let document = Document::parse(body.clone())?;
    for entry in extract(&document, version.kind) {
        let Value::Reference(reference) = &entry.value else { continue };
        if include.parameter.is_some_and(|parameter| parameter != entry.parameter) {
            continue;
        }
        let (kind, id) = match target(reference, &scope.store.base()) {
            ReferenceTarget::Inside(kind, id) => (kind, id),
            ReferenceTarget::Outside(url) => {
                named(scope, include, entry.parameter, &url, found)?;
                continue;
            }
            ReferenceTarget::Named => continue,
        };
        if include.target.is_some_and(|target| target != kind) {
            continue;
        }
        let resource =
            find(scope.tx, kind_key(scope.store.number, kind), &id)?.filter(crate::transaction::Found::is_live);
        if let Some(resource) = resource {
            add(scope, current(scope, kind, resource.rid)?, found)?;
        }
    }
    Ok(())
}

/// What a canonical link leads to: the resources of its types that have the URL, of any version.
fn named(
    scope: &Scope<'_>,
    include: &Include,
    parameter: ParameterNumber,
    link: &str,
    found: &mut Vec<Version>,
) -> Result<(), Error> {
    let definitions = Definitions::r4();
    let url = link.split_once('|').map_or(link, |(url, _version)| url);
    let targets = definitions.parameter(parameter).map(|parameter| &*parameter.targets).unwrap_or_default();
    for kind in targets.iter().filter(|kind| include.target.is_none_or(|target| target == **kind)) {
        let Some(own) = definitions.search_parameter(*kind, "url").filter(|own| own.kind == ParameterKind::Uri) else {
            continue;
        };
        let p = parameter_key(scope.store.number, *kind, own.number);
        let sql = "SELECT rid FROM fhir_uri WHERE p = ?1 AND uri = ?2 ORDER BY rid LIMIT 100";
        let rids: Vec<i64> = scope.tx.all(sql, params![p, url], |row| row.int(0).map_err(Error::from))?;
        for rid in rids {
            add(scope, current(scope, *kind, rid)?, found)?;
        }
    }
    Ok(())
}

/// What refers to a resource.
fn referring(scope: &Scope<'_>, include: &Include, version: &Version, found: &mut Vec<Version>) -> Result<(), Error> {
    if include.target.is_some_and(|target| target != version.kind) {
        return Ok(());
    }
    let resource = find(scope.tx, kind_key(scope.store.number, version.kind), &version.id)?;
    let Some(resource) = resource else { return Ok(()) };
    for (kind, parameter) in links(include, version.kind) {
        let p = parameter_key(scope.store.number, kind, parameter);
        let sql = "SELECT rid FROM fhir_reference WHERE p = ?1 AND target = ?2 ORDER BY rid LIMIT ?3";
        let limit = i64::try_from(INCLUDED_MAX).unwrap_or(i64::MAX);
        let rids: Vec<i64> =
            scope.tx.all(sql, params![p, resource.rid, limit], |row| row.int(0).map_err(Error::from))?;
        for rid in rids {
            add(scope, current_of_any(scope, rid)?, found)?;
        }
    }
    Ok(())
}

/// The references that may lead to a type.
fn links(include: &Include, target: TypeNumber) -> Vec<(TypeNumber, ParameterNumber)> {
    let definitions = Definitions::r4();
    if let (Some(kind), Some(parameter)) = (include.source, include.parameter) {
        return vec![(kind, parameter)];
    }
    let mut links = Vec::new();
    let kinds: Vec<TypeNumber> = include.source.map_or_else(|| definitions.resources().collect(), |kind| vec![kind]);
    for kind in kinds {
        for parameter in definitions.search_parameters_of(kind) {
            let leads = parameter.targets.is_empty() || parameter.targets.contains(&target);
            if parameter.kind == ParameterKind::Reference && leads {
                links.push((kind, parameter.number));
            }
        }
    }
    links
}

/// Only what the caller may read.
fn add(scope: &Scope<'_>, version: Option<Version>, found: &mut Vec<Version>) -> Result<(), Error> {
    let Some(version) = version else { return Ok(()) };
    let Some(body) = &version.body else { return Ok(()) };
    if found.len() < INCLUDED_MAX
        && scope.store.may_see(scope.caller, version.kind, &version.id, body, Permission::Read)?
    {
        found.push(version);
    }
    Ok(())
}
