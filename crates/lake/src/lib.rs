//! Delivery streams: buffer, partition, format, commit; and the catalog.
//!
//! [`DeliveryStreams`] takes batches of records (from pipes through [`target::DeliveryTarget`], or direct puts) and
//! writes them to the object store under dynamic prefixes, each record in exactly one file. File formats implement
//! [`encoder::Encoder`] and are made by the one [`encoder::Encoders`] that the binary passes in.

pub mod catalog;
pub mod delivery;
pub mod encoder;
mod error;
pub mod format;
pub mod target;

pub use delivery::{DeliveryStreams, Settings, Status, Step};
pub use error::Error;
