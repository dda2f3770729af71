//! Stacks from creation to deletion, failures and restarts between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use event::ManualClock;
use serde_json::{Value, json};
use stack::{Api, ApiError, Engine, Environment, Request};
use state::{Settings, State};

/// Services that know what exists and remember what changed.
#[derive(Default)]
struct Services {
    exists: Mutex<BTreeSet<String>>,
    calls: Mutex<Vec<String>>,
    refuse: Mutex<Option<String>>,
}

impl Services {
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

#[async_trait::async_trait]
impl Api for Services {
    async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, ApiError> {
        let name = ["TableName", "Bucket", "Name", "logGroupName"].iter().find_map(|member| input[*member].as_str());
        let thing = format!("{service}/{}", name.unwrap_or_default());
        let read = operation.starts_with("Describe") || operation.starts_with("Head");
        if !read {
            self.calls.lock().unwrap().push(format!("{operation} {}", name.unwrap_or_default()));
            if self.refuse.lock().unwrap().as_deref() == Some(operation) {
                return Err(ApiError::new("ValidationException", "refused"));
            }
        }
        let mut exists = self.exists.lock().unwrap();
        match (operation, exists.contains(&thing)) {
            (create, true) if create.starts_with("Create") => Err(ApiError::new("ResourceInUseException", "exists")),
            (create, false) if create.starts_with("Create") => {
                exists.insert(thing);
                Ok(json!({}))
            }
            (_, false) => Err(ApiError::new("ResourceNotFoundException", "no such thing")),
            (delete, true) if delete.starts_with("Delete") && delete != "DeleteRetentionPolicy" => {
                exists.remove(&thing);
                Ok(json!({}))
            }
            _ => Ok(json!({
                "Table": { "TableStatus": "ACTIVE", "TableArn": "arn:t", "LatestStreamArn": "arn:t/stream" },
                "Arn": "arn:p", "CurrentState": "RUNNING",
            })),
        }
    }

