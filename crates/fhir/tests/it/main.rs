//! Tests of the crate's public face.

mod definitions;
mod extract;
mod json;
mod patch;
mod render;
mod search;
