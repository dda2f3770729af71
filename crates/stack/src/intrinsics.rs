//! Intrinsic functions and pseudo parameters: a template value to a plain value.
//!
//! Follows the CloudFormation intrinsic function reference. `AWS::NoValue` drops the element or member it stands for.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::{Map, Value, json};

use crate::parameters::text;
use crate::{Environment, Error, Template, conditions, mappings};

/// Largest text an intrinsic may build.
const TEXT_BYTES_MAX: usize = 4 * 1_048_576;

/// What is known of resources and exports while values are resolved.
pub trait Lookup {
    /// What `Ref` of a resource yields.
    fn reference(&self, id: &str) -> Option<Value>;
    /// What `Fn::GetAtt` of a resource yields.
    fn attribute(&self, id: &str, attribute: &str) -> Option<Value>;
    /// The value exported under a name by another stack.
    fn import(&self, name: &str) -> Option<Value>;
}

/// Everything a value may refer to.
pub struct Scope<'a> {
    template: &'a Template,
    parameters: &'a Map<String, Value>,
    environment: &'a Environment,
    stack: (&'a str, &'a str),
    lookup: &'a dyn Lookup,
    pub(crate) conditions: BTreeMap<String, bool>,
}

impl<'a> Scope<'a> {
    /// A scope with all conditions evaluated. `stack` is the stack's name and id.
    ///
    /// # Errors
    /// `Template` when a condition is malformed.
    pub fn new(
        template: &'a Template,
        parameters: &'a Map<String, Value>,
        environment: &'a Environment,
        stack: (&'a str, &'a str),
        lookup: &'a dyn Lookup,
    ) -> Result<Self, Error> {
        let mut scope = Scope { template, parameters, environment, stack, lookup, conditions: BTreeMap::new() };
        conditions::evaluate(&template.conditions, &mut scope)?;
        Ok(scope)
    }

    /// Whether a resource or output with this condition exists.
    ///
    /// # Errors
    /// `Template` when the condition is not declared.
    pub fn holds(&self, condition: Option<&str>) -> Result<bool, Error> {
        let Some(name) = condition else { return Ok(true) };
        self.conditions
            .get(name)
            .copied()
            .ok_or_else(|| Error::template(format!("condition is not declared. name=`{name}`")))
    }

