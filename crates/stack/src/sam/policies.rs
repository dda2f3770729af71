//! SAM policy templates: statements by name, with parameters in them.

use serde_json::{Map, Value, json};

/// Name, parameters, and statements of actions and resources, which are the end of an ARN behind the service.
type Template = (&'static str, &'static [&'static str], &'static [(&'static [&'static str], &'static [&'static str])]);

/// An ARN with region and account; those of buckets have neither.
const TABLE: &[&str] = &["dynamodb:R:table/${tableName}", "dynamodb:R:table/${tableName}/index/*"];
const BUCKET: &[&str] = &["s3:::${bucketName}", "s3:::${bucketName}/*"];

const TEMPLATES: &[Template] = &[
    (
        "DynamoDBCrudPolicy",
        &["TableName"],
        &[(
            &[
                "dynamodb:GetItem",
                "dynamodb:DeleteItem",
                "dynamodb:PutItem",
                "dynamodb:Scan",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
                "dynamodb:BatchWriteItem",
                "dynamodb:BatchGetItem",
                "dynamodb:DescribeTable",
                "dynamodb:ConditionCheckItem",
            ],
            TABLE,
        )],
    ),
    (
        "DynamoDBReadPolicy",
        &["TableName"],
        &[(
            &["dynamodb:GetItem", "dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:DescribeTable"],
            TABLE,
        )],
    ),
    (
        "DynamoDBWritePolicy",
        &["TableName"],
        &[(&["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"], TABLE)],
    ),
    (
        "DynamoDBStreamReadPolicy",
        &["TableName", "StreamName"],
        &[
            (
                &["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
                &["dynamodb:R:table/${tableName}/stream/${streamName}"],
            ),
            (&["dynamodb:ListStreams"], &["dynamodb:R:table/${tableName}/stream/*"]),
        ],
    ),
    (
        "SQSPollerPolicy",
        &["QueueName"],
        &[(
            &[
                "sqs:ChangeMessageVisibility",
                "sqs:ChangeMessageVisibilityBatch",
                "sqs:DeleteMessage",
                "sqs:DeleteMessageBatch",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            ],
            &["sqs:R:${queueName}"],
        )],
    ),
    ("SQSSendMessagePolicy", &["QueueName"], &[(&["sqs:SendMessage*"], &["sqs:R:${queueName}"])]),
    ("LambdaInvokePolicy", &["FunctionName"], &[(&["lambda:InvokeFunction"], &["lambda:R:function:${functionName}*"])]),
    (
        "EventBridgePutEventsPolicy",
        &["EventBusName"],
        &[(&["events:PutEvents"], &["events:R:event-bus/${eventBusName}"])],
    ),
    (
        "FirehoseWritePolicy",
        &["DeliveryStreamName"],
        &[(&["firehose:PutRecord", "firehose:PutRecordBatch"], &["firehose:R:deliverystream/${deliveryStreamName}"])],
    ),
    (
        "StepFunctionsExecutionPolicy",
        &["StateMachineName"],
        &[(&["states:StartExecution"], &["states:R:stateMachine:${stateMachineName}"])],
    ),
    ("KMSDecryptPolicy", &["KeyId"], &[(&["kms:Decrypt"], &["kms:R:key/${keyId}"])]),
    (
        "FilterLogEventsPolicy",
        &["LogGroupName"],
        &[(&["logs:FilterLogEvents"], &["logs:R:log-group:${logGroupName}:log-stream:*"])],
    ),
    (
        "S3ReadPolicy",
        &["BucketName"],
        &[(
            &[
                "s3:GetObject",
                "s3:ListBucket",
                "s3:GetBucketLocation",
                "s3:GetObjectVersion",
                "s3:GetLifecycleConfiguration",
            ],
            BUCKET,
        )],
    ),
    (
        "S3WritePolicy",
        &["BucketName"],
        &[(&["s3:PutObject", "s3:PutObjectAcl", "s3:PutLifecycleConfiguration"], BUCKET)],
    ),
    (
        "S3CrudPolicy",
        &["BucketName"],
        &[(
            &[
                "s3:GetObject",
                "s3:ListBucket",
                "s3:GetBucketLocation",
                "s3:GetObjectVersion",
                "s3:PutObject",
                "s3:PutObjectAcl",
                "s3:GetLifecycleConfiguration",
                "s3:PutLifecycleConfiguration",
                "s3:DeleteObject",
            ],
            BUCKET,
        )],
    ),
];

/// The statements of a policy template with its parameters.
///
/// # Errors
/// Why it is none: an unknown name (with those that are known), or other parameters than it has.
pub(super) fn statements(name: &str, given: &Value) -> Result<Value, String> {
    let Some((_, parameters, statements)) = TEMPLATES.iter().find(|(known, ..)| *known == name) else {
        let known: Vec<&str> = TEMPLATES.iter().map(|(known, ..)| *known).collect();
        return Err(format!("policy template '{name}' is not supported; supported are [{}]", known.join(", ")));
    };
    let given = given.as_object().cloned().unwrap_or_default();
    if let Some(missing) = parameters.iter().find(|parameter| !given.contains_key(**parameter)) {
        return Err(format!("Missing required parameter '{missing}' for policy template '{name}'"));
    }
    if let Some(unknown) = given.keys().find(|parameter| !parameters.contains(&parameter.as_str())) {
        return Err(format!("Unknown parameter '{unknown}' for policy template '{name}'"));
    }
    let resource = |end: &&str| substituted(end, parameters, &given);
    let statement = |(actions, resources): &(&[&str], &[&str])| {
        let mut resources: Vec<Value> = resources.iter().map(resource).collect();
        let resources = if resources.len() == 1 { resources.swap_remove(0) } else { Value::Array(resources) };
        json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
    };
    Ok(statements.iter().map(statement).collect())
}

/// `Fn::Sub` with the values of the parameters that occur.
fn substituted(end: &str, parameters: &[&str], given: &Map<String, Value>) -> Value {
    let text = format!("arn:${{AWS::Partition}}:{}", end.replacen(":R:", ":${AWS::Region}:${AWS::AccountId}:", 1));
    let mut values = Map::new();
    for parameter in parameters {
        let variable = format!(
            "{}{}",
            parameter.get(..1).unwrap_or_default().to_lowercase(),
            parameter.get(1..).unwrap_or_default()
        );
        if text.contains(&format!("${{{variable}}}")) {
            values.insert(variable, given.get(*parameter).cloned().unwrap_or_default());
        }
    }
    json!({ "Fn::Sub": [text, values] })
}
