//! Templates as tables; the engine with services that record what they are asked, on a real state.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod engine;
mod intrinsics;
mod sam;
