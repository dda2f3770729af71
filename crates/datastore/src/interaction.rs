//! The interactions of the FHIR RESTful API (hl7.org/fhir/R4/http.html), a file each or a few that belong together.

pub(crate) mod conditional;
pub(crate) mod history;
pub(crate) mod patch;
pub(crate) mod read;
pub(crate) mod write;
