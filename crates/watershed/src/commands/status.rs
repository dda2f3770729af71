//! `watershed status`: what runs and how far it is.

use serde_json::Value;

use crate::client::{Client, Find};

/// Show what the server runs and how far it is
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed status
  watershed status --format json")]
pub struct Status {
    /// How to print it
    #[arg(long, default_value = "table")]
    format: Format,
    #[command(flatten)]
    find: Find,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Table,
    Json,
}

impl Status {
    pub async fn run(self) -> anyhow::Result<()> {
        let client = Client::find(&self.find)?;
        let answer: Value = serde_json::from_slice(&client.own("GET", "/_watershed/status", &Value::Null).await?)?;
        match self.format {
            Format::Json => super::print(&format!("{}\n", serde_json::to_string_pretty(&answer)?)),
            Format::Table => {
                let mut text = format!("server {}\n", client.endpoint());
                lines(&mut text, "", &answer);
                super::print(&text)
            }
        }
    }
}

/// Nested members as indented lines.
fn lines(text: &mut String, indent: &str, value: &Value) {
    let Value::Object(members) = value else { return };
    for (name, value) in members {
        match value {
            Value::Object(_) => {
                text.push_str(&format!("{indent}{name}\n"));
                lines(text, &format!("{indent}  "), value);
            }
            Value::Array(values) => {
                text.push_str(&format!("{indent}{name} ({})\n", values.len()));
                for value in values {
                    match value {
                        Value::Object(_) => {
                            lines(text, &format!("{indent}  "), value);
                            text.push('\n');
                        }
                        value => text.push_str(&format!("{indent}  {}\n", plain(value))),
                    }
                }
            }
            value => text.push_str(&format!("{indent}{name} {}\n", plain(value))),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
