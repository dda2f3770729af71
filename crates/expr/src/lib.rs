//! Paths, pipe input templates, jq and JSONata, compiled once and evaluated per record.
//!
//! - [`Path`]: the part of JSONPath that EventBridge Pipes understands.
//! - [`Parameter`]: a target's parameter, text or a path into the event.
//! - [`Template`]: a pipe's input template, rendered from the bytes of a record.
//! - [`Jq`]: a Firehose metadata extraction query (JQ 1.6), from record to partition keys.
//! - [`Transform`]: a jq query that gives any JSON value.
//! - [`Jsonata`]: a JSONata expression that gives any JSON value.
//! - [`scan`]: the cursor over JSON text all of them (and event patterns) are built on.
//!
//! But for the last two, nothing here builds a document: records are read once, from left to right, only as far as needed, and values are copied as
//! the bytes they are, so that numbers keep all their digits. The stack used does not depend on the input. Where an object repeats
//! a name, the first one counts.
//!
//! # Choices where the service's documentation is silent
//!
//! | case | result |
//! |---|---|
//! | a path finds nothing, inside a JSON string or in a text template | the empty string |
//! | a path finds nothing, as a JSON value | `null` |
//! | a path with a wildcard | the array of all it finds, `[]` if nothing |
//! | an object or array inside a JSON string | its JSON text, escaped |
//! | a template that is not JSON | text: strings appear bare, everything else as JSON |
//! | `<` that starts neither `<$` nor `<aws.pipes.` | itself |
//!
//! ```
//! use expr::{Template, Variables};
//!
//! let template = Template::parse(r#"{"id": <$.id>, "from": "<aws.pipes.pipe-name>/<$.name>"}"#)?.expect("not empty");
//! let mut out = Vec::new();
//! let variables = Variables { pipe_name: "patients", ..Variables::default() };
//! template.render(br#"{"name":"x","id":1.50}"#, &variables, &mut out)?;
//! assert_eq!(out, br#"{"id": 1.50, "from": "patients/x"}"#);
//! # Ok::<(), expr::Error>(())
//! ```

mod error;
mod finder;
mod jq;
mod jsonata;
mod parameter;
mod path;
pub mod scan;
mod template;

pub use error::Error;
pub use jq::{Jq, Transform};
pub use jsonata::Jsonata;
pub use parameter::Parameter;
pub use path::Path;
pub use template::{Template, Variables};
