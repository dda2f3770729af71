//! Templates as tables; the engine with services that record what they are asked, on a real state.

mod engine;
mod intrinsics;
