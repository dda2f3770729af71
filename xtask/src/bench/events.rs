//! `cargo xtask bench events`: many event patterns against events of 650 to 900 bytes on one core, beside the crate
//! `quamina` where it takes them. Both must find the same number of matches.

use std::path::Path;

use anyhow::ensure;
use serde_json::{Value, json};

use super::workplace::{Options, Workplace, figures};
use crate::write_out;

pub const ABOUT: &str = "event patterns by kind and number, beside quamina";

const KINDS: [&str; 9] =
    ["exact", "prefix", "suffix", "equals-ignore-case", "wildcard", "numeric", "anything-but", "arrays", "stream"];
const RULES: [u64; 4] = [1, 100, 1_000, 10_000];
const RATE: &str = "events_per_cpu_second";

pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let options = Options::parse(arguments)?;
    ensure!(options.records.is_none(), "events takes no --records: it measures for a time");
    let program = Workplace::open()?.build("events")?;
    let mut report = Vec::new();
    if !options.json {
        write_out(&head());
    }
    for kind in KINDS {
        let mut one_rule = None;
        for rules in RULES {
            let case = case(&program, kind, rules, options.runs)?;
            let ours = case["watershed"][RATE].as_f64().unwrap_or_default();
            if !options.json {
                write_out(&line(&case, *one_rule.get_or_insert(ours) / ours));
            }
            report.push(case);
        }
    }
    if options.json {
        write_out(&format!("{:#}\n", Value::from(report)));
    }
    Ok(())
}

/// The best of several runs of both engines, in turn.
fn case(program: &Path, kind: &str, rules: u64, runs: usize) -> anyhow::Result<Value> {
    let mut case = json!({"kind": kind, "rules": rules});
    for _ in 0..runs {
        for engine in ["watershed", "quamina"] {
            let best = &case[engine];
            // a peer that cannot take the rules once cannot take them again
            if best["note"].is_string() {
                continue;
            }
            let count = rules.to_string();
            let run = figures(program, ["--kind", kind, "--rules", &count, "--engine", engine])?;
            if best.is_null() || best[RATE].as_f64() < run[RATE].as_f64() {
                case[engine] = run;
            }
        }
    }
    let (ours, peers) = (&case["watershed"]["matches"], &case["quamina"]["matches"]);
    ensure!(peers.is_null() || ours == peers, "{kind}, {rules} rules: {ours} matches, quamina found {peers}");
    Ok(case)
}

fn head() -> String {
    let cells = ["rules", "events/CPU s", "cost of 1", "quamina", "ratio", "MiB", "quamina", "build s", "quamina"];
    row("kind", &cells.map(str::to_owned))
}

fn line(case: &Value, growth: f64) -> String {
    let number = |engine: &str, name: &str| case[engine][name].as_f64();
    let cell = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let mebibytes = |engine| number(engine, "rules_bytes").map(|bytes| bytes / f64::from(1 << 20));
    let (ours, peers) = (number("watershed", RATE), number("quamina", RATE));
    let cells = [
        case["rules"].to_string(),
        cell(ours, 0),
        cell(Some(growth), 2),
        cell(peers, 0),
        cell(ours.zip(peers).map(|(ours, peers)| ours / peers), 2),
        cell(mebibytes("watershed"), 1),
        cell(mebibytes("quamina"), 1),
        cell(number("watershed", "build_seconds"), 2),
        cell(number("quamina", "build_seconds"), 2),
    ];
    let mut text = row(case["kind"].as_str().unwrap_or_default(), &cells);
    if let Some(note) = case["quamina"]["note"].as_str() {
        text += &format!("{:20}quamina {note}\n", "");
    }
    text
}

fn row(kind: &str, cells: &[String; 9]) -> String {
    let cells: String = cells.iter().map(|cell| format!(" {cell:>12}")).collect();
    format!("{kind:18}{cells}\n")
}
