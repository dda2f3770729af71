//! Import jobs: StartFHIRImportJob, DescribeFHIRImportJob, ListFHIRImportJobs.

use datastore::import::{Job, Request};
use fhir::validate::Level;
use serde_json::{Value, json};

use super::members::{invalid, not_in, page, required, text};
use crate::{App, AwsError};

pub(super) async fn start(app: &App, input: &Value) -> Result<Value, AwsError> {
    let inner = |pointer: &str, name: &str| {
        let value = input.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        value.ok_or_else(|| invalid(format!("{name} is missing")))
    };
    let validation = text(input, "ValidationLevel")?;
    if validation.is_some_and(|level| Level::by_name(level).is_none()) {
        return Err(not_in("ValidationLevel", "strict, structure-only, minimal"));
    }
    let request = Request {
        datastore: required(input, "DatastoreId")?.to_owned(),
        name: text(input, "JobName")?.map(str::to_owned),
        input: inner("/InputDataConfig/S3Uri", "InputDataConfig.S3Uri")?,
        output: inner("/JobOutputDataConfig/S3Configuration/S3Uri", "JobOutputDataConfig.S3Configuration.S3Uri")?,
        kms_key: inner(
            "/JobOutputDataConfig/S3Configuration/KmsKeyId",
            "JobOutputDataConfig.S3Configuration.KmsKeyId",
        )?,
        role: required(input, "DataAccessRoleArn")?.to_owned(),
        token: text(input, "ClientToken")?.map(str::to_owned),
        validation: validation.map(str::to_owned),
    };
    let job = app.imports.start(request).await?;
    Ok(json!({"JobId": job.id, "JobStatus": job.status.name(), "DatastoreId": job.request.datastore}))
}

pub(super) async fn describe(app: &App, input: &Value) -> Result<Value, AwsError> {
    let job = app.imports.describe(required(input, "DatastoreId")?, required(input, "JobId")?).await?;
    Ok(json!({"ImportJobProperties": properties(&job)}))
}

pub(super) async fn list(app: &App, input: &Value) -> Result<Value, AwsError> {
    let (name, status) = (text(input, "JobName")?, text(input, "JobStatus")?);
    let ms = |name: &str| input[name].as_f64().map(|seconds| (seconds * 1000.0) as i64);
    let (before, after) = (ms("SubmittedBefore"), ms("SubmittedAfter"));
    let fits = |job: &Job| {
        name.is_none_or(|name| job.request.name.as_deref() == Some(name))
            && status.is_none_or(|status| job.status.name() == status)
            && before.is_none_or(|before| job.submitted_ms < before)
            && after.is_none_or(|after| job.submitted_ms > after)
    };
    let jobs: Vec<Job> = app.imports.list(required(input, "DatastoreId")?).await?.into_iter().filter(fits).collect();
    let (first, count) = page(input)?;
    let told: Vec<Value> = jobs.iter().skip(first).take(count).map(properties).collect();
    let mut answer = json!({"ImportJobPropertiesList": told});
    if first + count < jobs.len() {
        answer["NextToken"] = json!((first + count).to_string());
    }
    Ok(answer)
}

fn properties(job: &Job) -> Value {
    let request = &job.request;
    let progress = job.progress;
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut told = json!({
        "JobId": job.id, "JobStatus": job.status.name(), "SubmitTime": seconds(job.submitted_ms), "DatastoreId": request.datastore,
        "InputDataConfig": {"S3Uri": request.input},
        "JobOutputDataConfig": {"S3Configuration": {"S3Uri": request.output, "KmsKeyId": request.kms_key}},
        "DataAccessRoleArn": request.role,
        "JobProgressReport": {
            "TotalNumberOfScannedFiles": progress.files,
            "TotalSizeOfScannedFilesInMB": progress.bytes as f64 / f64::from(1 << 20),
            "TotalNumberOfImportedFiles": progress.files_done,
            "TotalNumberOfResourcesScanned": progress.scanned,
            "TotalNumberOfResourcesImported": progress.imported,
            "TotalNumberOfResourcesWithCustomerError": progress.refused,
            "TotalNumberOfFilesReadWithCustomerError": 0,
        },
    });
    if let Some(ended_ms) = job.ended_ms {
        told["EndTime"] = json!(seconds(ended_ms));
        let elapsed = seconds(ended_ms - job.submitted_ms).max(0.001);
        told["JobProgressReport"]["Throughput"] = json!(progress.imported as f64 / elapsed);
    }
    for (name, value) in
        [("JobName", &request.name), ("Message", &job.message), ("ValidationLevel", &request.validation)]
    {
        if let Some(value) = value {
            told[name] = json!(value);
        }
    }
    told
}
