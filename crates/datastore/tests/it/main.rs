//! Tests of the crate's public face, on a real database.

mod access;
mod audit;
mod bundle;
mod import;
mod interaction;
mod pipe;
mod place;
mod search;
mod search_access;
mod search_equals;
mod search_rows;
