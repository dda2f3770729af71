//! What a worker runs and the environment it finds: exactly Lambda's contract, nothing of the server's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{End, Unready};
use crate::configuration::Configuration;
use crate::functions::{Credentials, Settings};

/// A program and its arguments.
pub(crate) struct Program {
    pub path: PathBuf,
    pub arguments: Vec<String>,
}

/// What differs from worker to worker.
pub(crate) struct Place<'a> {
    /// `HOST:PORT`, without a scheme.
    pub api: String,
    pub root: &'a Path,
    pub stream: &'a str,
}

/// The program of a runtime.
///
/// # Errors
/// The error type and message for a function whose runtime is not there.
pub(crate) fn program(
    settings: &Settings,
    configuration: &Configuration,
    root: &Path,
) -> Result<Program, (&'static str, String)> {
    let runtime = configuration.runtime.as_str();
    let handler = vec![configuration.handler.clone()];
    if runtime.starts_with("python") {
        let python = found(settings, runtime).or_else(|| found(settings, "python3"));
        let path = python.ok_or_else(|| {
            ("Runtime.InvalidEntrypoint", format!("no {runtime} in {}; install python3", settings.path))
        })?;
        return Ok(Program { path, arguments: [vec!["-m".into(), "awslambdaric".into()], handler].concat() });
    }
    if runtime.starts_with("nodejs") {
        let own = root.join("node_modules/.bin/aws-lambda-ric");
        let client = Some(own).filter(|own| own.exists()).or_else(|| found(settings, "aws-lambda-ric"));
        let path = client.ok_or_else(|| {
            let message = "the Node runtime interface client is not installed: `npm install aws-lambda-ric` beside the \
                           function, or `npm install -g aws-lambda-ric`";
            ("Runtime.InvalidEntrypoint", message.to_owned())
        })?;
        return Ok(Program { path, arguments: handler });
    }
    let path = root.join("bootstrap");
    match path.is_file() {
        true => Ok(Program { path, arguments: Vec::new() }),
        false => Err(("Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): [bootstrap]".into())),
    }
}

fn found(settings: &Settings, program: &str) -> Option<PathBuf> {
    settings.path.split(':').map(|folder| Path::new(folder).join(program)).find(|path| path.is_file())
}

/// Says what to do when the process ended because its runtime client is missing.
pub(crate) fn explain(configuration: &Configuration, unready: Unready, output: &[u8]) -> Unready {
    let marks: &[&[u8]] = &[b"No module named awslambdaric", b"No module named 'awslambdaric'"];
    let is_missing = marks.iter().any(|mark| output.windows(mark.len()).any(|window| window == *mark));
    match unready {
        Unready::Ended(End::Exited(Some(_))) if configuration.runtime.starts_with("python") && is_missing => {
            let message = "the Python runtime interface client is not installed: `pip install awslambdaric` for the \
                           interpreter, or `pip install --target CODE awslambdaric` into the function";
            Unready::Missing("Runtime.ImportModuleError", message.into())
        }
        other => other,
    }
}

/// `YYYY/MM/DD/[VERSION]ID`.
pub(crate) fn log_stream(now_ms: i64, version: &str) -> String {
    let day = chrono::DateTime::from_timestamp_millis(now_ms).unwrap_or_default().format("%Y/%m/%d");
    format!("{day}/[{version}]{}", uuid::Uuid::new_v4().simple())
}

/// All variables of a worker.
pub(crate) fn build(
    settings: &Settings,
    configuration: &Configuration,
    credentials: &Credentials,
    place: &Place<'_>,
) -> BTreeMap<String, String> {
    let root = place.root.display();
    let mut variables: BTreeMap<String, String> = [
        ("AWS_ENDPOINT_URL", settings.endpoint.clone()),
        ("LANG", "en_US.UTF-8".into()),
        ("LD_LIBRARY_PATH", format!("{root}:{root}/lib")),
        ("PATH", settings.path.clone()),
        ("PYTHONPATH", root.to_string()),
        ("TZ", ":UTC".into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    // The function's own come over those, but not over what follows.
    variables.extend(configuration.environment.iter().flat_map(|environment| environment.variables.clone()));
    let fixed = [
        ("_HANDLER", configuration.handler.clone()),
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id.clone()),
        ("AWS_DEFAULT_REGION", settings.region.clone()),
        ("AWS_EXECUTION_ENV", format!("AWS_Lambda_{}", configuration.runtime)),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", configuration.memory_size.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", configuration.function_name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", configuration.version.clone()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", configuration.logging_config.log_group.clone()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", place.stream.to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", place.api.clone()),
        ("AWS_REGION", settings.region.clone()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.clone()),
        ("LAMBDA_RUNTIME_DIR", root.to_string()),
        ("LAMBDA_TASK_ROOT", root.to_string()),
    ];
    variables.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
    if let Some(token) = &credentials.session_token {
        variables.insert("AWS_SESSION_TOKEN".into(), token.clone());
    }
    variables
}
