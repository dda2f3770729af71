//! `cargo xtask examples PACKAGE [LEVEL]`: validates the example resources of the unpacked npm package `hl7.fhir.r4.examples` 4.0.1 and
//! counts what is refused, by rule. Some examples break the specification they illustrate.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use fhir::json::Document;
use fhir::outcome::Severity;
use fhir::validate::{Level, validate};

use crate::write_out;

pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let (package, level) = match arguments {
        [package] => (package, Level::StructureOnly),
        [package, level] => (package, Level::by_name(level).context("LEVEL is strict, structure-only or minimal")?),
        _ => bail!("usage: cargo xtask examples PACKAGE [strict|structure-only|minimal]"),
    };
    let folder = Path::new(package).join("package");
    let (mut right, mut bytes, mut time) = (0, 0, Duration::ZERO);
    let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let is_resource = path.extension().is_some_and(|end| end == "json") && !matches!(&*name, "package" | ".index");
        if !is_resource {
            continue;
        }
        let source = fs::read(&path)?;
        bytes += source.len();
        let begun = Instant::now();
        let issues = match Document::parse(source) {
            Ok(document) => validate(&document, level),
            Err(error) => vec![fhir::outcome::Issue::error("structure", error.to_string())],
        };
        time += begun.elapsed();
        let mut errors =
            issues.iter().filter(|issue| matches!(issue.severity, Severity::Error | Severity::Fatal)).peekable();
        match errors.peek() {
            None => right += 1,
            Some(first) => {
                let place = first.expression.as_deref().unwrap_or_default();
                refused.entry(first.diagnostics.clone()).or_default().push(format!("{name} {place}"));
            }
        }
    }
    let mut told: Vec<(&String, &Vec<String>)> = refused.iter().collect();
    told.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    for (rule, names) in told {
        let shown: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
        write_out(&format!("{:>5}  {rule}: {}\n", names.len(), shown.join(", ")));
    }
    let refused: usize = refused.values().map(Vec::len).sum();
    let speed = bytes as f64 / 1e6 / time.as_secs_f64();
    write_out(&format!("{right} right, {refused} refused at level {}; {speed:.0} MB/s\n", level.name()));
    Ok(())
}
