//! How schedules call operations of this server, for universal targets (`arn:aws:scheduler:::aws-sdk:sqs:sendMessage`).

use std::sync::{Arc, OnceLock, Weak};

use event::{Error, Kind};
use serde_json::Value;

use crate::App;

/// Names of services in such ARNs that are not those of [`App::invoke`].
const NAMES: [(&str, &str); 2] = [("eventbridge", "events"), ("cloudwatchlogs", "logs")];

/// The operations of an [`App`], which is bound once it is built: the app holds the schedules, the schedules hold this.
#[derive(Default)]
pub struct Operations {
    app: OnceLock<Weak<App>>,
}

impl Operations {
    /// Names the app whose operations are called. Later calls change nothing.
    pub fn bind(&self, app: &Arc<App>) {
        let _ = self.app.set(Arc::downgrade(app));
    }
}

#[async_trait::async_trait]
impl messaging::Invoke for Operations {
    async fn invoke(&self, service: &str, operation: &str, input: Value) -> Result<(), Error> {
        let stopping = || Error::new(Kind::Unavailable, "the server is stopping");
        let app = self.app.get().and_then(Weak::upgrade).ok_or_else(stopping)?;
        let service = NAMES.iter().find(|(name, _)| *name == service).map_or(service, |(_, own)| own);
        app.invoke(service, operation, input).await.map(|_| ()).map_err(|error| {
            let kind = match error.status {
                500.. => Kind::Unavailable,
                429 => Kind::Throttled,
                404 => Kind::NotFound,
                _ if error.code.contains("Throttl") => Kind::Throttled,
                _ if error.code.contains("NotFound") || error.code.contains("DoesNotExist") => Kind::NotFound,
                _ => Kind::Invalid,
            };
            Error::new(kind, format!("{}: {}", error.code, error.message))
        })
    }
}
