//! Item operations as boto3 sees them, by DynamoDB's documentation.

use crate::world::{run, server};

#[test]
fn expressions_do_what_the_developer_guide_says() {
    run(&server(), "items/expressions.py");
}

#[test]
fn queries_and_scans_page_and_select() {
    run(&server(), "items/pages.py");
}

#[test]
fn limits_and_return_values_are_awss() {
    run(&server(), "items/limits.py");
}
