//! Log groups and streams, and the pipe target that writes to them.
