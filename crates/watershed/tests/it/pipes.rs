//! Pipes through the real binary: buses and buckets as sources, API destinations, dynamic parameters, dead letters and
//! `watershed dlq`.

use std::path::Path;

use serde_json::{Value, json};

use crate::world::{BINARY, World, here, run, server};

#[test]
fn events_of_a_bus_and_of_a_bucket_reach_targets_in_order() {
    run(&server(), "pipes/sources.py");
}

#[test]
fn api_destinations_enrich_and_receive_and_a_bus_is_a_target() {
    run(&server(), "pipes/destinations.py");
}

#[test]
fn target_parameters_are_found_in_each_event() {
    run(&server(), "pipes/dynamic.py");
}

#[test]
fn a_poison_record_blocks_nothing_for_longer_than_its_policy() {
    let world = server();
    let (id, secret) = world.server.key().unwrap();
    let environment =
        [("AWS_ACCESS_KEY_ID", id.as_str()), ("AWS_SECRET_ACCESS_KEY", &secret), ("AWS_DEFAULT_REGION", "us-east-1")];
    let arguments = [&world.server.endpoint(), world.server.data().to_str().unwrap(), BINARY];
    testkit::run_python(&here("pipes/failures.py"), &arguments, &environment).unwrap();
}

fn json_of(world: &World, arguments: &[&str]) -> Value {
    serde_json::from_str(&world.server.run(&[arguments, &["--format", "json"]].concat()).unwrap()).unwrap()
}

/// Exit code and standard error of a client command.
fn refused(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let data = world.server.data().to_str().unwrap();
    let output = testkit::watershed(Path::new(BINARY), &[arguments, &["--data", data]].concat()).unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn dead_letters_are_listed_shown_and_redriven_without_loss() {
    let world = server();
    run(&world, "pipes/letters.py");
    let listed = json_of(&world, &["dlq", "list"]);
    let queues = listed["queues"].as_array().unwrap();
    let kinds: Vec<&str> =
        queues[0]["sources"].as_array().unwrap().iter().map(|s| s["kind"].as_str().unwrap()).collect();
    assert_eq!((&queues[0]["queue"], &queues[0]["letters"]), (&json!("dead"), &json!(7)), "{listed}");
    assert_eq!(kinds, ["function", "function", "mapping", "pipe", "queue", "rule", "schedule"]);
    assert!(world.server.run(&["dlq", "list"]).unwrap().starts_with("dead  7 letters\n"));

    let shown = world.server.run(&["dlq", "show", "dead"]).unwrap();
    assert!(!shown.contains("secret"), "payloads are shown only when asked for: {shown}");
    let letters = json_of(&world, &["dlq", "show", "dead", "--payload"]);
    let letters = letters["letters"].as_array().unwrap();
    for kind in ["function", "mapping", "pipe", "queue", "rule", "schedule"] {
        let letter = letters.iter().find(|letter| letter["kind"] == kind).unwrap_or_else(|| panic!("{kind}: {shown}"));
        assert!(letter["attempts"].as_u64().unwrap() > 0 && !letter["reason"].as_str().unwrap().is_empty(), "{letter}");
        assert!(letter["payload"].to_string().contains("secret"), "{letter}");
    }

    // While the cause is there, nothing that can tell at once is removed.
    let pipes_id = letters.iter().find(|letter| letter["kind"] == "pipe").unwrap()["id"].as_str().unwrap();
    let (code, said) = refused(&world, &["dlq", "redrive", "dead", "--id", pipes_id]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("still in dead: 1 letter\n"), "{said}");
    assert_eq!(json_of(&world, &["dlq", "list"])["queues"][0]["letters"], 7);
    let (code, said) = refused(&world, &["dlq", "redrive", "dead", "--id", "unknown"]);
    assert!(code == Some(1) && said.contains("not in dead: 1 letter\n"), "{said}");

    run(&world, "pipes/mend.py");
    let redriven = json_of(&world, &["dlq", "redrive", "dead"]);
    assert_eq!((&redriven["redriven"], &redriven["failed"]), (&json!(7), &json!([])), "{redriven}");
    run(&world, "pipes/redriven.py");
    assert!(!world.server.log().contains("secret"), "no payload is logged");
    assert_eq!(json_of(&world, &["dlq", "list"])["queues"][0]["letters"], 0);
}

#[test]
fn a_dry_run_tells_each_step() {
    let world = server();
    let event = world.dir.path().join("event.json");
    std::fs::write(&event, r#"{"eventName":"INSERT","dynamodb":{"NewImage":{"id":{"S":"7"}}}}"#).unwrap();
    run(&world, "pipes/expressions.py");
    let (template, event) = (here("pipes/trial.yaml"), event.to_str().unwrap().to_owned());
    let template = template.to_str().unwrap();
    let said = world.server.run(&["pipe", "test", template, "--event", &event]).unwrap();
    let expected = "event 1\n  filter      passed\n  enrichment  gets {\"id\":\"7\"}\n              answers {\"patient\":\"P-7\"}\n  \
                    target      gets {\"resource\":\"P-7\"}\n";
    assert_eq!(said, expected);
    std::fs::write(&event, "{\"eventName\":\"REMOVE\"}\n{\"eventName\":\"INSERT\"}\n").unwrap();
    let said = json_of(&world, &["pipe", "test", template, "--event", &event]);
    assert_eq!(said["trials"][0], json!({"filter": "filtered_out", "target": []}));
    assert!(said["trials"][1]["enrichment"]["error"].is_string(), "{said}");
}
