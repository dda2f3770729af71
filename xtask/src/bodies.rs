//! `cargo xtask bodies PACKAGE`: makes the dictionary that stored FHIR bodies are packed with.
//!
//! PACKAGE is the unpacked npm package of `cargo xtask definitions` (CC0). The dictionary is trained on its example resources,
//! those of the specification's own making aside. What was packed with a dictionary needs it for good: a new one is a new codec
//! in `crates/datastore/src/body.rs`, beside the old one.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::write_out;

const OUTPUT: &str = "crates/datastore/src/generated/bodies.zdict";
const DICTIONARY_BYTES: usize = 64 << 10;
const SAMPLE_BYTES_MAX: usize = 40_000;
/// What describes FHIR itself is no record of a patient.
const KINDS_PASSED_OVER: [&str; 10] = [
    "Bundle",
    "CapabilityStatement",
    "CodeSystem",
    "CompartmentDefinition",
    "ConceptMap",
    "NamingSystem",
    "OperationDefinition",
    "SearchParameter",
    "StructureDefinition",
    "ValueSet",
];

pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [package] = arguments else { bail!("usage: cargo xtask bodies PACKAGE (the unpacked npm package)") };
    let mut paths: Vec<_> = fs::read_dir(Path::new(package).join("package"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    paths.sort();
    let mut samples = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        samples.extend(sample(&fs::read(path)?));
    }
    let dictionary = zstd::dict::from_samples(&samples, DICTIONARY_BYTES)?;
    write_out(&format!("{} bytes of {} resources into {OUTPUT}\n", dictionary.len(), samples.len()));
    fs::write(OUTPUT, dictionary).context(OUTPUT)
}

/// A resource as the datastore keeps it.
fn sample(source: &[u8]) -> Option<Vec<u8>> {
    let Value::Object(mut resource) = serde_json::from_slice(source).ok()? else { return None };
    let kind = resource.get("resourceType")?.as_str()?;
    if KINDS_PASSED_OVER.contains(&kind) {
        return None;
    }
    resource.shift_remove("id");
    let bytes = serde_json::to_vec(&resource).ok()?;
    (bytes.len() <= SAMPLE_BYTES_MAX).then_some(bytes)
}
