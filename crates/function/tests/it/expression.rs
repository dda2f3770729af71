//! Functions that are an expression.

use std::collections::BTreeMap;

use function::{Create, Error, Invocation, RUNTIME_JQ};
use serde_json::json;

use crate::world::{ROLE, World, value};

fn expression(name: &str, handler: &str) -> Create {
    let change = json!({"Role": ROLE, "Runtime": RUNTIME_JQ, "Handler": handler});
    Create {
        name: name.into(),
        code: None,
        change: serde_json::from_value(change).unwrap(),
        architectures: None,
        publish: false,
        tags: BTreeMap::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_is_called_like_any_function() {
    let world = World::new().await;
    world.functions.create(expression("jq", "[.[] | {id, name: (.first + \" \" + .last)}]")).await.unwrap();
    let outcome = world.invoke("jq", json!([{"id": 1, "first": "a", "last": "b"}])).await;
    assert_eq!((outcome.is_error, value(&outcome.payload)), (false, json!([{"id": 1, "name": "a b"}])));
    let failed = world.functions.invoke("jq", None, Invocation::of("3")).await.unwrap();
    assert_eq!((failed.is_error, &value(&failed.payload)["errorType"]), (true, &json!("Watershed.Expression")));
    let refused = world.functions.create(expression("bad", "[.[")).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
}
