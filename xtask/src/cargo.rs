//! How xtask starts cargo: as if from a shell, not from inside `cargo run`.

use std::process::Command;

/// What `cargo run` tells the program it runs about that program's package. Build scripts watch these, so a cargo
/// that inherits them builds their crates again, and everything above those.
const PACKAGE_VARIABLES: &[&str] = &["CARGO_MANIFEST_", "CARGO_PKG_"];

/// The cargo that built xtask, with the environment the user has.
pub fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        if PACKAGE_VARIABLES.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes())) {
            command.env_remove(name);
        }
    }
    command
}
