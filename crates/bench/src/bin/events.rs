//! Measured by `cargo xtask bench events`: many rules against events of 650 to 900 bytes on one core, by our matcher or
//! by the crate `quamina`. One kind of rule, one number of them and one engine per process, so that memory is its own;
//! figures are one line of JSON.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bench::change::{self, Shape};
use bench::{lot, usage};
use clap::Parser;
use pattern::{Pattern, Rules};
use quamina::Quamina;
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Different events, more than a core's caches hold.
const EVENTS: u64 = 20_000;
/// How long a peer may take to add its rules.
const BUILD_MAX: Duration = Duration::from_secs(10);
/// What a peer's automata may take, in place of its default of 10 MB.
const PEER_BYTES_MAX: usize = 4 << 30;

#[derive(Parser)]
struct Arguments {
    /// exact, prefix, suffix, equals-ignore-case, wildcard, numeric, anything-but, arrays or stream.
    #[arg(long)]
    kind: String,
    /// How many rules.
    #[arg(long)]
    rules: u64,
    /// watershed or quamina.
    #[arg(long)]
    engine: String,
    /// Processor time to measure at least.
    #[arg(long, default_value_t = 0.6)]
    seconds: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let events = events(&arguments.kind)?;
    let rules = (0..arguments.rules).map(|number| rule(&arguments.kind, number)).collect::<anyhow::Result<Vec<_>>>()?;
    let figures = match arguments.engine.as_str() {
        "watershed" => watershed(&rules, &events, arguments.seconds)?,
        "quamina" => quamina(&rules, &events, arguments.seconds)?,
        other => bail!("no engine is called {other}"),
    };
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}

fn events(kind: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    let event = |number| {
        let mut event = Vec::new();
        match kind {
            "stream" => change::write(Shape::Stream, number, &mut event)?,
            _ => lot::write(number, &mut event)?,
        }
        Ok(event)
    };
    (0..EVENTS).map(event).collect()
}

/// Rule `number` of a kind; each matches few events, so that matches do not outweigh matching.
fn rule(kind: &str, number: u64) -> anyhow::Result<String> {
    let street = lot::street(number);
    let rule = match kind {
        "exact" => json!({"properties": {"STREET": [street]}}),
        "prefix" => json!({"properties": {"MAPBLKLOT": [{"prefix": format!("M{number:04}")}]}}),
        "suffix" => json!({"properties": {"BLKLOT": [{"suffix": format!("B{number:04}")}]}}),
        "equals-ignore-case" => json!({"properties": {"STREET": [{"equals-ignore-case": street.to_uppercase()}]}}),
        // all with the same beginning and end, so that neither tells them apart
        "wildcard" => json!({"properties": {"STREET": [{"wildcard": format!("*-{number:04}*ST")}]}}),
        "numeric" => {
            json!({"properties": {"VALUE": [{"numeric": [">=", number * 10, "<", number * 10 + 10]}]}})
        }
        "anything-but" => {
            let unwanted = if number.is_multiple_of(2) { "O" } else { "E" };
            json!({"properties": {"LOT_NUM": [format!("{number:04}")], "ODD_EVEN": [{"anything-but": [unwanted]}]}})
        }
        "arrays" => {
            let west = lot::longitude(number);
            let west: Value = serde_json::from_str(&format!("-{}.{:06}", west / 1_000_000, west % 1_000_000))?;
            json!({"geometry": {"type": ["Polygon"], "coordinates": [{"numeric": ["=", west]}]}})
        }
        "stream" => json!({
            "eventName": ["INSERT", "MODIFY"],
            "dynamodb": {"NewImage": {
                "siteId": {"S": [{"prefix": "site-"}]}, "name": {"S": [{"suffix": format!("{number:04}")}]}}}}),
        other => bail!("no kind of rule is called {other}"),
    };
    Ok(rule.to_string())
}

fn watershed(rules: &[String], events: &[Vec<u8>], seconds: f64) -> anyhow::Result<Value> {
    let (before, start) = (resident_bytes()?, Instant::now());
    let parsed = |(number, rule): (usize, &String)| Ok((number, Arc::new(Pattern::parse(rule)?)));
    let rules = Rules::new(rules.iter().enumerate().map(parsed).collect::<anyhow::Result<Vec<_>>>()?);
    let (built, bytes) = (start.elapsed(), resident_bytes()?.saturating_sub(before));
    measure(events, seconds, built, bytes, |event| Ok(rules.matches(event)?.len()))
}

/// The peer's figures, or a `note` why there are none.
fn quamina(rules: &[String], events: &[Vec<u8>], seconds: f64) -> anyhow::Result<Value> {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let (before, start) = (resident_bytes()?, Instant::now());
        let mut peer = quamina::QuaminaBuilder::new().with_arena_byte_budget(PEER_BYTES_MAX).build()?;
        for (number, rule) in rules.iter().enumerate() {
            if let Err(error) = Quamina::add_pattern(&mut peer, number, rule) {
                return Ok(json!({"note": format!("refused rule {number}: {error}")}));
            }
            if start.elapsed() > BUILD_MAX {
                return Ok(json!({"note": format!("had added {number} rules after {} s", BUILD_MAX.as_secs())}));
            }
        }
        let (built, bytes) = (start.elapsed(), resident_bytes()?.saturating_sub(before));
        measure(events, seconds, built, bytes, |event| Ok(peer.matches_for_event(event)?.len()))
    }));
    ran.unwrap_or_else(|_| Ok(json!({"note": "panicked"})))
}

/// Matches all events again and again; the first time is not measured and counts the matches.
fn measure(
    events: &[Vec<u8>],
    seconds: f64,
    built: Duration,
    bytes: u64,
    matches: impl Fn(&[u8]) -> anyhow::Result<usize>,
) -> anyhow::Result<Value> {
    let matched = events.iter().try_fold(0, |sum, event| Ok::<_, anyhow::Error>(sum + matches(event)?))?;
    let (before, start) = (usage::cpu_seconds(std::process::id())?, Instant::now());
    let (mut done, mut used) = (0, 0.0);
    while used < seconds {
        for event in events.iter().cycle().skip(done % events.len()).take(2000) {
            std::hint::black_box(matches(event)?);
            done += 1;
        }
        used = usage::cpu_seconds(std::process::id())? - before;
    }
    Ok(json!({
        "events_per_second": done as f64 / start.elapsed().as_secs_f64(),
        "events_per_cpu_second": done as f64 / used,
        "event_bytes": events.iter().map(Vec::len).sum::<usize>() / events.len(),
        "matches": matched,
        "build_seconds": built.as_secs_f64(),
        "rules_bytes": bytes,
    }))
}

fn resident_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
