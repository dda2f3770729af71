//! Where benchmarks work: a folder of the target directory, with the release build, a Python environment of the peers,
//! and what every benchmark is asked for.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

const REQUIREMENTS: &str = "xtask/bench-requirements.txt";

/// `--records`, `--runs` and `--format`.
#[derive(Debug)]
pub struct Options {
    pub records: Option<u64>,
    /// Each engine's best of so many runs counts, default 3.
    pub runs: usize,
    pub json: bool,
}

impl Options {
    pub fn parse(arguments: &[String]) -> anyhow::Result<Options> {
        let mut options = Options { records: None, runs: 3, json: false };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let value = rest.next().with_context(|| format!("{name} needs a value"))?;
            match (name.as_str(), value.as_str()) {
                ("--records", value) => options.records = Some(value.replace('_', "").parse().context("--records")?),
                ("--runs", value) => options.runs = value.parse().context("--runs")?,
                ("--format", "json") => options.json = true,
                ("--format", "table") => options.json = false,
                _ => bail!("unknown option `{name} {value}`; see cargo xtask bench"),
            }
        }
        ensure!(options.runs > 0, "--runs must be at least 1");
        Ok(options)
    }
}

pub struct Workplace {
    root: PathBuf,
    target: PathBuf,
}

impl Workplace {
    pub fn open() -> anyhow::Result<Workplace> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace has a root")?.to_owned();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        fs::create_dir_all(target.join("bench"))?;
        Ok(Workplace { root, target })
    }

    /// A path in the folder of benchmarks.
    pub fn path(&self, name: &str) -> PathBuf {
        self.target.join("bench").join(name)
    }

    /// A path in the checkout.
    pub fn source(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// An empty folder.
    pub fn empty(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Builds a program of the crate `bench`.
    pub fn build(&self, program: &str) -> anyhow::Result<PathBuf> {
        Ok(self.build_all(&["bench"])?.join(program))
    }

    /// Builds all programs of some crates, at once so that they share their dependencies; answers where they are.
    pub fn build_all(&self, packages: &[&str]) -> anyhow::Result<PathBuf> {
        let packages = packages.iter().flat_map(|package| ["--package", package]);
        let mut command = crate::cargo::cargo();
        let status = command.current_dir(&self.root).args(["build", "--release", "--bins"]).args(packages).status()?;
        ensure!(status.success(), "the build failed");
        Ok(self.target.join("release"))
    }

    /// The Python of an environment with the pinned peers, made anew when the pins change.
    pub fn python(&self) -> anyhow::Result<PathBuf> {
        let (folder, pins) = (self.path("python"), fs::read_to_string(self.source(REQUIREMENTS))?);
        let (python, ready) = (folder.join("bin/python"), folder.join("ready"));
        if fs::read_to_string(&ready).is_ok_and(|found| found == pins) {
            return Ok(python);
        }
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        run(Command::new(&python).args(quiet).arg(self.source(REQUIREMENTS)))?;
        fs::write(ready, pins)?;
        Ok(python)
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}

/// Runs a program that prints one JSON object. Its allocator gives memory back at once, as the server's does.
pub fn figures<A: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> anyhow::Result<Value> {
    figures_of(Command::new(program).args(arguments).env("MIMALLOC_PURGE_DELAY", "0"))
}

/// Runs a command that prints one JSON object.
pub fn figures_of(command: &mut Command) -> anyhow::Result<Value> {
    // Not all of `{command:?}`: that shows the environment too, and with it a key.
    let program = Path::new(command.get_program()).display().to_string();
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{program} failed");
    serde_json::from_slice(&output.stdout).with_context(|| format!("{program} did not print its figures"))
}
