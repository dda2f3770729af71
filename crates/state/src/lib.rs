//! The SQL database behind `--state`: one interface, group commit, snapshots, migrations, positions.
//!
//! Writers hand a short synchronous closure to [`State::write`]; one thread runs them in order, many to a
//! transaction, and answers each when the commit is on disk. Readers see a committed snapshot. The SQL handed in is
//! portable (`?1` parameters, `ON CONFLICT`, no engine functions): what differs between engines sits in this crate.

mod engine;
mod error;
mod migrate;
pub mod positions;
mod row;
mod state;
mod value;

pub use engine::{Read, Write};
pub use error::Error;
pub use row::Row;
pub use state::{Settings, State};
pub use value::Value;
