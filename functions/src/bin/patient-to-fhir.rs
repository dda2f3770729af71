//! `functions::patient_to_fhir` as a Lambda function.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<_>| functions::patient_to_fhir::handle(event.payload))).await
}
