//! Errors as AWS clients know them, and the only mapping from the crates' errors to them.

use event::Kind;
use serde_json::{Map, Value};

/// An error reply: HTTP status, AWS error code, message, further modelled members.
#[derive(Clone, Debug)]
pub struct AwsError {
    pub status: u16,
    /// Such as `ValidationException`, without a namespace.
    pub code: String,
    /// Never holds record content.
    pub message: String,
    /// Members of the modelled error beside the message, such as `CancellationReasons` or `Item`.
    pub members: Map<String, Value>,
    /// The older code of a service that once spoke the query protocol, where clients still look for it.
    pub query_code: Option<&'static str>,
}

impl AwsError {
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        AwsError { status, code: code.into(), message: message.into(), members: Map::new(), query_code: None }
    }

    /// Adds a member to the error's body.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.into(), value.into());
        self
    }

    /// `ValidationException`, 400.
    pub fn validation(message: impl Into<String>) -> Self {
        AwsError::new(400, "ValidationException", message)
    }

    /// `UnknownOperationException`, 400: what a service answers to a name it does not know.
    pub fn unknown_operation(operation: &str) -> Self {
        // The name comes from the caller: cut, so that the reply stays small.
        let shown: String = operation.chars().take(128).collect();
        AwsError::new(400, "UnknownOperationException", format!("the operation is not supported. operation=`{shown}`"))
    }

    /// `SerializationException`, 400: the body is not what the protocol asks for.
    pub fn serialization(message: impl Into<String>) -> Self {
        AwsError::new(400, "SerializationException", message)
    }

    /// An error by what the caller should do, in the words of one service.
    pub fn of(codes: &Codes, kind: Kind, message: impl Into<String>) -> Self {
        let (status, code) = match kind {
            Kind::Invalid => codes.invalid,
            Kind::NotFound => codes.not_found,
            Kind::Conflict => codes.conflict,
            Kind::Throttled => codes.throttled,
            Kind::Unavailable => codes.unavailable,
            Kind::Denied => (400, "AccessDeniedException"),
            Kind::Trimmed => (400, "TrimmedDataAccessException"),
            Kind::Expired => (400, "ExpiredIteratorException"),
            Kind::Corrupt | Kind::Internal => codes.internal,
        };
        AwsError::new(status, code, message)
    }
}

/// Status and code by [`Kind`], in the words of one service.
pub struct Codes {
    pub invalid: (u16, &'static str),
    pub not_found: (u16, &'static str),
    pub conflict: (u16, &'static str),
    pub throttled: (u16, &'static str),
    pub unavailable: (u16, &'static str),
    pub internal: (u16, &'static str),
}

impl Codes {
    pub const DYNAMODB: Codes = Codes {
        invalid: (400, "ValidationException"),
        not_found: (400, "ResourceNotFoundException"),
        conflict: (400, "ResourceInUseException"),
        throttled: (400, "ThrottlingException"),
        unavailable: (500, "InternalServerError"),
        internal: (500, "InternalServerError"),
    };
    pub const PIPES: Codes = Codes {
        invalid: (400, "ValidationException"),
        not_found: (404, "NotFoundException"),
        conflict: (409, "ConflictException"),
        throttled: (429, "ThrottlingException"),
        unavailable: (500, "InternalException"),
        internal: (500, "InternalException"),
    };
    pub const FIREHOSE: Codes = Codes {
        invalid: (400, "InvalidArgumentException"),
        not_found: (400, "ResourceNotFoundException"),
        conflict: (400, "ResourceInUseException"),
        throttled: (400, "LimitExceededException"),
        unavailable: (503, "ServiceUnavailableException"),
        internal: (500, "InternalFailure"),
    };
    pub const GLUE: Codes = Codes {
        invalid: (400, "InvalidInputException"),
        not_found: (400, "EntityNotFoundException"),
        conflict: (400, "AlreadyExistsException"),
        throttled: (400, "ThrottlingException"),
        unavailable: (500, "InternalServiceException"),
        internal: (500, "InternalServiceException"),
    };
    pub const LOGS: Codes = Codes {
        invalid: (400, "InvalidParameterException"),
        not_found: (400, "ResourceNotFoundException"),
        conflict: (400, "ResourceAlreadyExistsException"),
        throttled: (400, "ThrottlingException"),
        unavailable: (500, "ServiceUnavailableException"),
        internal: (500, "ServiceUnavailableException"),
    };
    pub const EVENTS: Codes = Codes {
        invalid: (400, "ValidationException"),
        not_found: (400, "ResourceNotFoundException"),
        conflict: (400, "ResourceAlreadyExistsException"),
        throttled: (400, "ThrottlingException"),
        unavailable: (500, "InternalException"),
        internal: (500, "InternalException"),
    };
    pub const SCHEDULER: Codes = Codes {
        invalid: (400, "ValidationException"),
        not_found: (404, "ResourceNotFoundException"),
        conflict: (409, "ConflictException"),
        throttled: (429, "ThrottlingException"),
        unavailable: (500, "InternalServerException"),
        internal: (500, "InternalServerException"),
    };
    pub const CLOUDFORMATION: Codes = Codes {
        invalid: (400, "ValidationError"),
        not_found: (400, "ValidationError"),
        conflict: (400, "AlreadyExistsException"),
        throttled: (400, "Throttling"),
        unavailable: (503, "ServiceUnavailable"),
        internal: (500, "InternalFailure"),
    };
}

impl From<query::Error> for AwsError {
    fn from(error: query::Error) -> Self {
        match error.is_callers_fault() {
            true => AwsError::validation(error.to_string()),
            false => AwsError::new(500, "InternalFailure", error.to_string()),
        }
    }
}

impl From<objects::Error> for AwsError {
    fn from(error: objects::Error) -> Self {
        let (status, code) = match &error {
            objects::Error::NoBucket(_) => (404, "NoSuchBucket"),
            objects::Error::NoObject { .. } => (404, "NoSuchKey"),
            objects::Error::BucketName(_) | objects::Error::Key { .. } => (400, "ValidationException"),
            _ => (500, "InternalFailure"),
        };
        AwsError::new(status, code, error.to_string())
    }
}
