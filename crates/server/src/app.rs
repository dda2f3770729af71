//! Everything a request may need: who we are, who may call, and the services.

use std::sync::Arc;

use bytes::Bytes;
use event::{Clock, ManualClock};
use serde_json::Value;

use crate::services::{self, Service};
use crate::signature::Keys;
use crate::{AwsError, Call, Reply, Smart};

/// The account and region every resource of this server belongs to.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Twelve digits, `000000000000` by default.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
}

/// The server's parts, shared by all requests. Built once by the binary; a service adds its field here.
pub struct App {
    pub identity: Identity,
    pub keys: Keys,
    pub clock: Arc<dyn Clock>,
    /// The machine's clock, which signatures are checked against whatever `clock` says.
    pub signature_clock: Arc<dyn Clock>,
    /// `clock`, when tests may move it and force what time would bring.
    pub test_clock: Option<Arc<ManualClock>>,
    pub objects: objects::Objects,
    pub query: query::Engine,
    pub stacks: stack::Engine,
    pub tables: table::Tables,
    pub pipes: pipe::Pipes,
    pub datastores: datastore::Datastores,
    pub imports: datastore::import::Imports,
    pub smart: Smart,
    pub delivery: lake::DeliveryStreams,
    pub catalog: lake::catalog::Catalog,
    pub logs: logs::Logs,
    pub queues: messaging::queue::Queues,
    pub buses: messaging::bus::Buses,
    pub identities: identity::Identities,
    pub schedules: messaging::schedule::Schedules,
    pub functions: function::Functions,
    pub s3: s3::Endpoint,
}

impl App {
    /// Calls an operation as a wire client would, without the wire: `app.invoke("dynamodb", "CreateTable", input)`.
    ///
    /// # Errors
    /// Those of the operation, and `UnknownOperationException` for a service that is not registered.
    pub async fn invoke(self: &Arc<Self>, service: &str, operation: &str, input: Value) -> Result<Reply, AwsError> {
        let service: &Service = services::by_name(service).ok_or_else(|| AwsError::unknown_operation(operation))?;
        let request_id = uuid::Uuid::new_v4().to_string();
        let call = Call {
            operation: operation.into(),
            input,
            payload: Bytes::new(),
            request_id,
            access_key: "internal".into(),
            host: String::new(),
            path: "/".into(),
        };
        (service.call)(self, call).await
    }
}
