//! `cargo xtask`: checks and measures this workspace.

mod bench;
mod bodies;
mod cargo;
mod crash;
mod definitions;
mod examples;
mod tidy;

use anyhow::bail;

const HELP: &str = "\
Usage: cargo xtask COMMAND

Commands:
  bench [NAME]  measure beside other engines; lists the benchmarks without a name
  crash [KILLS] [--only NAME] [--seed N]
                kill the real process 100 times (or KILLS) under the loads of the crash harness and count what arrived
  bodies PACKAGE
                make the dictionary of stored FHIR bodies from the same package
  definitions PACKAGE
                make the table of FHIR R4 definitions from the unpacked npm package hl7.fhir.r4.examples
  examples PACKAGE
                validate the example resources of that package and count what is refused
  tidy          check the rules of CONTRIBUTING.md that a program can check
";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("bench") => bench::run(&arguments[1..]),
        Some("crash") => crash::run(&arguments[1..]),
        Some("bodies") => bodies::run(&arguments[1..]),
        Some("definitions") => definitions::run(&arguments[1..]),
        Some("examples") => examples::run(&arguments[1..]),
        Some("tidy") => tidy::run(),
        Some("--help" | "-h" | "help") | None => {
            write_out(HELP);
            Ok(())
        }
        Some(other) => bail!("unknown command `{other}`; see cargo xtask --help"),
    }
}

#[expect(clippy::print_stdout, reason = "the output of a command")]
fn write_out(text: &str) {
    print!("{text}");
}