    fn serves(&self, service: &str) -> bool {
        service != "sqs"
    }
}

struct World {
    services: Arc<Services>,
    engine: Engine,
    dir: tempfile::TempDir,
}

fn open(dir: &tempfile::TempDir, services: &Arc<Services>) -> Engine {
    let path = dir.path().join("state.db");
    let state = State::open(&Settings::new(path.to_str().unwrap())).unwrap();
    let environment = Environment { account: "000000000000".into(), region: "us-east-1".into() };
    Engine::new(state, services.clone(), Arc::new(ManualClock::at(1_000)), environment).unwrap()
}

fn world() -> World {
    let (dir, services) = (tempfile::tempdir().unwrap(), Arc::new(Services::default()));
    World { engine: open(&dir, &services), services, dir }
}

fn template(table: &str, policy: &str, batch: &str) -> Request {
    let body = json!({
        "Parameters": { "Batch": { "Type": "Number", "Default": batch } },
        "Resources": {
            "Pipe": { "Type": "AWS::Pipes::Pipe", "Properties": {
                "Name": "pipe", "RoleArn": { "Fn::GetAtt": ["Role", "Arn"] }, "Target": "arn:x",
                "Source": { "Fn::GetAtt": ["Table", "StreamArn"] },
                "SourceParameters": { "DynamoDBStreamParameters": { "BatchSize": { "Ref": "Batch" } } } } },
            "Role": { "Type": "AWS::KMS::Key", "Properties": {} },
            "Table": { "Type": "AWS::DynamoDB::Table", "DeletionPolicy": policy, "Properties": {
                "TableName": table, "StreamSpecification": { "StreamViewType": "NEW_IMAGE" } } }
        },
        "Outputs": { "Stream": { "Value": { "Fn::GetAtt": ["Table", "StreamArn"] }, "Export": { "Name": "stream" } } }
    });
    Request { name: "site".into(), template: body.to_string(), ..Request::default() }
}

async fn status(engine: &Engine, id: &str) -> String {
    engine.run(id).await.unwrap();
    engine.stack(id).await.unwrap().status
}

#[tokio::test]
async fn a_stack_lives_and_goes() {
    let World { services, engine, .. } = world();
    let id = engine.create(template("t1", "Delete", "1")).await.unwrap();
    assert_eq!(status(&engine, &id).await, "CREATE_COMPLETE");
    assert_eq!(services.taken(), ["CreateTable t1", "CreatePipe pipe"]);
    let stack = engine.stack("site").await.unwrap();
    assert_eq!((stack.outputs[0].value.as_str(), stack.outputs.len()), ("arn:t/stream", 1));
    assert_eq!(engine.exports().await.unwrap()[0].0, "stream");

    assert!(matches!(engine.update(template("t1", "Delete", "1")).await, Err(stack::Error::NoUpdates)));
    engine.update(template("t1", "Delete", "9")).await.unwrap();
    assert_eq!(status(&engine, &id).await, "UPDATE_COMPLETE");
    assert_eq!(services.taken(), ["UpdatePipe pipe"]);

    engine.update(template("t2", "Delete", "9")).await.unwrap();
    assert_eq!(status(&engine, &id).await, "UPDATE_COMPLETE");
    assert_eq!(services.taken(), ["CreateTable t2", "DeleteTable t1"]);

    engine.delete("site", BTreeSet::new()).await.unwrap();
    assert_eq!(status(&engine, &id).await, "DELETE_COMPLETE");
    assert_eq!(services.taken(), ["DeletePipe pipe", "DeleteTable t2"]);
    assert!(engine.exports().await.unwrap().is_empty());
    assert!(engine.stack("site").await.is_err());
}

#[tokio::test]
async fn a_failed_creation_is_undone_and_what_others_own_is_left() {
    let World { services, engine, .. } = world();
    *services.refuse.lock().unwrap() = Some("CreatePipe".into());
    let id = engine.create(template("t1", "Delete", "1")).await.unwrap();
    assert_eq!(status(&engine, &id).await, "ROLLBACK_COMPLETE");
    assert_eq!(services.taken(), ["CreateTable t1", "CreatePipe pipe", "DeleteTable t1"]);
    engine.delete("site", BTreeSet::new()).await.unwrap();
    assert_eq!(status(&engine, &id).await, "DELETE_COMPLETE");

    services.exists.lock().unwrap().insert("dynamodb/t1".into());
    let id = engine.create(template("t1", "Delete", "1")).await.unwrap();
    assert_eq!(status(&engine, &id).await, "ROLLBACK_COMPLETE");
    assert!(services.taken().is_empty());
    assert!(services.exists.lock().unwrap().contains("dynamodb/t1"));
}

#[tokio::test]
async fn a_failed_update_goes_back_without_losing_the_table() {
    let World { services, engine, .. } = world();
    let id = engine.create(template("t1", "Delete", "1")).await.unwrap();
    engine.run(&id).await.unwrap();
    services.taken();
    *services.refuse.lock().unwrap() = Some("UpdatePipe".into());
    engine.update(template("t2", "Delete", "9")).await.unwrap();
    assert_eq!(status(&engine, &id).await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(services.taken(), ["CreateTable t2", "UpdatePipe pipe", "DeleteTable t2"]);
    assert!(services.exists.lock().unwrap().contains("dynamodb/t1"));
}

#[tokio::test]
async fn retained_resources_outlive_the_stack() {
    let World { services, engine, .. } = world();
    let id = engine.create(template("t1", "Retain", "1")).await.unwrap();
    engine.run(&id).await.unwrap();
    engine.delete(&id, BTreeSet::new()).await.unwrap();
    assert_eq!(status(&engine, &id).await, "DELETE_COMPLETE");
    assert!(services.exists.lock().unwrap().contains("dynamodb/t1"));
}

#[tokio::test]
async fn an_operation_recorded_before_a_restart_is_carried_out_after() {
    let World { services, engine, dir } = world();
    let id = engine.create(template("t1", "Delete", "1")).await.unwrap();
    drop(engine);
    let engine = open(&dir, &services);
    assert_eq!(status(&engine, &id).await, "CREATE_COMPLETE");
}

#[test]
fn what_exists_already_is_known_by_the_codes_of_all_services() {
    for code in
        ["ResourceConflictException", "ConflictException", "ResourceAlreadyExistsException", "ResourceInUseException"]
    {
        assert!(ApiError::new(code, "").is_exists(), "{code}");
    }
    assert!(!ApiError::new("ValidationException", "").is_exists());
}

#[tokio::test]
async fn unknown_types_fail_before_anything_is_made() {
    let World { services, engine, .. } = world();
    let body = json!({ "Resources": { "Q": { "Type": "AWS::SQS::Queue" }, "L": { "Type": "AWS::Logs::LogGroup" } } });
    let request = Request { name: "q".into(), template: body.to_string(), ..Request::default() };
    let message = engine.create(request).await.unwrap_err().to_string();
    assert!(message.contains("[AWS::SQS::Queue]") && message.contains("AWS::DynamoDB::Table"), "{message}");
    assert!(services.taken().is_empty() && engine.stacks().await.unwrap().is_empty());
}

#[tokio::test]
async fn change_sets_create_and_tell_when_nothing_changes() {
    let World { engine, .. } = world();
    let set = engine.prepare("first", true, template("t1", "Delete", "1")).await.unwrap();
    assert_eq!((set.status.as_str(), set.changes.len()), ("CREATE_COMPLETE", 3));
    let id = engine.execute(set).await.unwrap();
    assert_eq!(status(&engine, &id).await, "CREATE_COMPLETE");
    let set = engine.prepare("second", false, template("t1", "Delete", "1")).await.unwrap();
    assert_eq!(set.status, "FAILED");
    assert!(engine.execute(set).await.is_err());
    let mut changed = template("t1", "Delete", "1");
    changed.parameters = BTreeMap::from([("Batch".to_owned(), "4".to_owned())]);
    assert_eq!(engine.prepare("third", false, changed).await.unwrap().status, "CREATE_COMPLETE");
}
