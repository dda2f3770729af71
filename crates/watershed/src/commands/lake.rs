//! `watershed lake`: what lies in the lake, and delivering buffers now.

use serde_json::{Value, json};

use crate::client::{Client, Find};

/// List the lake's objects, or deliver what is buffered now
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed lake ls
  watershed lake ls analytics/measurements/
  watershed lake flush --stream measurements")]
pub struct Lake {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List objects: size and BUCKET/KEY
    #[command(after_help = "Examples:\n  watershed lake ls\n  watershed lake ls analytics/measurements/")]
    Ls {
        /// BUCKET/PREFIX; without it, all objects
        #[arg(default_value = "")]
        prefix: String,
        #[command(flatten)]
        find: Find,
    },
    /// Deliver buffered records without waiting for size or time
    #[command(after_help = "Examples:\n  watershed lake flush\n  watershed lake flush --stream measurements")]
    Flush {
        /// One delivery stream; without it, all
        #[arg(long)]
        stream: Option<String>,
        #[command(flatten)]
        find: Find,
    },
}

impl Lake {
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Ls { prefix, find } => {
                let body = json!({"prefix": prefix});
                let answer = Client::find(&find)?.own("POST", "/_watershed/objects", &body).await?;
                let answer: Value = serde_json::from_slice(&answer)?;
                let mut text = String::new();
                for object in answer.get("objects").and_then(Value::as_array).into_iter().flatten() {
                    let bytes = object.get("bytes").and_then(Value::as_u64).unwrap_or_default();
                    let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
                    text.push_str(&format!("{bytes:>12}  {name}\n"));
                }
                super::print(&text)
            }
            Action::Flush { stream, find } => {
                Client::find(&find)?.own("POST", "/_watershed/flush", &json!({"stream": stream})).await?;
                super::print("delivered\n")
            }
        }
    }
}
