//! `cargo xtask definitions PACKAGE`: makes the table of FHIR R4 definitions that the crate `fhir` embeds.
//!
//! PACKAGE is the unpacked npm package `hl7.fhir.r4.examples` 4.0.1 (CC0), which holds the whole specification:
//! `npm pack hl7.fhir.r4.examples@4.0.1 && tar xzf hl7.fhir.r4.examples-4.0.1.tgz`. What the table holds is told in
//! `crates/fhir/src/definitions/table.rs`, which reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

use crate::write_out;

const OUTPUT: &str = "crates/fhir/src/generated/r4.json.zst";
/// Checked for every element by the structure itself.
const BUILT_IN: [&str; 2] = ["ele-1", "ext-1"];
/// Their codes are not listed by the specification.
const OPEN_SETS: [&str; 1] = ["http://hl7.org/fhir/ValueSet/ucum-units"];

pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [package] = arguments else { bail!("usage: cargo xtask definitions PACKAGE (the unpacked npm package)") };
    let package = Package::read(Path::new(package))?;
    let mut table = Table { sets: Numbered::default(), constraints: Numbered::default() };
    let types: Vec<Value> = package.types().map(|definition| table.type_of(definition)).collect();
    let parameters = package.parameters()?;
    let sets: Vec<Value> = table.sets.values.iter().map(|url| package.codes(url)).collect();
    let table = json!({
        "version": 1, "types": types, "sets": sets, "constraints": table.constraints.rows(), "parameters": parameters,
        "compartments": package.compartments(),
    });
    let text = table.to_string();
    let packed = zstd::encode_all(text.as_bytes(), 19)?;
    write_out(&format!("{} bytes, {} packed into {OUTPUT}\n", text.len(), packed.len()));
    fs::write(OUTPUT, packed).context(OUTPUT)
}

/// Values numbered in the order they were first asked for.
#[derive(Default)]
struct Numbered {
    values: Vec<String>,
    numbers: BTreeMap<String, usize>,
}

impl Numbered {
    fn number(&mut self, value: String) -> usize {
        let next = self.values.len();
        *self.numbers.entry(value.clone()).or_insert_with(|| {
            self.values.push(value);
            next
        })
    }

    /// Values that are JSON themselves.
    fn rows(&self) -> Vec<Value> {
        self.values.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
    }
}

/// Definitions by kind, in the order of their names.
struct Package {
    structures: BTreeMap<String, Value>,
    parameters: BTreeMap<String, Value>,
    compartments: BTreeMap<String, Value>,
    /// By URL.
    expansions: BTreeMap<String, Value>,
}

impl Package {
    fn read(folder: &Path) -> anyhow::Result<Package> {
        let folder = if folder.join("package").is_dir() { folder.join("package") } else { folder.to_owned() };
        let mut package = Package {
            structures: BTreeMap::new(),
            parameters: BTreeMap::new(),
            compartments: BTreeMap::new(),
            expansions: BTreeMap::new(),
        };
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let kept = ["StructureDefinition-", "SearchParameter-", "CompartmentDefinition-", "Bundle-valueset-exp"];
            if !kept.iter().any(|kind| name.starts_with(kind)) {
                continue;
            }
            let value: Value = serde_json::from_slice(&fs::read(&path)?).with_context(|| name.clone())?;
            package.take(value);
        }
        Ok(package)
    }

    fn take(&mut self, value: Value) {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        match value["resourceType"].as_str() {
            Some("StructureDefinition") if value["derivation"] != "constraint" && value["kind"] != "logical" => {
                self.structures.insert(text("name"), value);
            }
            Some("SearchParameter") if is_of_the_specification(&value) => {
                self.parameters.insert(text("url"), value);
            }
            Some("CompartmentDefinition") if value["id"] != "example" => {
                self.compartments.insert(text("code"), value);
            }
            Some("Bundle") => {
                for entry in value["entry"].as_array().into_iter().flatten() {
                    let set = &entry["resource"];
                    self.expansions.insert(set["url"].as_str().unwrap_or_default().to_owned(), set.clone());
                }
            }
            _ => {}
        }
    }

    fn types(&self) -> impl Iterator<Item = &Value> {
        self.structures.values()
    }

    /// Search parameters by URL; a number once given is a place in this list.
    fn parameters(&self) -> anyhow::Result<Vec<Value>> {
        let mut rows = Vec::new();
        for (url, parameter) in &self.parameters {
            let mut row = Map::new();
            row.insert("url".into(), json!(url));
            for (short, name) in [("code", "code"), ("kind", "type"), ("base", "base"), ("targets", "target")] {
                if !parameter[name].is_null() {
                    row.insert(short.into(), parameter[name].clone());
                }
            }
            if let Some(expression) = parameter["expression"].as_str() {
                row.insert("expression".into(), json!(expression));
            }
            let components = parameter["component"].as_array().into_iter().flatten();
            let components: Vec<Value> =
                components.map(|part| json!([part["definition"], part["expression"]])).collect();
            if !components.is_empty() {
                row.insert("components".into(), json!(components));
            }
            rows.push(Value::Object(row));
        }
        Ok(rows)
    }

    /// `{"Patient": {"Observation": ["subject", "performer"]}}`.
    fn compartments(&self) -> Value {
        let mut compartments = Map::new();
        for (code, definition) in &self.compartments {
            let mut members = Map::new();
            for member in definition["resource"].as_array().into_iter().flatten() {
                if let (Some(name), Some(parameters)) = (member["code"].as_str(), member["param"].as_array()) {
                    members.insert(name.into(), json!(parameters));
                }
            }
            compartments.insert(code.clone(), Value::Object(members));
        }
        Value::Object(compartments)
    }

    /// The codes of a value set by system; none when the specification does not list them.
    fn codes(&self, url: &str) -> Value {
        let mut systems: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        if !OPEN_SETS.contains(&url) {
            let expansion = self.expansions.get(url).map_or(&Value::Null, |set| &set["expansion"]["contains"]);
            collect(expansion, &mut systems);
        }
        json!({"url": url, "codes": systems})
    }
}

