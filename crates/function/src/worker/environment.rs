//! What a worker runs and the environment it finds: exactly Lambda's contract, nothing of the server's own but `PATH`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::interpreter::{self, Found};
use super::{End, Unready};
use crate::configuration::Configuration;
use crate::functions::{Credentials, Settings};

/// A program and its arguments.
pub(crate) struct Program {
    pub path: PathBuf,
    pub arguments: Vec<String>,
    /// Would have been taken, could the user of functions execute it.
    pub passed_over: Option<PathBuf>,
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
        let Found { program, passed_over } = interpreter::find(&settings.path, &[runtime, "python3"], settings.run_as);
        let reason = out_of_reach(settings, passed_over.as_deref());
        let path = program.ok_or_else(|| {
            ("Runtime.InvalidEntrypoint", format!("no {runtime} and no python3 in {}{reason}", settings.path))
        })?;
        let arguments = [vec!["-m".into(), "awslambdaric".into()], handler].concat();
        return Ok(Program { path, arguments, passed_over });
    }
    if runtime.starts_with("nodejs") {
        let own = root.join("node_modules/.bin/aws-lambda-ric");
        let Found { program, passed_over } = match own.exists() {
            true => Found { program: Some(own), passed_over: None },
            false => interpreter::find(&settings.path, &["aws-lambda-ric"], settings.run_as),
        };
        let reason = out_of_reach(settings, passed_over.as_deref());
        let path = program.ok_or_else(|| {
            let message = "the Node runtime interface client is not installed: `npm install aws-lambda-ric` beside the \
                           function, or `npm install -g aws-lambda-ric`";
            ("Runtime.InvalidEntrypoint", format!("{message}{reason}"))
        })?;
        return Ok(Program { path, arguments: handler, passed_over });
    }
    let path = root.join("bootstrap");
    match path.is_file() {
        true => Ok(Program { path, arguments: Vec::new(), passed_over: None }),
        false => Err(("Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): [bootstrap]".into())),
    }
}

/// What to add to an error when there is a program that only the server's user can execute.
fn out_of_reach(settings: &Settings, passed_over: Option<&Path>) -> String {
    let (Some(path), Some((user, _))) = (passed_over, settings.run_as) else { return String::new() };
    format!(
        ". {} was passed over: functions run as user {user}, who cannot execute it; install it where every user can, or start \
         the server as another user than root",
        path.display()
    )
}

/// Says what to do when the process ended because its runtime client is missing.
pub(crate) fn explain(
    settings: &Settings,
    configuration: &Configuration,
    program: &Program,
    unready: Unready,
    output: &[u8],
) -> Unready {
    let marks: &[&[u8]] = &[b"No module named awslambdaric", b"No module named 'awslambdaric'"];
    let is_missing = marks.iter().any(|mark| output.windows(mark.len()).any(|window| window == *mark));
    match unready {
        Unready::Ended(End::Exited(Some(_))) if configuration.runtime.starts_with("python") && is_missing => {
            let message = format!(
                "the Python runtime interface client is not installed: `pip install awslambdaric` for {}, or `pip install \
                 --target CODE awslambdaric` into the function{}",
                program.path.display(),
                out_of_reach(settings, program.passed_over.as_deref()),
            );
            Unready::Missing("Runtime.ImportModuleError", message)
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_interpreter_out_of_reach_is_named_with_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let python = home.path().join("python3");
        std::fs::write(&python, "").unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut settings = Settings::new("r", "a", "e", PathBuf::new(), Vec::new());
        settings.path = home.path().to_str().unwrap().into();
        settings.run_as = Some((65_534, 65_534));
        let mut configuration = Configuration::new("f", String::new());
        configuration.runtime = "python3.12".into();
        let (kind, message) = program(&settings, &configuration, Path::new("/")).err().unwrap();
        assert_eq!(kind, "Runtime.InvalidEntrypoint");
        let expected = format!("{} was passed over: functions run as user 65534", python.display());
        assert!(message.contains(&expected) && message.contains("install it where every user can"), "{message}");
        settings.run_as = None;
        assert_eq!(program(&settings, &configuration, Path::new("/")).unwrap().path, python);
    }
}
