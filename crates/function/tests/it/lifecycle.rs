//! Versions, aliases, permissions, mappings: what is kept and what is refused.

use function::{AliasChange, Code, Error, LATEST, Permission, Routing, UpdateCode};
use serde_json::json;

use crate::world::{World, bootstrap};

#[tokio::test(flavor = "multi_thread")]
async fn versions_stay_and_aliases_route() {
    let world = World::new().await;
    let functions = &world.functions;
    world.create("f", json!({})).await;
    assert_eq!(functions.publish("f", None, None, None).await.unwrap().version, "1");
    assert_eq!(functions.publish("f", None, None, None).await.unwrap().version, "1", "nothing changed");
    let change = serde_json::from_value(json!({"Timeout": 5})).unwrap();
    functions.update_configuration("f", change, None).await.unwrap();
    assert_eq!(functions.publish("f", None, None, None).await.unwrap().version, "2");
    assert_eq!(functions.describe("f", Some("1")).unwrap().configuration.timeout, 3);
    assert_eq!(functions.describe("f:2", None).unwrap().configuration.timeout, 5);
    assert_eq!(functions.versions("f").unwrap().len(), 3);

    let routing = |weights: &[(&str, f64)]| AliasChange {
        function_version: Some("1".into()),
        routing: Some(Routing { additional_version_weights: weights.iter().map(|(v, w)| ((*v).into(), *w)).collect() }),
        ..AliasChange::default()
    };
    functions.create_alias("f", "live", routing(&[("2", 1.0)])).await.unwrap();
    let invocation = || function::Invocation::of("{}");
    assert_eq!(functions.invoke("f", Some("live"), invocation()).await.unwrap().version, "2");
    functions.update_alias("f", "live", routing(&[])).await.unwrap();
    assert_eq!(functions.invoke("f", Some("live"), invocation()).await.unwrap().version, "1");
    for bad in [routing(&[("1", 0.5)]), routing(&[("2", 1.5)]), routing(&[("9", 0.5)]), routing(&[(LATEST, 0.5)])] {
        assert!(functions.update_alias("f", "live", bad).await.is_err());
    }
    assert!(matches!(functions.delete("f", Some("1")).await, Err(Error::Conflict(_))));
    functions.delete("f", Some("2")).await.unwrap();
    functions.delete("f", None).await.unwrap();
    assert!(matches!(functions.describe("f", None), Err(Error::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_come_in_several_forms() {
    let world = World::new().await;
    world.create("f", json!({})).await;
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
    for name in ["f", "function:f", "000000000000:function:f", arn, "f:$LATEST"] {
        assert_eq!(world.functions.describe(name, None).unwrap().configuration.function_name, "f", "{name}");
    }
    for name in [
        "",
        "f g",
        "f/g",
        "arn:aws:s3:::f",
        "arn:aws:lambda:eu-north-1:000000000000:function:f",
        "111111111111:function:f",
    ] {
        assert!(world.functions.describe(name, None).is_err(), "{name}");
    }
    assert!(world.functions.describe("f:1", Some("2")).is_err());
    let missing = world.functions.describe("g", None).unwrap_err().to_string();
    assert_eq!(missing, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g");
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_is_not_used_any_more_is_forgotten() {
    let world = World::new().await;
    let functions = &world.functions;
    let first = world.create("f", json!({})).await;
    assert_eq!(functions.account().await.unwrap().code_bytes, first.code_size);
    let update = |path| UpdateCode {
        code: Some(Code::Path(path)),
        architectures: None,
        publish: false,
        dry_run: false,
        revision_id: None,
    };
    let directory = bootstrap().parent().unwrap().to_owned();
    let second = functions.update_code("f", update(directory)).await.unwrap();
    assert_ne!(second.code_sha256, first.code_sha256);
    assert_eq!(functions.account().await.unwrap().code_bytes, second.code_size);
    let stale = UpdateCode { revision_id: Some(first.revision_id), ..update(bootstrap()) };
    assert!(matches!(functions.update_code("f", stale).await, Err(Error::Precondition(_))));
    functions.delete("f", None).await.unwrap();
    assert_eq!(functions.account().await.unwrap().code_bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_are_kept_as_statements() {
    let world = World::new().await;
    world.create("f", json!({})).await;
    let permission = Permission {
        statement_id: "events".into(),
        action: "lambda:InvokeFunction".into(),
        principal: "events.amazonaws.com".into(),
        source_arn: Some("arn:aws:events:us-east-1:000000000000:rule/r".into()),
        ..Permission::default()
    };
    let statement = world.functions.add_permission("f", None, permission.clone()).await.unwrap();
    assert_eq!(statement["Principal"], json!({"Service": "events.amazonaws.com"}));
    assert_eq!(statement["Resource"], "arn:aws:lambda:us-east-1:000000000000:function:f");
    assert!(matches!(world.functions.add_permission("f", None, permission).await, Err(Error::Conflict(_))));
    assert!(world.functions.policy("f", None).unwrap().document().contains("aws:events"));
    world.functions.remove_permission("f", None, "events", None).await.unwrap();
    assert!(matches!(world.functions.policy("f", None), Err(Error::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_checked_before_anything_is_kept() {
    let world = World::new().await;
    world.create("f", json!({})).await;
    for (change, text) in [
        (json!({"Timeout": 901}), "'timeout'"),
        (json!({"MemorySize": 64}), "'memorySize'"),
        (json!({"Runtime": "cobol"}), "'runtime'"),
        (json!({"Role": "me"}), "'role'"),
        (json!({"Environment": {"Variables": {"AWS_REGION": "x"}}}), "reserved keys"),
        (json!({"Environment": {"Variables": {"BIG": "x".repeat(4096)}}}), "4KB"),
        (json!({"Layers": ["arn:aws:lambda:us-east-1:1:layer:l:1"]}), "Layers"),
    ] {
        let change = serde_json::from_value(change).unwrap();
        let refused = world.functions.update_configuration("f", change, None).await.unwrap_err().to_string();
        assert!(refused.contains(text), "{refused}");
    }
    assert_eq!(world.functions.describe("f", None).unwrap().configuration.timeout, 3);
}
