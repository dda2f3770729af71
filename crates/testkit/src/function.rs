//! Functions of the crate `functions`, built as the programs they are deployed as.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Builds an example of the crate `functions` and answers its program.
///
/// # Errors
/// When cargo cannot build it; the message is what it wrote.
pub fn build_function(example: &str) -> anyhow::Result<PathBuf> {
    Ok(build(&["--example", example])?.join("examples").join(example))
}

/// Builds the functions themselves and answers the folder of their programs.
///
/// # Errors
/// As [`build_function`].
pub fn build_functions() -> anyhow::Result<PathBuf> {
    build(&["--bins"])
}

fn build(what: &[&str]) -> anyhow::Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = std::env::current_exe()?;
    // `TARGET/debug/deps/TEST`
    let target = program.ancestors().nth(3).context("the test does not stand in a target directory")?;
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", "functions", "--target-dir"])
        .arg(target)
        .args(what)
        .current_dir(workspace)
        .output()?;
    ensure!(output.status.success(), "cannot build {what:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(target.join("debug"))
}
