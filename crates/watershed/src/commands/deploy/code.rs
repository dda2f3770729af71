//! `--function NAME=PATH`: code on this machine for the functions of a template, and of the templates nested in it.
//!
//! Only paths and digests travel; the server, which runs on the same machine, reads the code itself. The digest makes a
//! second deployment see that the content changed although the path did not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};
use stack::{Code, Sources, Template};

/// Files of one function's code.
const FILES_MAX: usize = 10_000;
/// Bytes of one function's code, as Lambda's unzipped limit.
const BYTES_MAX: u64 = 250 << 20;
/// Templates in templates that are read for their functions.
const NESTING_MAX: usize = 10;

/// Reads `NAME=PATH` arguments against the functions the template has.
///
/// # Errors
/// When an argument is malformed, names no function of the template, or its path cannot be used.
pub fn sources(template: &Path, text: &str, arguments: &[String]) -> anyhow::Result<Sources> {
    let directory = std::path::absolute(template)?.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut functions = BTreeMap::new();
    if !arguments.is_empty() {
        let mut known = BTreeSet::new();
        collect(text, &directory, NESTING_MAX, &mut known)?;
        for argument in arguments {
            let parts = argument.split_once('=').filter(|(name, path)| !name.is_empty() && !path.is_empty());
            let Some((name, path)) = parts else { bail!("--function takes NAME=PATH, not `{argument}`") };
            ensure!(
                known.iter().any(|(id, own)| id == name || own.as_deref() == Some(name)),
                "the template has no function {name}; it has [{}]",
                known.iter().map(shown).collect::<Vec<_>>().join(", ")
            );
            ensure!(functions.insert(name.to_owned(), code(path)?).is_none(), "--function {name} is given twice");
        }
        let is_given = |name: &String| functions.contains_key(name);
        if let Some(both) =
            known.iter().find(|(id, name)| name != &Some(id.clone()) && is_given(id) && name.iter().any(is_given))
        {
            bail!("--function is given twice for {}", shown(both));
        }
    }
    // What the template itself has beside it. A template that cannot be read is the server's to refuse.
    if let Ok(template) = Template::parse(text) {
        for (id, declared) in &template.resources {
            let Some(path) = declared.local_code() else { continue };
            let name = declared.properties.get("FunctionName").and_then(|name| name.as_str()).unwrap_or_default();
            if !functions.contains_key(id) && !functions.contains_key(name) {
                let path = directory.join(path);
                let path = path.to_str().with_context(|| format!("the path of {id} is not UTF-8"))?;
                functions.insert(id.clone(), code(path)?);
            }
        }
    }
    Ok(Sources { directory: directory.to_str().map(str::to_owned), functions })
}

/// `LogicalId (FunctionName)`.
fn shown((id, name): &(String, Option<String>)) -> String {
    name.as_ref().map_or_else(|| id.clone(), |name| format!("{id} ({name})"))
}

/// Logical ids and names of all functions, also of nested templates that are files.
fn collect(
    text: &str,
    directory: &Path,
    depth: usize,
    known: &mut BTreeSet<(String, Option<String>)>,
) -> anyhow::Result<()> {
    let template = Template::parse(text)?;
    known.extend(template.functions().map(|(id, name)| (id.to_owned(), name.map(str::to_owned))));
    let nested = template.resources.iter().filter(|(_, declared)| declared.kind == "AWS::CloudFormation::Stack");
    for url in nested.filter_map(|(_, declared)| declared.properties.get("TemplateURL")?.as_str()) {
        let file = directory.join(url.strip_prefix("file://").unwrap_or(url));
        let Some(depth) = depth.checked_sub(1) else { bail!("templates are nested too deeply") };
        if let Ok(text) = std::fs::read_to_string(&file) {
            collect(&text, file.parent().unwrap_or(directory), depth, known)?;
        }
    }
    Ok(())
}

fn code(path: &str) -> anyhow::Result<Code> {
    let absolute = std::fs::canonicalize(path).with_context(|| format!("no code at {path}"))?;
    let mut digest = Sha256::new();
    let mut files = Vec::new();
    walk(&absolute, &mut files)?;
    ensure!(!files.is_empty(), "there is no file in {path}");
    files.sort();
    let mut bytes = 0;
    for file in &files {
        bytes += file.metadata()?.len();
        ensure!(bytes <= BYTES_MAX, "the code at {path} is too large. bytes_max={BYTES_MAX}");
        let content = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(&absolute).unwrap_or(file).to_string_lossy().into_owned();
        // Lengths keep a name and a content apart from the next.
        digest.update((name.len() as u64).to_be_bytes());
        digest.update(name);
        digest.update((content.len() as u64).to_be_bytes());
        digest.update(content);
    }
    let path = absolute.to_str().with_context(|| format!("the path {path} is not UTF-8"))?.to_owned();
    Ok(Code { path, digest: hex::encode(digest.finalize()) })
}

/// All files below a path; the path itself when it is one.
fn walk(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut waiting = vec![path.to_path_buf()];
    while let Some(next) = waiting.pop() {
        ensure!(files.len() + waiting.len() <= FILES_MAX, "the code at {} has too many files", path.display());
        if next.is_dir() {
            for entry in std::fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))? {
                waiting.push(entry?.path());
            }
        } else {
            files.push(next);
        }
    }
    Ok(())
}
