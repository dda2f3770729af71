//! `cargo xtask crash [KILLS]`: the crash harness of the end-to-end tests, large.

use anyhow::{Context as _, ensure};

use crate::cargo::cargo;

/// What an issue of the project asks for at least.
const KILLS: u64 = 100;

/// Runs the harness with that many kills. The seed is printed and may be given again as `WATERSHED_CRASH_SEED`.
pub fn run(kills: Option<&str>) -> anyhow::Result<()> {
    let kills = kills.map_or(Ok(KILLS), str::parse).context("KILLS is a number")?;
    let status = cargo()
        .args(["test", "--package", "watershed", "--test", "it", "crash", "--", "--nocapture"])
        .env("WATERSHED_CRASH_KILLS", kills.to_string())
        .status()?;
    ensure!(status.success(), "the crash harness failed");
    Ok(())
}
