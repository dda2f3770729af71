//! `functions::item_splitter` as a Lambda function.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<_>| functions::item_splitter::handle(event.payload))).await
}
