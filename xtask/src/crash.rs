//! `cargo xtask crash`: the crash harness of the end-to-end tests, large.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};

use crate::cargo::cargo;

/// The tests of `crates/watershed/tests/it/crash.rs`.
const WORKLOADS: [&str; 7] = ["lake", "enrichment", "targets", "queues", "buses", "functions", "objects"];
/// What an issue of the project asks for at least.
const KILLS: u64 = 100;

/// Runs the harness: `[KILLS] [--only NAME] [--seed N]`. Each workload sees so many kills; they run one after another.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let (mut kills, mut seed, mut only) = (KILLS, None, None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--only" => only = Some(value()?.as_str()),
            "--seed" => seed = Some(value()?.parse().context("the seed is a number")?),
            number => kills = number.parse().with_context(|| format!("KILLS is a number, not `{number}`"))?,
        }
    }
    let workloads: Vec<&str> = WORKLOADS.into_iter().filter(|name| only.is_none_or(|only| only == *name)).collect();
    if workloads.is_empty() {
        bail!("there is no workload `{}`; the workloads are {}", only.unwrap_or_default(), WORKLOADS.join(", "));
    }
    let seed: u64 = match seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    for name in workloads {
        let test = format!("crash::{name}");
        let status = cargo()
            .args(["test", "--package", "watershed", "--test", "it", "--", "--exact", &test, "--nocapture"])
            .env("WATERSHED_CRASH_KILLS", kills.to_string())
            .env("WATERSHED_CRASH_SEED", seed.to_string())
            .status()?;
        ensure!(status.success(), "failed: cargo xtask crash {kills} --only {name} --seed {seed}");
    }
    Ok(())
}
