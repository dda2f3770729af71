//! Lambda functions of our own. Each module holds what one function computes, without Lambda; `src/bin/` puts it behind the
//! Runtime API. Errors name fields and record ids, never values.

pub mod image;
pub mod item_splitter;
pub mod partition_keys;
pub mod patient_to_fhir;
