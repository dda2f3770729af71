//! How the stack engine calls services: through the operations that wire clients call.

use std::sync::{Arc, OnceLock, Weak};

use serde_json::{Value, json};
use stack::{Api, ApiError};

use crate::{App, services};

/// The services of an [`App`], which is bound once it is built: the app holds the engine, the engine holds this.
#[derive(Default)]
pub struct Services {
    app: OnceLock<Weak<App>>,
}

impl Services {
    /// Names the app whose services are called. Later calls change nothing.
    pub fn bind(&self, app: &Arc<App>) {
        let _ = self.app.set(Arc::downgrade(app));
    }
}

#[async_trait::async_trait]
impl Api for Services {
    async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, ApiError> {
        let stopping = || ApiError::new("ServiceUnavailable", "the server is stopping");
        let app = self.app.get().and_then(Weak::upgrade).ok_or_else(stopping)?;
        if service == "s3" {
            return bucket(&app, operation, &input).await;
        }
        let reply = app.invoke(service, operation, input).await;
        reply.map(|reply| reply.body).map_err(|error| ApiError::new(error.code, error.message))
    }

    fn serves(&self, service: &str) -> bool {
        services::by_name(service).is_some()
    }
}

/// The three bucket operations stacks need, on the lake's store.
async fn bucket(app: &App, operation: &str, input: &Value) -> Result<Value, ApiError> {
    let name = input.get("Bucket").and_then(Value::as_str).unwrap_or_default();
    let failed = |error: objects::Error| match error {
        objects::Error::BucketName(_) => ApiError::new("InvalidBucketName", "The specified bucket is not valid."),
        error => ApiError::new("InternalError", error.to_string()),
    };
    let exists = app.objects.buckets().await.map_err(failed)?.iter().any(|bucket| bucket == name);
    match operation {
        "HeadBucket" if !exists => Err(ApiError::new("NoSuchBucket", "The specified bucket does not exist")),
        "HeadBucket" => Ok(json!({})),
        "CreateBucket" => app.objects.create_bucket(name).await.map(|()| json!({})).map_err(failed),
        "DeleteBucket" if !exists => Err(ApiError::new("NoSuchBucket", "The specified bucket does not exist")),
        "DeleteBucket" if !app.objects.list(name, "", None, 1).await.map_err(failed)?.is_empty() => {
            Err(ApiError::new("BucketNotEmpty", "The bucket you tried to delete is not empty"))
        }
        "DeleteBucket" => app.objects.delete_bucket(name).await.map(|()| json!({})).map_err(failed),
        other => {
            Err(ApiError::new("UnknownOperationException", format!("operation not supported. operation=`{other}`")))
        }
    }
}
