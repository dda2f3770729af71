//! The pipe runtime: source, filter, enrichment, template, target.
