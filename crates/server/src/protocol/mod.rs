//! The three shapes requests and replies travel in: AWS JSON, REST JSON, and query (form in, XML out).

pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod rest;
pub(crate) mod xml;
