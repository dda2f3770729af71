//! `cargo xtask bench [NAME]`: measures the library paths beside other engines, in the same run.
//!
//! A new benchmark is a file in `bench/` and a line in [`BENCHES`]. What it measures is a program of the crate `bench`,
//! built with `--release`; input, peers and results live in the target directory.

mod delivery;
mod events;
mod pipe;
mod server;
mod workplace;

use anyhow::bail;

use crate::write_out;

struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> anyhow::Result<()>,
}

const BENCHES: &[Bench] = &[
    Bench { name: "delivery", about: delivery::ABOUT, run: delivery::run },
    Bench { name: "events", about: events::ABOUT, run: events::run },
    Bench { name: "pipe", about: pipe::ABOUT, run: pipe::run },
];

/// Runs the benchmark that the first argument names; lists all of them without one.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let Some((name, rest)) = arguments.split_first().filter(|(name, _)| !name.starts_with('-')) else {
        write_out("Usage: cargo xtask bench NAME [--records N] [--runs N] [--format table|json]\n\nBenchmarks:\n");
        BENCHES.iter().for_each(|bench| write_out(&format!("  {:10} {}\n", bench.name, bench.about)));
        return Ok(());
    };
    match BENCHES.iter().find(|bench| bench.name == name) {
        Some(bench) => (bench.run)(rest),
        None => bail!("unknown benchmark `{name}`; see cargo xtask bench"),
    }
}