    /// Resolves a value; `None` stands for `AWS::NoValue`.
    ///
    /// # Errors
    /// `Template` when a function is malformed or names something unknown.
    pub fn resolve(&self, value: &Value) -> Result<Option<Value>, Error> {
        match value {
            Value::Array(items) => {
                let mut kept = Vec::with_capacity(items.len());
                for item in items {
                    kept.extend(self.resolve(item)?);
                }
                Ok(Some(Value::Array(kept)))
            }
            Value::Object(members) => {
                if let (1, Some((name, body))) = (members.len(), members.iter().next())
                    && (name == "Ref" || name.starts_with("Fn::"))
                {
                    return self.function(name, body);
                }
                let mut kept = Map::new();
                for (name, member) in members {
                    if let Some(member) = self.resolve(member)? {
                        kept.insert(name.clone(), member);
                    }
                }
                Ok(Some(Value::Object(kept)))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    fn function(&self, name: &str, body: &Value) -> Result<Option<Value>, Error> {
        let malformed = || Error::template(format!("Template error: {name} is malformed"));
        let value = match name {
            "Ref" => return self.reference(body.as_str().ok_or_else(malformed)?),
            "Fn::If" => {
                let [condition, yes, no] = body.as_array().map(Vec::as_slice).unwrap_or_default() else {
                    return Err(malformed());
                };
                let chosen = if self.holds(Some(condition.as_str().ok_or_else(malformed)?))? { yes } else { no };
                return self.resolve(chosen);
            }
            "Fn::GetAtt" => self.attribute(body)?,
            "Fn::Sub" => Value::String(self.substitute(body)?),
            "Fn::Join" => self.join(&self.list(body).ok_or_else(malformed)??)?,
            "Fn::Select" => match self.list(body).ok_or_else(malformed)??.as_slice() {
                [index, Value::Array(items)] => text(index)
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index).cloned())
                    .ok_or_else(|| Error::template("Template error: Fn::Select cannot select outside the list"))?,
                _ => return Err(malformed()),
            },
            "Fn::Split" => match self.list(body).ok_or_else(malformed)??.as_slice() {
                [Value::String(separator), Value::String(whole)] if !separator.is_empty() => {
                    json!(whole.split(separator.as_str()).collect::<Vec<_>>())
                }
                _ => return Err(malformed()),
            },
            "Fn::FindInMap" => {
                let (keys, default) = match body.as_array().map(Vec::as_slice) {
                    Some(keys @ [_, _, _]) => (keys, None),
                    Some([keys @ .., default]) if keys.len() == 3 => (keys, default.get("DefaultValue")),
                    _ => return Err(malformed()),
                };
                let keys: Vec<String> =
                    keys.iter().map(|key| scalar(key, self).map(|key| text(&key))).collect::<Result<_, _>>()?;
                let [map, first, second] = keys.as_slice() else { return Err(malformed()) };
                match (mappings::find(&self.template.mappings, map, first, second), default) {
                    (Err(_), Some(default)) => return self.resolve(default),
                    (found, _) => found?.clone(),
                }
            }
            "Fn::Length" => match scalar(body, self)? {
                Value::Array(items) => json!(items.len()),
                _ => return Err(malformed()),
            },
            "Fn::ToJsonString" => match self.resolve(body)?.ok_or_else(malformed)? {
                value @ (Value::Object(_) | Value::Array(_)) => Value::String(bounded(value.to_string())?),
                _ => return Err(malformed()),
            },
            "Fn::Base64" => {
                let plain = scalar(body, self)?;
                json!(base64::engine::general_purpose::STANDARD.encode(text(&plain)))
            }
            "Fn::ImportValue" => {
                let export = text(&scalar(body, self)?);
                self.lookup
                    .import(&export)
                    .ok_or_else(|| Error::template(format!("No export named {export} found.")))?
            }
            "Fn::GetAZs" => {
                let region = text(&scalar(body, self)?);
                let region = if region.is_empty() { &self.environment.region } else { &region };
                json!([format!("{region}a"), format!("{region}b"), format!("{region}c")])
            }
            "Fn::Cidr" => cidr(&self.list(body).ok_or_else(malformed)??)?,
            "Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals" => {
                Value::Bool(conditions::test(&json!({ name: body }), self)?)
            }
            other => return Err(Error::template(format!("function is not supported. name=`{other}`"))),
        };
        Ok(Some(value))
    }

    fn list(&self, body: &Value) -> Option<Result<Vec<Value>, Error>> {
        let items = body.as_array()?;
        Some(items.iter().filter_map(|item| self.resolve(item).transpose()).collect())
    }

    fn reference(&self, name: &str) -> Result<Option<Value>, Error> {
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        let value = match name {
            "AWS::AccountId" => Some(json!(self.environment.account)),
            "AWS::Region" => Some(json!(self.environment.region)),
            "AWS::Partition" => Some(json!("aws")),
            "AWS::URLSuffix" => Some(json!("amazonaws.com")),
            "AWS::StackName" => Some(json!(self.stack.0)),
            "AWS::StackId" => Some(json!(self.stack.1)),
            "AWS::NotificationARNs" => Some(json!([])),
            name => self.parameters.get(name).cloned().or_else(|| self.lookup.reference(name)),
        };
        value.map(Some).ok_or_else(|| Error::template(format!("Ref names nothing that exists. name=`{name}`")))
    }

    fn attribute(&self, body: &Value) -> Result<Value, Error> {
        let (id, attribute) = match body {
            Value::String(path) => {
                path.split_once('.').map(|(id, attribute)| (id.to_owned(), attribute.to_owned())).unwrap_or_default()
            }
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(id), attribute @ ..] => {
                    let parts: Vec<String> = attribute
                        .iter()
                        .map(|part| scalar(part, self).map(|part| text(&part)))
                        .collect::<Result<_, _>>()?;
                    (id.clone(), parts.join("."))
                }
                _ => Default::default(),
            },
            _ => Default::default(),
        };
        self.lookup.attribute(&id, &attribute).ok_or_else(|| {
            Error::template(format!("Fn::GetAtt names nothing that exists. resource=`{id}` attribute=`{attribute}`"))
        })
    }

    fn join(&self, body: &[Value]) -> Result<Value, Error> {
        let [Value::String(separator), Value::Array(items)] = body else {
            return Err(Error::template("Template error: Fn::Join is malformed"));
        };
        let items: Vec<String> = items.iter().map(text).collect();
        bounded(items.join(separator)).map(Value::String)
    }

    fn substitute(&self, body: &Value) -> Result<String, Error> {
        let (pattern, own) = match body {
            Value::String(pattern) => (pattern, None),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(pattern)] => (pattern, None),
                [Value::String(pattern), Value::Object(own)] => (pattern, Some(own)),
                _ => return Err(Error::template("Template error: Fn::Sub is malformed")),
            },
            _ => return Err(Error::template("Template error: Fn::Sub is malformed")),
        };
        let mut built = String::new();
        let mut rest = pattern.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            built.push_str(before);
            let Some((name, tail)) = after.split_once('}') else {
                return Err(Error::template("Template error: Fn::Sub has an unclosed placeholder"));
            };
            rest = tail;
            let name = name.trim();
            if let Some(literal) = name.strip_prefix('!') {
                built.push_str("${");
                built.push_str(literal);
                built.push('}');
                continue;
            }
            let value = match own.and_then(|own| own.get(name)) {
                Some(value) => self.resolve(value)?,
                None if name.contains('.') => Some(self.attribute(&json!(name))?),
                None => self.reference(name)?,
            };
            built.push_str(&value.as_ref().map(text).unwrap_or_default());
        }
        built.push_str(rest);
        bounded(built)
    }
}

