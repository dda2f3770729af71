//! Attached AWS: sources and targets over the official SDKs.
