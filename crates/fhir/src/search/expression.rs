//! Reads the FHIRPath that search parameters are written in: paths joined by `|`, with `as`, `where`, `resolve() is`,
//! `extension` and an index. That is all the specification's own parameters use.

/// One path of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    /// The type it begins at; empty begins at the context.
    pub root: String,
    pub steps: Vec<Step>,
}

/// A step along a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Member(String),
    /// `as T` and `ofType(T)`.
    As(String),
    /// `where(name = 'value')`.
    WhereEquals(String, String),
    /// `where(resolve() is T)`.
    WhereTarget(String),
    Index(usize),
    Extension(String),
    /// `x.exists() and x != false`: true, unless the value is absent or false.
    IsSet,
}

/// The paths of an expression; `None` when it is written in more than is understood.
pub(super) fn parse(expression: &str) -> Option<Vec<Path>> {
    split(expression).into_iter().map(path).collect()
}

/// The parts between the `|` that stand in no parentheses.
fn split(expression: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, character) in expression.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                parts.push(&expression[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&expression[start..]);
    parts
}

fn path(text: &str) -> Option<Path> {
    let text = text.trim();
    if let Some((subject, rest)) = text.split_once(".exists() and ") {
        let mut path = path(subject)?;
        path.steps.push(Step::IsSet);
        return (rest.trim() == format!("{subject} != false")).then_some(path);
    }
    let mut parser = Parser { rest: text };
    let mut path = parser.path()?;
    // `a.b as T` without parentheses.
    if let Some(kind) = parser.rest.strip_prefix(" as ") {
        path.steps.push(Step::As(kind.trim().into()));
        parser.rest = "";
    }
    parser.rest.is_empty().then_some(path)
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn name(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }

    fn literal(&mut self) -> Option<&'a str> {
        let (literal, rest) = self.rest.strip_prefix('\'')?.split_once('\'')?;
        self.rest = rest;
        Some(literal)
    }

    fn path(&mut self) -> Option<Path> {
        let mut path = if self.take("(") {
            let mut inner = self.path()?;
            if self.take(" as ") {
                inner.steps.push(Step::As(self.name()?.into()));
            }
            self.take(")").then_some(inner)?
        } else {
            self.first()?
        };
        loop {
            if self.take("[") {
                let (index, rest) = self.rest.split_once(']')?;
                path.steps.push(Step::Index(index.parse().ok()?));
                self.rest = rest;
            } else if self.take(".") {
                path.steps.push(self.step()?);
            } else {
                return Some(path);
            }
        }
    }

    fn first(&mut self) -> Option<Path> {
        if self.take("%resource") {
            return Some(Path { root: "Resource".into(), steps: Vec::new() });
        }
        let name = self.name()?;
        if name.starts_with(|c: char| c.is_ascii_uppercase()) {
            return Some(Path { root: name.into(), steps: Vec::new() });
        }
        let step = self.function_or_member(name)?;
        Some(Path { root: String::new(), steps: vec![step] })
    }

    fn step(&mut self) -> Option<Step> {
        let name = self.name()?;
        self.function_or_member(name)
    }

    fn function_or_member(&mut self, name: &str) -> Option<Step> {
        if !self.take("(") {
            return Some(Step::Member(name.into()));
        }
        let step = match name {
            "as" | "ofType" => Step::As(self.name()?.into()),
            "extension" => Step::Extension(self.literal()?.into()),
            "where" if self.take("resolve() is ") => Step::WhereTarget(self.name()?.into()),
            "where" => {
                let member = self.name()?.to_owned();
                let is_equal = self.take("=") || self.take(" = ");
                is_equal.then_some(())?;
                Step::WhereEquals(member, self.literal()?.into())
            }
            _ => return None,
        };
        self.take(")").then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_the_specification_uses_is_read() {
        let member = |name: &str| Step::Member(name.into());
        let cases = [
            ("Patient.name.given", "Patient", vec![member("name"), member("given")]),
            ("value.as(Quantity)", "", vec![member("value"), Step::As("Quantity".into())]),
            (
                "(Observation.value as CodeableConcept).text",
                "Observation",
                vec![member("value"), Step::As("CodeableConcept".into()), member("text")],
            ),
            (
                "Observation.subject.where(resolve() is Patient)",
                "Observation",
                vec![member("subject"), Step::WhereTarget("Patient".into())],
            ),
            (
                "Patient.telecom.where(system='phone')",
                "Patient",
                vec![member("telecom"), Step::WhereEquals("system".into(), "phone".into())],
            ),
            ("Bundle.entry[0].resource", "Bundle", vec![member("entry"), Step::Index(0), member("resource")]),
            ("%resource.referenceSeq", "Resource", vec![member("referenceSeq")]),
            ("Observation.extension('http://x|y')", "Observation", vec![Step::Extension("http://x|y".into())]),
            (
                "Patient.deceased.exists() and Patient.deceased != false",
                "Patient",
                vec![member("deceased"), Step::IsSet],
            ),
        ];
        for (expression, root, steps) in cases {
            assert_eq!(parse(expression), Some(vec![Path { root: root.into(), steps }]), "{expression}");
        }
        assert_eq!(parse("A.b | (B.c as d)|C").map(|paths| paths.len()), Some(3));
        for refused in ["", "A.", "A.b.count()", "A.where(b > 1)", "A.b + 1", "(A.b"] {
            assert_eq!(parse(refused), None, "{refused}");
        }
    }
}