/// Resolves to a value that must be there.
pub(crate) fn scalar(value: &Value, scope: &Scope<'_>) -> Result<Value, Error> {
    let resolved =
        scope.resolve(value)?.ok_or_else(|| Error::template("AWS::NoValue stands where a value is needed"))?;
    // Conditions compare `true` with `"true"`, 1 with `"1"`.
    Ok(match resolved {
        Value::Bool(_) | Value::Number(_) => Value::String(text(&resolved)),
        other => other,
    })
}

fn bounded(built: String) -> Result<String, Error> {
    if built.len() > TEXT_BYTES_MAX {
        return Err(Error::template(format!("built text is too long. bytes={} limit={TEXT_BYTES_MAX}", built.len())));
    }
    Ok(built)
}

/// `[block, count, host bits]` to that many IPv4 blocks.
fn cidr(body: &[Value]) -> Result<Value, Error> {
    let refuse = || Error::template("Template error: Fn::Cidr is malformed");
    let [block, count, rest @ ..] = body else { return Err(refuse()) };
    let block = text(block);
    let (address, prefix) = block.split_once('/').ok_or_else(refuse)?;
    let start = u32::from(address.parse::<std::net::Ipv4Addr>().map_err(|_| refuse())?);
    let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32).ok_or_else(refuse)?;
    let count: u32 = text(count).parse().map_err(|_| refuse())?;
    let bits: u32 = rest.first().map_or(Ok(8), |bits| text(bits).parse()).map_err(|_| refuse())?;
    if !(1..=256).contains(&count) || !(1..=31).contains(&bits) {
        return Err(refuse());
    }
    if u64::from(count) << bits > 1 << (32 - prefix) {
        let message = format!("Template error: Fn::Cidr cannot cut {count} blocks of {bits} host bits from {block}");
        return Err(Error::template(message));
    }
    let blocks: Option<Vec<String>> = (0..count)
        .map(|index| {
            let first = start.checked_add(index.checked_mul(1 << bits)?)?;
            Some(format!("{}/{}", std::net::Ipv4Addr::from(first), 32 - bits))
        })
        .collect();
    blocks.map(|blocks| json!(blocks)).ok_or_else(refuse)
}
