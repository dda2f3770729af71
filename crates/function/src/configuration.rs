//! The configuration of one version of a function, and the members that change it (`FunctionConfiguration`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;

/// The runtime whose handler is a jq expression: no code, no process.
pub const RUNTIME_JQ: &str = "watershed.jq";

/// Bytes of all names and values of the environment together.
const ENVIRONMENT_BYTES_MAX: usize = 4096;
const HANDLER_CHARS_MAX: usize = 128;
/// The runtime whose handler is a JSONata expression.
pub const RUNTIME_JSONATA: &str = "watershed.jsonata";
/// An expression is longer than the name of a handler.
const EXPRESSION_CHARS_MAX: usize = 8192;
const DESCRIPTION_CHARS_MAX: usize = 256;

/// Names of the environment that are the host's own.
const RESERVED: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// One version of a function, with the members of the API's `FunctionConfiguration`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Configuration {
    pub function_name: String,
    pub function_arn: String,
    pub runtime: String,
    pub role: String,
    pub handler: String,
    /// Bytes of the zip.
    pub code_size: u64,
    pub description: String,
    /// Seconds.
    pub timeout: u32,
    /// MB.
    pub memory_size: u32,
    /// ISO 8601 with `+0000`.
    pub last_modified: String,
    /// Base64 of the zip's SHA-256; empty for an expression.
    pub code_sha256: String,
    pub version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_config: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_config: Option<DeadLetter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    #[serde(rename = "KMSKeyArn", default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
    pub tracing_config: Tracing,
    /// Another after every change.
    pub revision_id: String,
    pub state: String,
    pub last_update_status: String,
    pub package_type: String,
    pub architectures: Vec<String>,
    pub ephemeral_storage: EphemeralStorage,
    pub snap_start: SnapStart,
    pub logging_config: Logging,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeadLetter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_arn: Option<String>,
}

