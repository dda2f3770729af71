//! Names, paths, ids, tags and policy documents: their form (IAM API reference, "Common parameters").

use serde_json::Value;

use crate::{Error, Tags};

const TAGS_MAX: usize = 50;

/// A name of IAM: its length is told as any constraint is, its characters in a sentence of their own.
///
/// # Errors
/// `Validation`, naming the member.
pub(crate) fn check(member: &str, name: &str, chars_max: usize) -> Result<(), Error> {
    check_length(member, name, 1, chars_max)?;
    match name.chars().all(is_good) {
        true => Ok(()),
        false => Err(Error::Validation(format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: \
             +=,.@_-"
        ))),
    }
}

/// The name of a session.
///
/// # Errors
/// `Validation`.
pub(crate) fn check_session(name: &str) -> Result<(), Error> {
    const MEMBER: &str = "roleSessionName";
    check_length(MEMBER, name, 2, 64)?;
    match name.chars().all(is_good) {
        true => Ok(()),
        false => Err(constraint(MEMBER, name, "satisfy regular expression pattern: [\\w+=,.@-]*")),
    }
}

fn is_good(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)
}

fn check_length(member: &str, name: &str, chars_min: usize, chars_max: usize) -> Result<(), Error> {
    match name.chars().count() {
        count if count < chars_min => {
            Err(constraint(member, name, &format!("have length greater than or equal to {chars_min}")))
        }
        count if count > chars_max => {
            Err(constraint(member, name, &format!("have length less than or equal to {chars_max}")))
        }
        _ => Ok(()),
    }
}

fn constraint(member: &str, value: &str, must: &str) -> Error {
    // The value comes from the caller: cut, so that the reply stays small.
    let shown: String = value.chars().take(256).collect();
    Error::Validation(format!(
        "1 validation error detected: Value '{shown}' at '{member}' failed to satisfy constraint: Member must {must}"
    ))
}

/// # Errors
/// `Validation`: a path begins and ends with a slash.
pub(crate) fn check_path(path: &str) -> Result<(), Error> {
    let good = path.len() <= 512 && path.starts_with('/') && path.ends_with('/');
    if !good || !path.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        return Err(Error::Validation(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
             characters and/or / characters."
                .into(),
        ));
    }
    Ok(())
}

/// `AROA` and sixteen characters, and the like.
pub(crate) fn id(prefix: &str) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let random = uuid::Uuid::new_v4().into_bytes().into_iter().chain(uuid::Uuid::new_v4().into_bytes());
    let digits = random.filter_map(|byte| DIGITS.get(usize::from(byte % 32)).map(|digit| char::from(*digit)));
    prefix.chars().chain(digits.take(16)).collect()
}

/// # Errors
/// `Validation` for tags that are too many or too long.
pub(crate) fn check_tags(tags: &Tags) -> Result<(), Error> {
    if tags.len() > TAGS_MAX {
        return Err(Error::Limit(format!("a resource has at most {TAGS_MAX} tags")));
    }
    let long =
        |(key, value): (&String, &String)| key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256;
    match tags.iter().any(long) {
        true => Err(Error::Validation("a tag's key has 1 to 128 characters and its value at most 256".into())),
        false => Ok(()),
    }
}

pub(crate) fn stored_tags(tags: &Tags) -> String {
    serde_json::to_value(tags).unwrap_or_default().to_string()
}

pub(crate) fn parsed_tags(owner: &str, text: &str) -> Result<Tags, Error> {
    serde_json::from_str(text).map_err(|_| Error::Corrupt(owner.into()))
}

/// Checks the form of a policy; one that says who may assume a role names principals, others do not.
///
/// # Errors
/// `Malformed`, naming what is wrong, `Limit` when it is longer than `chars_max` without white space.
pub(crate) fn check_document(document: &str, is_trust: bool, chars_max: usize) -> Result<(), Error> {
    let malformed = |message: &str| Err(Error::Malformed(message.into()));
    if document.chars().filter(|c| !c.is_whitespace()).count() > chars_max {
        return Err(Error::Limit(format!("Cannot exceed quota for PolicySize: {chars_max}")));
    }
    let Ok(Value::Object(policy)) = serde_json::from_str(document) else {
        return malformed("Syntax errors in policy.");
    };
    if let Some(unknown) = policy.keys().find(|key| !["Version", "Id", "Statement"].contains(&key.as_str())) {
        return malformed(&format!("Syntax errors in policy: unknown element {unknown}."));
    }
    if policy.get("Version").is_some_and(|version| version != "2012-10-17" && version != "2008-10-17") {
        return malformed("The policy version is not 2012-10-17 or 2008-10-17.");
    }
    let statements = match policy.get("Statement") {
        // None at all allows nothing.
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement @ Value::Object(_)) => vec![statement],
        _ => return malformed("Policy document must contain Statement."),
    };
    for statement in statements {
        let has = |one: &str, other: &str| statement.get(one).is_some() != statement.get(other).is_some();
        let effect = statement.get("Effect").and_then(Value::as_str);
        if !matches!(effect, Some("Allow" | "Deny")) {
            return malformed("Policy statement must have Effect Allow or Deny.");
        }
        if !has("Action", "NotAction") {
            return malformed("Policy statement must contain actions.");
        }
        match is_trust {
            true if !has("Principal", "NotPrincipal") => return malformed("AssumeRolePolicy must contain principals."),
            true if statement.get("Resource").is_some() => return malformed("Has prohibited field Resource"),
            false if !has("Resource", "NotResource") => return malformed("Policy statement must contain resources."),
            false if statement.get("Principal").is_some() => {
                return malformed("Policy document should not specify a principal.");
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, is_trust: bool, expected: &str) {
        let found = check_document(document, is_trust, 2048).map_or_else(|error| error.to_string(), |()| "good".into());
        assert!(found.contains(expected), "{document}: {found}");
    }

    #[test]
    fn documents_are_checked_for_their_form() {
        let trust =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#;
        let policy = r#"{"Statement":{"Effect":"Deny","NotAction":["s3:*"],"Resource":"*"}}"#;
        check(trust, true, "good");
        check(policy, false, "good");
        check(trust, false, "resources");
        check(policy, true, "principals");
        check("[]", false, "Syntax");
        check("{}", false, "Statement");
        check(r#"{"Statement":[{"Effect":"Maybe"}]}"#, false, "Effect");
        check(r#"{"Statement":[]}"#, true, "good");
        check(r#"{"Statement":[],"Color":1}"#, false, "Color");
        check(&format!("\"{}\"", "x".repeat(3000)), false, "quota");
    }

    #[test]
    fn ids_have_the_form_of_the_service() {
        assert_eq!(id("AROA").len(), 20);
        assert_ne!(id("ASIA"), id("ASIA"));
    }
}
