//! The independent clients and readers: a virtual environment that `make test` sets up beside the build.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The interpreter with boto3 and DuckDB.
///
/// # Errors
/// When it is not there: `make python` installs it.
pub fn python() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    program
        .ancestors()
        .map(|folder| folder.join("python/bin/python"))
        .find(|python| python.exists())
        .context("no Python with boto3 and DuckDB beside the build; run `make python` first")
}

/// Runs a script and answers what it printed. It may import what is in its folder and in the one above.
///
/// # Errors
/// When it exits other than 0; the message is what it wrote.
pub fn run_python(script: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<String> {
    let above = script.parent().and_then(Path::parent).unwrap_or(script);
    let mut command = Command::new(python()?);
    command.arg(script).args(arguments).env("PYTHONPATH", above).envs(environment.iter().copied());
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "{} failed:\n{}{}",
        script.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