/// Variables of a function. Values may be secrets: `Debug` shows only their number.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Environment {
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment {{ variables: {} }}", self.variables.len())
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tracing {
    pub mode: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EphemeralStorage {
    pub size: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SnapStart {
    pub apply_on: String,
    #[serde(default = "off")]
    pub optimization_status: String,
}

fn off() -> String {
    "Off".into()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Logging {
    #[serde(default = "text")]
    pub log_format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_log_level: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_log_level: Option<String>,
    #[serde(default)]
    pub log_group: String,
}

fn text() -> String {
    "Text".into()
}

/// Members of CreateFunction and UpdateFunctionConfiguration that change a configuration; absent ones leave it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Change {
    pub role: Option<String>,
    pub handler: Option<String>,
    pub runtime: Option<String>,
    pub description: Option<String>,
    pub timeout: Option<i64>,
    pub memory_size: Option<i64>,
    pub vpc_config: Option<Value>,
    pub environment: Option<Environment>,
    pub dead_letter_config: Option<DeadLetter>,
    #[serde(rename = "KMSKeyArn")]
    pub kms_key_arn: Option<String>,
    pub tracing_config: Option<Tracing>,
    pub ephemeral_storage: Option<EphemeralStorage>,
    pub snap_start: Option<SnapStart>,
    pub logging_config: Option<Logging>,
    pub layers: Option<Vec<String>>,
    pub file_system_configs: Option<Vec<Value>>,
}

impl Configuration {
    /// What a new function has before its members are applied.
    pub(crate) fn new(name: &str, arn: String) -> Configuration {
        Configuration {
            function_name: name.to_owned(),
            function_arn: arn,
            runtime: String::new(),
            role: String::new(),
            handler: String::new(),
            code_size: 0,
            description: String::new(),
            timeout: 3,
            memory_size: 128,
            last_modified: String::new(),
            code_sha256: String::new(),
            version: crate::name::LATEST.into(),
            vpc_config: None,
            dead_letter_config: None,
            environment: None,
            kms_key_arn: None,
            tracing_config: Tracing { mode: "PassThrough".into() },
            revision_id: String::new(),
            state: "Active".into(),
            last_update_status: "Successful".into(),
            package_type: "Zip".into(),
            architectures: vec!["x86_64".into()],
            ephemeral_storage: EphemeralStorage { size: 512 },
            snap_start: SnapStart { apply_on: "None".into(), optimization_status: off() },
            logging_config: Logging {
                log_format: text(),
                application_log_level: None,
                system_log_level: None,
                log_group: format!("/aws/lambda/{name}"),
            },
        }
    }

    /// Whether it is evaluated here and has neither code nor process.
    pub fn is_expression(&self) -> bool {
        [RUNTIME_JQ, RUNTIME_JSONATA].contains(&self.runtime.as_str())
    }
}

impl Change {
    /// Applies the members; `configuration` may be half changed when one is refused.
    pub(crate) fn apply(self, configuration: &mut Configuration) -> Result<(), Error> {
        self.refuse_unsupported()?;
        if let Some(role) = self.role {
            let is_role = role.starts_with("arn:") && role.contains(":iam::") && role.contains(":role/");
            if !is_role {
                let pattern = "Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+";
                return Err(Error::constraint("role", &role, pattern));
            }
            configuration.role = role;
        }
        if let Some(runtime) = self.runtime {
            check_runtime(&runtime)?;
            configuration.runtime = runtime;
        }
        if let Some(handler) = self.handler {
            configuration.handler = handler;
        }
        check_handler(configuration)?;
        if let Some(description) = self.description {
            if description.chars().count() > DESCRIPTION_CHARS_MAX {
                let constraint = "Member must have length less than or equal to 256";
                return Err(Error::constraint("description", &description, constraint));
            }
            configuration.description = description;
        }
        if let Some(timeout) = self.timeout {
            Error::check_range("timeout", timeout, 1, 900)?;
            configuration.timeout = timeout as u32;
        }
        if let Some(memory) = self.memory_size {
            Error::check_range("memorySize", memory, 128, 10_240)?;
            configuration.memory_size = memory as u32;
        }
        if let Some(environment) = self.environment {
            check_environment(&environment)?;
            configuration.environment = Some(environment).filter(|environment| !environment.variables.is_empty());
        }
        if let Some(letter) = self.dead_letter_config {
            let target = letter.target_arn.filter(|arn| !arn.is_empty());
            configuration.dead_letter_config = target.map(|target| DeadLetter { target_arn: Some(target) });
        }
        if let Some(logging) = self.logging_config {
            Error::check_one_of("loggingConfig.logFormat", &logging.log_format, &["Text", "JSON"])?;
            let group = Some(logging.log_group.clone()).filter(|group| !group.is_empty());
            let group = group.unwrap_or_else(|| format!("/aws/lambda/{}", configuration.function_name));
            configuration.logging_config = Logging { log_group: group, ..logging };
        }
        if let Some(tracing) = self.tracing_config {
            Error::check_one_of("tracingConfig.mode", &tracing.mode, &["Active", "PassThrough"])?;
            configuration.tracing_config = tracing;
        }
        if let Some(storage) = self.ephemeral_storage {
            Error::check_range("ephemeralStorage.size", storage.size.into(), 512, 10_240)?;
            configuration.ephemeral_storage = storage;
        }
        if let Some(key) = self.kms_key_arn {
            configuration.kms_key_arn = Some(key).filter(|key| !key.is_empty());
        }
        if let Some(vpc) = self.vpc_config {
            configuration.vpc_config = Some(vpc);
        }
        Ok(())
    }

    fn refuse_unsupported(&self) -> Result<(), Error> {
        let refuse = |member: &str| Err(Error::Invalid(format!("{member} is not supported")));
        if self.layers.as_ref().is_some_and(|layers| !layers.is_empty()) {
            return refuse("Layers");
        }
        if self.file_system_configs.as_ref().is_some_and(|configs| !configs.is_empty()) {
            return refuse("FileSystemConfigs");
        }
        if self.snap_start.as_ref().is_some_and(|snap| snap.apply_on != "None") {
            return refuse("SnapStart");
        }
        Ok(())
    }
}

fn check_runtime(runtime: &str) -> Result<(), Error> {
    let numbered = |prefix: &str, suffix: &str| {
        let number = runtime.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    let known = ["provided.al2", "provided.al2023", RUNTIME_JQ, RUNTIME_JSONATA].contains(&runtime);
    match known || numbered("python3.", "") || numbered("nodejs", ".x") {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \
             [provided.al2, provided.al2023, python3.N, nodejsN.x, {RUNTIME_JQ}, {RUNTIME_JSONATA}] or be a valid ARN"
        ))),
    }
}

fn check_handler(configuration: &Configuration) -> Result<(), Error> {
    let handler = &configuration.handler;
    if configuration.runtime.is_empty() || handler.is_empty() {
        return Err(Error::Invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.".into(),
        ));
    }
    if configuration.is_expression() {
        if handler.chars().count() > EXPRESSION_CHARS_MAX {
            return Err(Error::Invalid(format!("Handler must have at most {EXPRESSION_CHARS_MAX} characters")));
        }
        return crate::expression::check(&configuration.runtime, handler);
    }
    if handler.len() > HANDLER_CHARS_MAX || handler.contains(char::is_whitespace) {
        return Err(Error::constraint("handler", handler, "Member must satisfy regular expression pattern: [^\\s]+"));
    }
    Ok(())
}

fn check_environment(environment: &Environment) -> Result<(), Error> {
    let what =
        "Lambda was unable to configure your environment variables because the environment variables you have provided";
    let variables = &environment.variables;
    if let Some(name) = variables.keys().find(|name| RESERVED.contains(&name.as_str())) {
        return Err(Error::Invalid(format!(
            "{what} contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {name}"
        )));
    }
    let is_name = |name: &str| {
        name.len() > 1
            && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    if let Some(name) = variables.keys().find(|name| !is_name(name)) {
        let constraint = "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]";
        return Err(Error::constraint("environment.variables", name, constraint));
    }
    if variables.values().any(|value| value.contains('\0')) {
        return Err(Error::Invalid(format!("{what} contains a value with a NUL character")));
    }
    let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    match bytes > ENVIRONMENT_BYTES_MAX {
        true => Err(Error::Invalid(format!("{what} exceeded the 4KB limit."))),
        false => Ok(()),
    }
}
