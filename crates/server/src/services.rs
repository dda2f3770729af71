//! The one table of services.
//!
//! To add a service: a folder `src/NAME/` with `pub(crate) async fn call(app: &Arc<App>, call: Call) ->
//! Result<Reply, AwsError>` that matches on `call.operation` (one file per operation or group of them; an unknown
//! name answers [`AwsError::unknown_operation`]), its `mod` line in `lib.rs`, its crate in
//! `Cargo.toml`, and one row below. A REST-JSON service also
//! declares its routes, as `pub(crate) const ROUTES: &[Route]`. The service's engine becomes a field of [`App`]; how its
//! errors map to codes is one line in `error.rs`.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{
    App, AwsError, Call, Reply, cloudformation, dynamodb, events, firehose, glue, healthlake, iam, lambda, logs, pipes,
    scheduler, sqs, sts,
};

/// What runs an operation of a service.
pub type Handler = for<'a> fn(&'a Arc<App>, Call) -> BoxFuture<'a, Result<Reply, AwsError>>;

/// A service at the wire.
pub struct Service {
    /// Unique: the endpoint prefix, such as `streams.dynamodb`. What [`App::invoke`] takes.
    pub name: &'static str,
    /// The service in the credential scope, such as `dynamodb`.
    pub signing_name: &'static str,
    pub protocol: Protocol,
    pub call: Handler,
}

/// How operation, input and output travel.
pub enum Protocol {
    /// `X-Amz-Target: TARGET.Operation`; `version` is `1.0` or `1.1`; `crc32` adds `x-amz-crc32` to replies.
    Json { target: &'static str, version: &'static str, crc32: bool },
    /// Method and path name the operation.
    Rest { routes: &'static [Route] },
    /// A form in, XML out, in the namespace `xmlns`.
    Query { xmlns: &'static str, version: &'static str },
    /// The same with lists as repeated elements.
    FlatQuery { xmlns: &'static str, version: &'static str },
}

/// One request line of a REST-JSON service: `POST /v1/pipes/{Name}`.
pub struct Route {
    pub method: &'static str,
    /// Segments in braces are labels: their decoded text becomes that member of the input. A last `{name+}` takes the rest.
    pub path: &'static str,
    pub operation: &'static str,
    /// Query parameters, headers and the raw body it takes; parameters become members of the same name.
    pub query: &'static [(&'static str, Parameter)],
}

/// How a query parameter is read.
#[derive(Clone, Copy)]
pub enum Parameter {
    Text,
    Integer,
    /// May repeat; always an array.
    List,
    /// Not of the query: a header, which becomes a member of the name declared.
    Header,
    /// Not of the query: the whole body, which is no JSON object and goes to [`Call::payload`].
    Payload,
}

/// All services of this server.
pub const SERVICES: &[Service] = &[
    Service {
        name: "cloudformation",
        signing_name: "cloudformation",
        protocol: Protocol::Query {
            xmlns: "http://cloudformation.amazonaws.com/doc/2010-05-15/",
            version: "2010-05-15",
        },
        call: |app, call| Box::pin(cloudformation::call(app, call)),
    },
    Service {
        name: "dynamodb",
        signing_name: "dynamodb",
        protocol: Protocol::Json { target: "DynamoDB_20120810", version: "1.0", crc32: true },
        call: |app, call| Box::pin(dynamodb::call(app, call)),
    },
    Service {
        name: "streams.dynamodb",
        signing_name: "dynamodb",
        protocol: Protocol::Json { target: "DynamoDBStreams_20120810", version: "1.0", crc32: true },
        call: |app, call| Box::pin(dynamodb::call_streams(app, call)),
    },
    Service {
        name: "events",
        signing_name: "events",
        protocol: Protocol::Json { target: "AWSEvents", version: "1.1", crc32: false },
        call: |app, call| Box::pin(events::call(app, call)),
    },
    Service {
        name: "firehose",
        signing_name: "firehose",
        protocol: Protocol::Json { target: "Firehose_20150804", version: "1.1", crc32: false },
        call: |app, call| Box::pin(firehose::call(app, call)),
    },
    Service {
        name: "glue",
        signing_name: "glue",
        protocol: Protocol::Json { target: "AWSGlue", version: "1.1", crc32: false },
        call: |app, call| Box::pin(glue::call(app, call)),
    },
    Service {
        name: "healthlake",
        signing_name: "healthlake",
        protocol: Protocol::Json { target: "HealthLake", version: "1.0", crc32: false },
        call: |app, call| Box::pin(healthlake::call(app, call)),
    },
    Service {
        name: "iam",
        signing_name: "iam",
        protocol: Protocol::Query { xmlns: "https://iam.amazonaws.com/doc/2010-05-08/", version: "2010-05-08" },
        call: |app, call| Box::pin(iam::call(app, call)),
    },
    Service {
        name: "lambda",
        signing_name: "lambda",
        protocol: Protocol::Rest { routes: lambda::ROUTES },
        call: |app, call| Box::pin(lambda::call(app, call)),
    },
    Service {
        name: "logs",
        signing_name: "logs",
        protocol: Protocol::Json { target: "Logs_20140328", version: "1.1", crc32: false },
        call: |app, call| Box::pin(logs::call(app, call)),
    },
    Service {
        name: "pipes",
        signing_name: "pipes",
        protocol: Protocol::Rest { routes: pipes::ROUTES },
        call: |app, call| Box::pin(pipes::call(app, call)),
    },
    Service {
        name: "scheduler",
        signing_name: "scheduler",
        protocol: Protocol::Rest { routes: scheduler::ROUTES },
        call: |app, call| Box::pin(scheduler::call(app, call)),
    },
    Service {
        name: "sqs",
        signing_name: "sqs",
        protocol: Protocol::Json { target: "AmazonSQS", version: "1.0", crc32: false },
        call: |app, call| Box::pin(sqs::call(app, call)),
    },
    Service {
        name: "query.sqs",
        signing_name: "sqs",
        protocol: Protocol::FlatQuery { xmlns: "http://queue.amazonaws.com/doc/2012-11-05/", version: "2012-11-05" },
        call: |app, call| Box::pin(sqs::call_query(app, call)),
    },
    Service {
        name: "sts",
        signing_name: "sts",
        protocol: Protocol::Query { xmlns: "https://sts.amazonaws.com/doc/2011-06-15/", version: "2011-06-15" },
        call: |app, call| Box::pin(sts::call(app, call)),
    },
];

/// The service with this name.
pub fn by_name(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|s| s.name == name)
}

/// The JSON service behind a target prefix.
pub(crate) fn by_target(prefix: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|s| matches!(s.protocol, Protocol::Json { target, .. } if target == prefix))
}

/// The REST or query service behind a signing name.
pub(crate) fn by_signing_name(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|s| s.signing_name == name && !matches!(s.protocol, Protocol::Json { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_targets_are_unique() {
        for (i, service) in SERVICES.iter().enumerate() {
            for other in SERVICES.iter().skip(i + 1) {
                assert_ne!(service.name, other.name);
                if let (Protocol::Json { target: a, .. }, Protocol::Json { target: b, .. }) =
                    (&service.protocol, &other.protocol)
                {
                    assert_ne!(a, b);
                }
            }
        }
    }
}