/// Base parameters only: those for extensions and profiles are not part of a datastore's search.
fn is_of_the_specification(parameter: &Value) -> bool {
    let id = parameter["id"].as_str().unwrap_or_default();
    let known = !parameter["base"].is_null() && !parameter["code"].is_null();
    known && !id.contains("-extensions-") && !id.starts_with("example") && id != "filter"
}

fn collect<'a>(contains: &'a Value, systems: &mut BTreeMap<&'a str, BTreeSet<&'a str>>) {
    for entry in contains.as_array().into_iter().flatten() {
        if let (Some(code), false) = (entry["code"].as_str(), entry["abstract"] == true) {
            systems.entry(entry["system"].as_str().unwrap_or_default()).or_default().insert(code);
        }
        collect(&entry["contains"], systems);
    }
}

struct Table {
    sets: Numbered,
    constraints: Numbered,
}

impl Table {
    fn type_of(&mut self, definition: &Value) -> Value {
        let name = definition["name"].as_str().unwrap_or_default();
        let mut row = Map::new();
        row.insert("name".into(), json!(name));
        row.insert("kind".into(), definition["kind"].clone());
        if definition["abstract"] == true {
            row.insert("abstract".into(), json!(true));
        }
        if let Some(base) = definition["baseDefinition"].as_str().and_then(|url| url.rsplit('/').next()) {
            row.insert("base".into(), json!(base));
        }
        let empty = Vec::new();
        let elements = definition["snapshot"]["element"].as_array().unwrap_or(&empty);
        let rows: Vec<Value> = elements.iter().map(|element| self.element(name, element)).collect();
        row.insert("elements".into(), json!(rows));
        Value::Object(row)
    }

    /// One element; the first is the type itself and has an empty path.
    fn element(&mut self, root: &str, element: &Value) -> Value {
        let path = element["path"].as_str().unwrap_or_default();
        let path = path.strip_prefix(root).unwrap_or(path).trim_start_matches('.');
        let mut row = Map::new();
        row.insert("path".into(), json!(path));
        if let Some(min) = element["min"].as_u64().filter(|min| *min > 0) {
            row.insert("min".into(), json!(min));
        }
        if element["max"] != "1" {
            row.insert(
                "max".into(),
                json!(element["max"].as_str().and_then(|max| max.parse::<u32>().ok()).unwrap_or(0)),
            );
        }
        let types: Vec<Value> = element["type"].as_array().into_iter().flatten().map(type_reference).collect();
        if !types.is_empty() {
            row.insert("types".into(), json!(types));
        }
        if let Some(target) = element["contentReference"].as_str() {
            row.insert("content".into(), json!(target.trim_start_matches('#')));
        }
        if element["isSummary"] == true {
            row.insert("summary".into(), json!(true));
        }
        if let Some(set) = required_set(element) {
            row.insert("set".into(), json!(self.sets.number(set.to_owned())));
        }
        let constraints = element["constraint"].as_array().into_iter().flatten();
        let constraints = constraints.filter(|rule| !BUILT_IN.iter().any(|key| rule["key"] == *key));
        let constraints: Vec<usize> = constraints.map(|rule| self.constraint(rule)).collect();
        if !constraints.is_empty() {
            row.insert("constraints".into(), json!(constraints));
        }
        Value::Object(row)
    }

    /// `[key, severity, human, expression]`.
    fn constraint(&mut self, rule: &Value) -> usize {
        let row = json!([rule["key"], rule["severity"], rule["human"], rule["expression"]]);
        self.constraints.number(row.to_string())
    }
}

/// A type's name, or `[name, targets]` of a reference that is bound to some.
fn type_reference(kind: &Value) -> Value {
    let code = kind["code"].as_str().unwrap_or_default();
    if let Some(system) = code.strip_prefix("http://hl7.org/fhirpath/") {
        let fhir =
            kind["extension"].as_array().into_iter().flatten().find_map(|extension| extension["valueUrl"].as_str());
        return json!(fhir.unwrap_or(system));
    }
    let name = |url: &Value| url.as_str().and_then(|url| url.rsplit('/').next()).map(str::to_owned);
    let targets: Vec<String> = kind["targetProfile"].as_array().into_iter().flatten().filter_map(name).collect();
    if targets.is_empty() || targets.iter().any(|target| target == "Resource") {
        json!(code)
    } else {
        json!([code, targets])
    }
}

/// The value set an element's codes must be of: a required binding, or the set no code may leave.
fn required_set(element: &Value) -> Option<&str> {
    let binding = &element["binding"];
    let set = binding["valueSet"].as_str().filter(|_| binding["strength"] == "required")?;
    Some(set.split_once('|').map_or(set, |(url, _)| url))
}
