//! What is asked for: a stack as it is to be, and what is checked of it before anything is recorded.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Engine, known};
use crate::parameters::{effective, no_echo};
use crate::resources::{served, supported};
use crate::store::{Sources, Wanted};
use crate::{Api, Error, Scope, Template, parameters, rules};

/// What a stack is to be.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub name: String,
    /// The template's text, JSON or YAML.
    pub template: String,
    pub parameters: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub sources: Sources,
    pub on_failure: OnFailure,
    /// Refuse to delete the stack until this is taken back.
    pub protected: bool,
    /// The id of the stack this one is a resource of.
    pub parent: Option<String>,
}

/// What becomes of a creation that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    #[default]
    Rollback,
    DoNothing,
    Delete,
}

impl Engine {
    /// Checks all that can be known before anything is made, and answers what is to be recorded.
    ///
    /// # Errors
    /// `Template`, naming every unsupported type.
    pub(super) fn deployable(&self, request: &Request) -> Result<(Wanted, Template), Error> {
        let template = Template::parse(&request.template)?;
        check_kinds(&template, self.inner.api.as_ref())?;
        check_code(&template, &request.sources)?;
        let values = parameters(&template, &request.parameters)?;
        let nothing = known::Known::default();
        let scope = Scope::new(&template, &values, &self.inner.environment, (&request.name, ""), &nothing)?;
        rules::check(&template.rules, &scope)?;
        let wanted = Wanted {
            template: request.template.clone(),
            parameters: effective(&template, &request.parameters)?,
            no_echo: no_echo(&template),
            tags: request.tags.clone(),
            sources: request.sources.clone(),
        };
        Ok((wanted, template))
    }
}

/// Whether an update would change nothing. Nested stacks are looked at again: their templates are files that may
/// have changed.
pub(super) fn same(before: &Wanted, after: &Wanted, template: &Template) -> bool {
    let Wanted { template: _, parameters, no_echo: _, tags, sources } = before;
    let nested = template.resources.iter().any(|(_, declared)| declared.kind == "AWS::CloudFormation::Stack");
    !nested
        && (parameters, tags, &sources.functions) == (&after.parameters, &after.tags, &after.sources.functions)
        && (before.template == after.template
            || Template::parse(&before.template).is_ok_and(|before| &before == template))
}

/// Refuses types that nothing here can make.
fn check_kinds(template: &Template, api: &dyn Api) -> Result<(), Error> {
    let mut unknown: Vec<&str> = template
        .resources
        .iter()
        .map(|(_, declared)| declared.kind.as_str())
        .filter(|kind| served(kind, api).is_none())
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        return Err(Error::template(format!(
            "resource types are not supported: [{}]; supported are [{}]",
            unknown.join(", "),
            supported(api).join(", ")
        )));
    }
    Ok(())
}

/// Refuses functions whose code is a path of another machine: it must be packaged, or handed over beside the template.
fn check_code(template: &Template, sources: &Sources) -> Result<(), Error> {
    for (id, declared) in template.resources.iter().filter(|(_, declared)| declared.kind == "AWS::Lambda::Function") {
        let name = declared.properties.get("FunctionName").and_then(Value::as_str).unwrap_or_default();
        let handed_over = sources.functions.contains_key(id) || sources.functions.contains_key(name);
        if declared.local_code().is_some() && !handed_over {
            return Err(Error::template(format!(
                "Resource with id [{id}] is invalid. Its code is not a valid S3 Uri of the form 's3://bucket/key'. Package the \
                 template, or deploy it with `watershed deploy`."
            )));
        }
    }
    Ok(())
}

/// Refuses what is no name of a stack or change set, in the words all services share.
pub(super) fn check_name(member: &str, name: &str) -> Result<(), Error> {
    let fits = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let must = match name.len() {
        0 => "have length greater than or equal to 1",
        _ if !fits => "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
        1..=128 => return Ok(()),
        _ => "have length less than or equal to 128",
    };
    let shown: String = name.chars().take(256).collect();
    Err(Error::Template(format!(
        "1 validation error detected: Value '{shown}' at '{member}' failed to satisfy constraint: Member must {must}"
    )))
}
