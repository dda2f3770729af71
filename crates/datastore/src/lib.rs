//! FHIR R4 datastores: interactions, search, history, bundles, and the log of changes.
//!
//! [`Datastores`] are created and described; a [`Store`] is the data of one. A write is acknowledged when version, search
//! index and change record are on disk, in one transaction: a search sees every acknowledged write. Every version is a row of the
//! change log, so the log cannot miss one.
//!
//! Invariants:
//! - Sequences of a datastore have no gap and no repeat; `lastUpdated` never falls as the sequence rises, but for versions
//!   that an import brings with their own.
//! - Index rows are those that [`fhir::search::extract()`] finds in the current version, and no others.
//! - What is written on somebody's behalf is noted for the audit log in the same transaction.
//! - A resource that is only referred to has a row already, so references are numbers and arrive in any order.

mod access;
pub mod audit;
mod body;
pub mod bundle;
mod control;
mod error;
pub mod import;
mod incoming;
mod interaction;
mod row;
mod schema;
pub mod search;
pub mod source;
mod store;
pub mod target;
mod transaction;
mod version;

pub use access::{Access, Caller, Grant, Permission, Permissions};
pub use control::{Create, Datastore, Datastores, Status};
pub use error::{Error, Kind};
pub use interaction::history::{HistoryPage, HistoryQuery, Scope};
pub use interaction::write::{Match, Outcome, Written};
pub use store::Store;
pub use version::{Operation, Version};
