//! What of the matches is wanted: order, pages, parts, and what comes along.

use crate::definitions::{ParameterNumber, TypeNumber};

/// The result parameters of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    pub sort: Vec<Sort>,
    /// Matches on a page; `Some(0)` only counts.
    pub count: Option<usize>,
    pub total: Total,
    pub summary: Summary,
    /// Top-level elements wanted; empty is all.
    pub elements: Vec<String>,
    /// What matches refer to.
    pub includes: Vec<Include>,
    /// What refers to matches.
    pub revincludes: Vec<Include>,
}

/// One key of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    pub key: SortKey,
    pub descending: bool,
}

/// What is ordered by.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    Id,
    LastUpdated,
    Parameter(ParameterNumber),
}

/// How the number of all matches is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Total {
    /// Told where that costs little.
    #[default]
    Unasked,
    None,
    Estimate,
    Accurate,
}

/// What of each resource is told (hl7.org/fhir/R4/search.html#summary).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Summary {
    /// Elements marked for it.
    True,
    /// Narrative, id, meta and mandatory elements.
    Text,
    /// All but the narrative.
    Data,
    /// Only how many there are.
    Count,
    #[default]
    False,
}

/// `_include=SOURCE:PARAMETER:TARGET`.
#[derive(Clone, Debug, PartialEq)]
pub struct Include {
    /// The type that has the reference; `None` is `*`.
    pub source: Option<TypeNumber>,
    /// `None` is `*`.
    pub parameter: Option<ParameterNumber>,
    pub target: Option<TypeNumber>,
    /// Also of what was included.
    pub iterates: bool,
}
