//! Queues as boto3, the AWS CLI and older clients of the query protocol see them.

use crate::world::{run, server};

#[test]
fn boto3_finds_the_service_it_knows() {
    run(&server(), "queues/sdk.py");
}

#[test]
fn clients_of_the_query_protocol_are_served_as_well() {
    run(&server(), "queues/query.py");
}

#[test]
fn the_aws_cli_works() {
    run(&server(), "queues/cli.py");
}
