//! Functions that are an expression.

use std::collections::BTreeMap;

use function::{Create, Error, Invocation, RUNTIME_JQ, RUNTIME_JSONATA};
use serde_json::json;

use crate::world::{ROLE, World, value};

fn expression(runtime: &str, name: &str, handler: &str) -> Create {
    let change = json!({"Role": ROLE, "Runtime": runtime, "Handler": handler, "Timeout": 1});
    Create {
        name: name.into(),
        code: None,
        change: serde_json::from_value(change).unwrap(),
        architectures: None,
        publish: false,
        tags: BTreeMap::new(),
    }
}

async fn check(runtime: &str, handler: &str, failing: &str, not_valid: &str) {
    let world = World::new().await;
    world.functions.create(expression(runtime, "f", handler)).await.unwrap();
    let outcome = world.invoke("f", json!([{"id": 1, "first": "a", "last": "b"}])).await;
    assert_eq!((outcome.is_error, value(&outcome.payload)), (false, json!([{"id": 1, "name": "a b"}])));
    let failed = world.functions.invoke("f", None, Invocation::of(failing.to_owned())).await.unwrap();
    assert_eq!((failed.is_error, &value(&failed.payload)["errorType"]), (true, &json!("Watershed.Expression")));
    let refused = world.functions.create(expression(runtime, "bad", not_valid)).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_is_called_like_any_function() {
    check(RUNTIME_JQ, "[.[] | {id, name: (.first + \" \" + .last)}]", "3", "[.[").await;
    let handler = "[$.{\"id\": id, \"name\": first & ' ' & last}]";
    check(RUNTIME_JSONATA, &format!("$type($) = 'array' ? {handler} : $ + 'x'"), "3", "[$.{").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jsonata_expression_ends_with_its_timeout() {
    let world = World::new().await;
    let endless = "($f := function($n){$f($n + 1)}; $f(0))";
    world.functions.create(expression(RUNTIME_JSONATA, "f", endless)).await.unwrap();
    let outcome = world.functions.invoke("f", None, Invocation::of("{}")).await.unwrap();
    assert!(outcome.is_error && value(&outcome.payload)["errorMessage"].as_str().unwrap().contains("D1012"));
}
