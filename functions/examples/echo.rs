//! A function for tests: answers its event with its name and how often this process was called; fails when told to.

use std::sync::atomic::{AtomicU64, Ordering};

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

static CALLS: AtomicU64 = AtomicU64::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(answer)).await
}

async fn answer(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    match event.payload.get("fail").and_then(Value::as_str) {
        Some(reason) => Err(reason.into()),
        None => Ok(json!({"event": event.payload, "function": event.context.env_config.function_name, "calls": calls})),
    }
}
