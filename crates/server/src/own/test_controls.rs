//! What only a server with a test clock answers: moving the clock and rotating a stream's shards.
//!
//! `POST /_watershed/test/clock` `{"advanceMs": N}` answers `{"nowMs": N}` when what is due by then, the removal of old
//! stream records, is done. `POST /_watershed/test/rotate` `{"streamArn": ARN, "split": BOOL}` closes every open shard of a
//! stream and gives each one child, or two.

use std::sync::Arc;

use event::Clock as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{App, AwsError, Codes};

/// Ten years: enough for every retention there is.
const ADVANCE_MS_MAX: i64 = 10 * 366 * 86_400_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_ms: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rotate {
    stream_arn: String,
    #[serde(default)]
    split: bool,
}

/// # Errors
/// `UnknownOperationException` when the server has no test clock, `ValidationException` for bad input.
pub(super) async fn call(app: &Arc<App>, control: &str, input: &Value) -> Result<Value, AwsError> {
    let not_found = || super::not_found("POST", &format!("/_watershed/test/{control}"));
    let clock = app.test_clock.as_ref().ok_or_else(not_found)?;
    match control {
        "clock" => {
            let Advance { advance_ms } = decode(input, "{\"advanceMs\": INTEGER}")?;
            if !(0..=ADVANCE_MS_MAX).contains(&advance_ms) {
                return Err(AwsError::validation(format!("`advanceMs` must be between 0 and {ADVANCE_MS_MAX}")));
            }
            clock.advance_ms(advance_ms);
            app.tables.trim().await.map_err(failed)?;
            Ok(json!({"nowMs": clock.now_ms()}))
        }
        "rotate" => {
            let Rotate { stream_arn, split } = decode(input, "{\"streamArn\": STRING, \"split\": BOOLEAN}")?;
            let rotated = match split {
                true => app.tables.split_stream(&stream_arn).await,
                false => app.tables.rotate_stream(&stream_arn).await,
            };
            rotated.map_err(failed)?;
            Ok(json!({}))
        }
        _ => Err(not_found()),
    }
}

fn decode<T: DeserializeOwned>(input: &Value, shape: &str) -> Result<T, AwsError> {
    T::deserialize(input).map_err(|_| AwsError::validation(format!("expected {shape}")))
}

fn failed(error: table::Error) -> AwsError {
    AwsError::of(&Codes::DYNAMODB, error.kind(), error.to_string())
}
