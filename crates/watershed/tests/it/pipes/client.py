"""The things pipes meet, for the scripts beside this."""

from aws import ACCOUNT, arn, client, refused, until

ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipe"


def state(name, wanted):
    """Waits until a pipe is as wanted."""
    pipes = client("pipes")
    return until(f"{name} is {wanted}", lambda: pipes.describe_pipe(Name=name)["CurrentState"] == wanted)


def pipe(name, source, target, **more):
    client("pipes").create_pipe(Name=name, Source=source, Target=target, RoleArn=ROLE, **more)
    state(name, "RUNNING")


def take(queue, count):
    """Takes messages for good until there are so many."""
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    taken = []

    def more():
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            taken.append(message)
        return len(taken) >= count

    until(f"{count} messages in {queue}", more)
    assert len(taken) == count, (queue, len(taken), count)
    return taken


def queue(name, **attributes):
    client("sqs").create_queue(QueueName=name, Attributes=attributes)
    return arn("sqs", name)


def table(name):
    """A table with a stream; answers the stream's ARN."""
    made = client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return made["TableDescription"]["LatestStreamArn"]


def put(table, **item):
    client("dynamodb").put_item(TableName=table, Item={name: {"S": value} for name, value in item.items()})


STREAM = {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}}
