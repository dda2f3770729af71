//! Projection expressions: which parts of an item to return.

use std::collections::BTreeMap;

use super::path::{Path, Step, check_distinct};
use super::token::{Class, Tokens};
use super::{Context, Kind};
use crate::Error;
use crate::item::{AttributeValue, Item};

/// A set of document paths to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    paths: Vec<Path>,
}

/// A part of an item, on the way to becoming the answer.
enum Part<'a> {
    Whole(&'a AttributeValue),
    Map(BTreeMap<&'a str, Part<'a>>),
    /// By index in the item; the answer closes the gaps.
    List(BTreeMap<usize, Part<'a>>),
}

impl Projection {
    /// # Errors
    /// `Validation` for anything but a list of paths that do not overlap.
    pub fn parse(text: &str, context: &mut Context) -> Result<Projection, Error> {
        let mut tokens = Tokens::new(Kind::Projection, text)?;
        let mut paths = vec![Path::parse(&mut tokens, context)?];
        while tokens.take_sign(",") {
            paths.push(Path::parse(&mut tokens, context)?);
        }
        if tokens.peek().class != Class::End {
            return Err(tokens.syntax_error());
        }
        check_distinct(Kind::Projection, &paths.iter().collect::<Vec<_>>())?;
        Ok(Projection { paths })
    }

    /// The projection onto these paths, which must not overlap.
    pub fn of(paths: impl IntoIterator<Item = Path>) -> Projection {
        Projection { paths: paths.into_iter().collect() }
    }

    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// The parts of `item` at these paths, inside the maps and lists they are in.
    pub fn apply(&self, item: &Item) -> Item {
        let mut answer: BTreeMap<&str, Part<'_>> = BTreeMap::new();
        for path in &self.paths {
            let (Some(leaf), Some(root)) = (path.get(item), item.get_key_value(&path.attribute)) else { continue };
            let mut part = answer.entry(root.0).or_insert_with(|| Part::at(path.steps.first(), leaf));
            for (position, step) in path.steps.iter().enumerate() {
                let next = || Part::at(path.steps.get(position + 1), leaf);
                part = match (part, step) {
                    (Part::Map(map), Step::Name(name)) => map.entry(name).or_insert_with(next),
                    (Part::List(list), Step::Index(index)) => list.entry(*index).or_insert_with(next),
                    // A shorter path keeps the whole value already.
                    _ => break,
                };
            }
        }
        answer.into_iter().map(|(name, part)| (name.to_owned(), part.build())).collect()
    }
}

impl<'a> Part<'a> {
    fn at(step: Option<&Step>, leaf: &'a AttributeValue) -> Part<'a> {
        match step {
            None => Part::Whole(leaf),
            Some(Step::Name(_)) => Part::Map(BTreeMap::new()),
            Some(Step::Index(_)) => Part::List(BTreeMap::new()),
        }
    }

    /// Recursion is bounded by the length of a path.
    fn build(self) -> AttributeValue {
        match self {
            Part::Whole(value) => value.clone(),
            Part::Map(map) => {
                AttributeValue::M(map.into_iter().map(|(name, part)| (name.to_owned(), part.build())).collect())
            }
            Part::List(list) => AttributeValue::L(list.into_values().map(Part::build).collect()),
        }
    }
}
