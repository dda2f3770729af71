//! The rules a program can check: crate edges, file sizes, file heads, names, what must not stand in the tree.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Lines of a file without its tests.
const FILE_LINES_MAX: usize = 800;

/// Who may use whom. A new edge is a commit of its own that says why.
const EDGES: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("pattern", &["expr"]),
    ("expr", &[]),
    ("fhir", &[]),
    ("datastore", &["event", "state", "objects", "fhir"]),
    ("state", &[]),
    ("objects", &[]),
    ("s3", &["event", "state", "objects"]),
    ("table", &["event", "state", "expr"]),
    ("logs", &["event", "state", "expr"]),
    ("messaging", &["event", "state", "pattern", "expr"]),
    ("function", &["event", "state", "expr"]),
    ("destination", &["event", "expr"]),
    ("identity", &["event", "state"]),
    ("pipe", &["event", "state", "pattern", "expr"]),
    ("lake", &["event", "state", "objects", "expr"]),
    ("query", &["lake", "objects", "table"]),
    ("remote", &["event"]),
    ("stack", &["event", "state"]),
    (
        "server",
        &[
            "event",
            "state",
            "fhir",
            "datastore",
            "table",
            "logs",
            "messaging",
            "function",
            "identity",
            "pipe",
            "lake",
            "objects",
            "stack",
            "query",
            "s3",
        ],
    ),
    (
        "watershed",
        &[
            "event",
            "state",
            "pattern",
            "expr",
            "fhir",
            "datastore",
            "table",
            "logs",
            "messaging",
            "function",
            "destination",
            "identity",
            "pipe",
            "lake",
            "objects",
            "s3",
            "stack",
            "query",
            "server",
            "remote",
            "testkit",
        ],
    ),
    ("testkit", &["event", "state"]),
    ("functions", &[]),
    ("xtask", &["testkit", "fhir"]),
    // Measured programs drive the libraries as the binary does, without the SQL engine and the SDKs in their build.
    ("bench", &["event", "state", "objects", "pattern", "pipe", "lake"]),
];

/// Modules that say nothing about what they hold.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc"];

/// Checks everything and lists every breach.
pub fn run() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace has a root")?;
    let mut breaches = Vec::new();
    check_edges(root, &mut breaches)?;
    for file in rust_files(root)? {
        check_file(root, &file, &mut breaches)?;
    }
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("tidy found {} breaches:\n{}", breaches.len(), breaches.join("\n"))
}

fn check_edges(root: &Path, breaches: &mut Vec<String>) -> anyhow::Result<()> {
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut manifests = vec![root.join("xtask/Cargo.toml"), root.join("functions/Cargo.toml")];
    for entry in fs::read_dir(root.join("crates"))? {
        manifests.push(entry?.path().join("Cargo.toml"));
    }
    for manifest in manifests {
        let text = fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
        let parsed: toml::Table = text.parse().with_context(|| manifest.display().to_string())?;
        let name = parsed["package"]["name"].as_str().unwrap_or_default().to_owned();
        let Some(edges) = allowed.get(name.as_str()) else {
            breaches.push(format!("{}: crate `{name}` is not in the list of edges", manifest.display()));
            continue;
        };
        let Some(dependencies) = parsed.get("dependencies").and_then(|table| table.as_table()) else { continue };
        for dependency in dependencies.keys().filter(|dependency| allowed.contains_key(dependency.as_str())) {
            if !edges.contains(&dependency.as_str()) {
                breaches.push(format!("{}: `{name}` may not use `{dependency}`", manifest.display()));
            }
        }
        if parsed.get("lints").is_none() {
            breaches.push(format!("{}: [lints] workspace = true is missing", manifest.display()));
        }
    }
    Ok(())
}

fn check_file(root: &Path, file: &Path, breaches: &mut Vec<String>) -> anyhow::Result<()> {
    let text = fs::read_to_string(file)?;
    let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
    if !text.starts_with("//!") {
        breaches.push(format!("{shown}: does not open with //!"));
    }
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
    if lines > FILE_LINES_MAX && !shown.contains("/generated/") && !shown.contains("/tests/") {
        breaches.push(format!("{shown}: {lines} lines, at most {FILE_LINES_MAX}"));
    }
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let folder = file.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem) || EMPTY_NAMES.contains(&folder) {
        breaches.push(format!("{shown}: name says nothing about what it holds"));
    }
    for (number, line) in text.lines().enumerate() {
        // Written in two parts so that this file does not name them itself.
        for mark in [
            concat!("#[ig", "nore"),
            concat!("tod", "o!("),
            concat!("unimplem", "ented!("),
            concat!("should_", "panic"),
        ] {
            if line.contains(mark) {
                breaches.push(format!("{shown}:{}: `{mark}`", number + 1));
            }
        }
    }
    Ok(())
}

fn rust_files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("crates"), root.join("functions"), root.join("xtask")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
