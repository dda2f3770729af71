//! Changes of objects as events on the default bus.

use std::sync::Arc;

use messaging::bus::{Buses, Entry};
use serde_json::{Value, json};

/// Publishes a change in the transaction that holds its row.
pub fn emit(buses: Buses) -> s3::Emit {
    Arc::new(move |tx, change| {
        let entry = Entry {
            source: Some(s3::Change::SOURCE.into()),
            resources: vec![change.resource()],
            detail_type: Some(change.detail_type().into()),
            detail: Some(change.detail().to_string()),
            ..Entry::default()
        };
        let refused = |error: messaging::Error| state::Error::Refused(error.to_string());
        let (_, lanes) = buses.put_in(tx, &[entry]).map_err(refused)?;
        let buses = buses.clone();
        Ok(Box::new(move || buses.wake(lanes)))
    })
}

/// Matches the events of one bucket's objects.
pub fn pattern(bucket: &str) -> Value {
    json!({"source": [s3::Change::SOURCE], "detail": {"bucket": {"name": [bucket]}}})
}
