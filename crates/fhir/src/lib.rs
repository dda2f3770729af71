//! FHIR R4 without I/O: documents, definitions, validation, search parameters, FHIRPath.
//!
//! A resource is read once into a [`json::Document`] and stays the bytes it came as: decimals keep their digits, members
//! their order. Everything else works on that document. This crate knows no clock, network, disk or database.

pub mod definitions;
pub mod json;
pub mod outcome;
pub mod patch;
pub mod reference;
pub mod render;
pub mod search;
pub mod validate;
