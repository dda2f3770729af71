//! The object store behind --lake.
