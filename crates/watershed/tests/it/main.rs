//! End to end: the real binary, a real SDK, an independent reader.

mod crash;
