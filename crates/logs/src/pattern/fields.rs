//! Patterns for space-delimited events: `[ip, user, ..., status = 4* && status != 403, bytes > 1000]`.

use super::comparison::Comparison;
use super::cursor::Cursor;
use super::expression::Expression;
use crate::Error;

/// What is asked of one field, if anything.
type Field = Option<Expression<Comparison>>;

#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// The first fields of the event.
    first: Vec<Field>,
    /// Its last fields, behind an ellipsis. Without one the last field is all that remains of the event.
    last: Option<Vec<Field>>,
}

impl Fields {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Fields, Error> {
        cursor.expect("[")?;
        let mut fields = Fields::default();
        loop {
            if cursor.take_spaced("...") {
                if fields.last.replace(Vec::new()).is_some() {
                    return Err(cursor.invalid("a pattern can have one ellipsis"));
                }
            } else {
                let field = field(cursor)?;
                fields.last.as_mut().unwrap_or(&mut fields.first).push(field);
            }
            if !cursor.take_spaced(",") {
                break;
            }
        }
        cursor.expect("]")?;
        Ok(fields)
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let (values, first) = match &self.last {
            None => (split(message, self.first.len()), self.first.len()),
            Some(_) => (split(message, usize::MAX), self.first.len()),
        };
        let last = self.last.as_deref().unwrap_or_default();
        let (Some(head), Some(behind)) = (values.get(..first), values.len().checked_sub(last.len())) else {
            return false;
        };
        let tail = values.get(behind.max(first)..).unwrap_or_default();
        let holds = |(field, value): (&Field, &&str)| {
            field.as_ref().is_none_or(|asked| asked.holds(&|comparison| comparison.holds(value)))
        };
        behind >= first && self.first.iter().zip(head).all(holds) && last.iter().zip(tail).all(holds)
    }
}

/// A name, with conditions that repeat it; nothing at all is a field without a name.
fn field(cursor: &mut Cursor<'_>) -> Result<Field, Error> {
    cursor.skip_space();
    let mut name = None;
    if cursor.peek().is_some_and(|c| c == ',' || c == ']') {
        return Ok(None);
    }
    let mut condition = |cursor: &mut Cursor<'_>| {
        let this = cursor.take_while(|c| c.is_alphanumeric() || "_-$".contains(c));
        if this.is_empty() {
            return Err(cursor.invalid("the name of a field is missing"));
        }
        if *name.get_or_insert_with(|| this.to_owned()) != this {
            return Err(cursor.invalid("a condition must name the field it stands in"));
        }
        cursor.skip_space();
        match cursor.peek() {
            None | Some(',' | ']') => Ok(None),
            _ => Comparison::parse(cursor).map(Some),
        }
    };
    let parsed = Expression::parse(cursor, &mut condition)?;
    asked(parsed).ok_or_else(|| cursor.invalid("one of = != < <= > >= is missing"))
}

/// The expression if each part of it compares, nothing for a bare name, `None` for a mixture.
fn asked(parsed: Expression<Option<Comparison>>) -> Option<Field> {
    fn list(all: Vec<Expression<Option<Comparison>>>) -> Option<Vec<Expression<Comparison>>> {
        all.into_iter().map(|one| asked(one).flatten()).collect()
    }
    match parsed {
        Expression::Condition(comparison) => Some(comparison.map(Expression::Condition)),
        Expression::All(mut all) | Expression::Any(mut all) if all.len() == 1 => asked(all.pop()?),
        Expression::All(all) => list(all).map(|all| Some(Expression::All(all))),
        Expression::Any(any) => list(any).map(|any| Some(Expression::Any(any))),
    }
}

/// At most `max` fields, the last of which is the rest. What stands between brackets or quotation marks is one field.
fn split(message: &str, max: usize) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = message.trim();
    while !rest.is_empty() {
        let closed = |open: char, close: char| rest.strip_prefix(open).and_then(|inner| inner.split_once(close));
        let word = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (field, behind) = closed('"', '"').or_else(|| closed('[', ']')).unwrap_or(word);
        if fields.len() + 1 == max && !behind.trim().is_empty() {
            fields.push(rest);
            break;
        }
        fields.push(field);
        rest = behind.trim_start();
    }
    fields
}
