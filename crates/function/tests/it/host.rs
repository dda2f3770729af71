//! What the host promises to a function and to its caller.

use serde_json::json;
use std::time::Duration;

use crate::world::{World, eventually, is_alive, value};
use function::Invocation;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_kept_warm_and_replaced_after_a_crash() {
    let world = World::new().await;
    world.create("f", json!({})).await;
    let first = value(&world.invoke("f", json!({"n": 1})).await.payload);
    let second = value(&world.invoke("f", json!({"n": 2})).await.payload);
    assert_eq!((&second["event"], &second["calls"]), (&json!({"n": 2}), &json!(2)));
    assert_eq!(first["pid"], second["pid"]);

    let crash = world.invoke("f", json!({"do": "exit", "code": 7})).await;
    assert!(crash.is_error);
    let error = value(&crash.payload);
    assert_eq!(error["errorType"], "Runtime.ExitError");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("Runtime exited with error: exit status 7"), "{error}");
    let third = value(&world.invoke("f", json!({})).await.payload);
    assert_eq!(third["calls"], 1);
    assert_ne!(third["pid"], first["pid"]);

    // One that dies after its answer costs the next caller nothing.
    world.invoke("f", json!({"do": "die-idle"})).await;
    assert_eq!(value(&world.invoke("f", json!({})).await.payload)["calls"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn output_and_report_are_in_the_tail_and_in_the_log() {
    let world = World::new().await;
    world.create("f", json!({})).await;
    let outcome = world.invoke("f", json!({"do": "print", "text": "hello"})).await;
    let tail = String::from_utf8(outcome.tail.unwrap()).unwrap();
    let lines: Vec<&str> = tail.lines().collect();
    assert!(lines[0].starts_with("START RequestId: ") && lines[0].ends_with("Version: $LATEST"), "{tail}");
    assert!(lines.contains(&"hello") && lines.contains(&"and to stderr"), "{tail}");
    assert!(tail.contains("\nEND RequestId: ") && tail.contains("Memory Size: 256 MB"), "{tail}");
    assert!(tail.contains("Init Duration: "), "a cold start is told: {tail}");
    let warm = world.invoke("f", json!({"do": "print", "text": "again"})).await;
    let warm = String::from_utf8(warm.tail.unwrap()).unwrap();
    assert!(!warm.contains("hello") && !warm.contains("Init Duration"), "{warm}");
    world.functions.close().await;
    let log = world.memory.log.lock().unwrap();
    assert!(log.iter().any(|(group, stream, line)| {
        group == "/aws/lambda/f" && stream.contains("/[$LATEST]") && line == "hello\n"
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_finds_lambdas_environment_and_nothing_of_the_servers() {
    let world = World::new().await;
    world.create("f", json!({"Environment": {"Variables": {"OWN": "1", "TZ": "Europe/Oslo"}}, "Timeout": 9})).await;
    let context = Invocation { client_context: Some(r#"{"client":{}}"#.into()), ..Invocation::of(r#"{"do":"env"}"#) };
    let found = value(&world.functions.invoke("f", None, context).await.unwrap().payload);
    let environment = found["environment"].as_object().unwrap();
    for (name, expected) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "key of arn:aws:iam::000000000000:role/r"),
        ("_HANDLER", "bootstrap"),
        ("OWN", "1"),
        ("TZ", "Europe/Oslo"),
    ] {
        assert_eq!(environment[name], expected, "{name}");
    }
    assert_eq!(environment["LAMBDA_TASK_ROOT"], found["cwd"]);
    for name in ["HOME", "USER", "CARGO", "CARGO_MANIFEST_DIR", "RUST_BACKTRACE"] {
        assert!(!environment.contains_key(name), "{name} leaked");
    }
    let headers = &found["headers"];
    assert_eq!(headers["lambda-runtime-invoked-function-arn"], "arn:aws:lambda:us-east-1:000000000000:function:f");
    assert_eq!(headers["lambda-runtime-client-context"], r#"{"client":{}}"#);
    assert!(headers["lambda-runtime-trace-id"].as_str().unwrap().starts_with("Root=1-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_function_are_its_own() {
    let world = World::new().await;
    world.create("f", json!({})).await;
    let outcome = world.invoke("f", json!({"do": "fail"})).await;
    assert!(outcome.is_error);
    assert_eq!(value(&outcome.payload)["errorType"], "Own.Error");
    let streamed = world.invoke("f", json!({"do": "stream"})).await;
    assert_eq!((streamed.is_error, value(&streamed.payload)), (false, json!({"parts": 3})));
    let large = world.invoke("f", json!({"do": "large", "bytes": 6_291_556})).await;
    assert_eq!(value(&large.payload)["errorType"], "Function.ResponseSizeTooLarge");
    let fits = world.invoke("f", json!({"do": "large", "bytes": 6_000_000})).await;
    assert_eq!((fits.is_error, fits.payload.len()), (false, 6_000_002));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_kills_the_process_and_its_descendants() {
    let world = World::new().await;
    world.create("f", json!({"Timeout": 1})).await;
    let spawned = value(&world.invoke("f", json!({"do": "spawn"})).await.payload);
    let (pid, child) = (spawned["pid"].as_u64().unwrap(), spawned["child"].as_u64().unwrap());
    assert!(is_alive(pid) && is_alive(child));
    let outcome = world.invoke("f", json!({"do": "sleep", "seconds": 600})).await;
    let error = value(&outcome.payload);
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("Task timed out after 1.00 seconds"), "{error}");
    eventually("the end of the process", || (!is_alive(pid)).then_some(())).await;
    eventually("the end of its descendant", || (!is_alive(child)).then_some(())).await;
    assert_eq!(value(&world.invoke("f", json!({})).await.payload)["calls"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_memory_kills_the_process() {
    let world = World::new().await;
    world.create("f", json!({"MemorySize": 128, "Timeout": 60})).await;
    let error = value(&world.invoke("f", json!({"do": "eat", "mb": 300})).await.payload);
    assert_eq!(error["errorType"], "Runtime.OutOfMemory");
    assert_eq!(value(&world.invoke("f", json!({})).await.payload)["calls"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initialisation_that_fails_is_told() {
    let world = World::with(|settings| settings.init_time = Duration::from_secs(2)).await;
    let fails = |how: &str| json!({"Environment": {"Variables": {"FAIL_INIT": how}}});
    world.create("reports", fails("report")).await;
    let reported = world.invoke("reports", json!({})).await;
    assert_eq!((reported.is_error, &value(&reported.payload)["errorType"]), (true, &json!("Init.Broken")));
    world.create("exits", fails("exit")).await;
    let exited = world.invoke("exits", json!({})).await;
    assert_eq!(value(&exited.payload)["errorType"], "Runtime.ExitError");
    assert!(String::from_utf8(exited.tail.unwrap()).unwrap().contains("going down"));
    world.create("hangs", fails("hang")).await;
    assert_eq!(value(&world.invoke("hangs", json!({})).await.payload)["errorType"], "Sandbox.Timedout");
    world.create("node", json!({"Runtime": "nodejs22.x", "Handler": "index.handler"})).await;
    let missing = value(&world.invoke("node", json!({})).await.payload);
    assert!(missing["errorMessage"].as_str().unwrap().contains("npm install aws-lambda-ric"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrency_is_one_process_each_and_limited() {
    let world = World::with(|settings| settings.concurrency = 20).await;
    world.create("f", json!({"Timeout": 60})).await;
    world.functions.reserve("f", Some(2)).await.unwrap();
    let sleep = || world.functions.invoke("f", None, Invocation::of(r#"{"do":"sleep","seconds":3}"#));
    let (a, b) = tokio::join!(sleep(), sleep());
    assert_ne!(value(&a.unwrap().payload)["pid"], value(&b.unwrap().payload)["pid"]);
    let (a, b, c) = tokio::join!(sleep(), sleep(), sleep());
    let refused: Vec<_> = [a, b, c].into_iter().filter_map(Result::err).collect();
    assert!(
        matches!(
            refused[..],
            [function::Error::Throttled { reason: "ReservedFunctionConcurrentInvocationLimitExceeded", .. }]
        ),
        "{refused:?}"
    );
    assert!(world.functions.reserve("f", Some(19)).await.is_err(), "others must keep some");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_processes_end_after_their_time() {
    let world = World::with(|settings| settings.idle_time = Duration::from_millis(400)).await;
    world.create("f", json!({})).await;
    let pid = value(&world.invoke("f", json!({})).await.payload)["pid"].as_u64().unwrap();
    eventually("the end of an idle process", || (!is_alive(pid)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_seen_by_the_next_invocation() {
    let world = World::new().await;
    world.create("f", json!({})).await;
    world.invoke("f", json!({})).await;
    let change = serde_json::from_value(json!({"Environment": {"Variables": {"NEW": "yes"}}})).unwrap();
    world.functions.update_configuration("f", change, None).await.unwrap();
    let found = value(&world.invoke("f", json!({"do": "env"})).await.payload);
    assert_eq!(found["environment"]["NEW"], "yes");
}
