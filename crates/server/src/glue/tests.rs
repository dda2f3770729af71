//! The operations, one after another, on a real state.

use serde_json::{Value, json};

use super::*;

async fn check(glue: &Glue<'_>, operation: &str, input: Value, expected: Result<Value, &str>) {
    let found = glue.run(operation, &input).await;
    assert_eq!(found.map_err(|error| error.code), expected.map_err(str::to_owned), "{operation} {input}");
}

#[tokio::test]
async fn databases_and_tables_are_made_listed_changed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("state.db").display().to_string();
    let catalog = Catalog::open(state::State::open(&state::Settings::new(url)).unwrap()).unwrap();
    let identity = Identity { account: "000000000000".into(), region: "us-east-1".into() };
    let glue = &Glue { catalog: &catalog, identity: &identity, now_ms: 1500 };
    let database = json!({"Name": "d", "CreateTime": 1.5, "CatalogId": "000000000000"});
    let input = json!({"DatabaseName": "d", "TableInput": {"Name": "T", "Parameters": {"a": "b"}}});
    let table = |version: &str| {
        json!({"Name": "t", "Parameters": {"a": "b"}, "DatabaseName": "d", "CatalogId": "000000000000",
            "CreateTime": 1.5, "UpdateTime": 1.5, "VersionId": version})
    };
    let update = |version: &str| {
        let mut update = input.clone();
        update["VersionId"] = json!(version);
        update
    };

    check(glue, "GetDatabase", json!({"Name": "d"}), Err("EntityNotFoundException")).await;
    check(glue, "CreateTable", input.clone(), Err("EntityNotFoundException")).await;
    check(glue, "CreateDatabase", json!({"DatabaseInput": {"Name": "d"}}), Ok(json!({}))).await;
    check(glue, "CreateDatabase", json!({"DatabaseInput": {"Name": "D"}}), Err("AlreadyExistsException")).await;
    check(glue, "GetDatabase", json!({"Name": "D"}), Ok(json!({"Database": database}))).await;
    check(glue, "CreateTable", input.clone(), Ok(json!({}))).await;
    check(glue, "UpdateTable", update("3"), Err("ConcurrentModificationException")).await;
    check(glue, "UpdateTable", update("0"), Ok(json!({}))).await;
    check(glue, "GetTable", json!({"DatabaseName": "d", "Name": "T"}), Ok(json!({"Table": table("1")}))).await;
    check(glue, "GetTables", json!({"DatabaseName": "d"}), Ok(json!({"TableList": [table("1")]}))).await;
    check(glue, "GetTables", json!({"DatabaseName": "x"}), Err("EntityNotFoundException")).await;
    let gone = json!({"DatabaseName": "d", "TablesToDelete": ["t", "t"]});
    let detail = json!({"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Table t not found."});
    let errors = json!({"Errors": [{"TableName": "t", "ErrorDetail": detail}]});
    check(glue, "BatchDeleteTable", gone, Ok(errors)).await;
    check(glue, "DeleteTable", json!({"DatabaseName": "d", "Name": "t"}), Err("EntityNotFoundException")).await;

    check(glue, "CreateDatabase", json!({"DatabaseInput": {"Name": "e"}}), Ok(json!({}))).await;
    let first = json!({"DatabaseList": [database], "NextToken": "d"});
    check(glue, "GetDatabases", json!({"MaxResults": 1}), Ok(first)).await;
    let rename = json!({"Name": "d", "DatabaseInput": {"Name": "f"}});
    check(glue, "UpdateDatabase", rename, Err("InvalidInputException")).await;
    check(glue, "UpdateDatabase", json!({"Name": "d", "DatabaseInput": {"Name": "d"}}), Ok(json!({}))).await;
    check(glue, "DeleteDatabase", json!({"Name": "d"}), Ok(json!({}))).await;
    check(glue, "DeleteDatabase", json!({"Name": "d"}), Err("EntityNotFoundException")).await;

    for (operation, bad) in [
        ("GetDatabases", json!({"MaxResults": 0})),
        ("GetDatabases", json!({"Bogus": 1})),
        ("CreateDatabase", json!({"DatabaseInput": {"Name": "x", "Bogus": 1}})),
        ("CreateTable", json!({"DatabaseName": "e", "TableInput": {"Name": "x", "StorageDescriptor": {"Bogus": 1}}})),
        ("UpdateTable", json!({"DatabaseName": "e", "VersionId": "x", "TableInput": {"Name": "x"}})),
        ("GetDatabase", json!({})),
    ] {
        check(glue, operation, bad, Err("InvalidInputException")).await;
    }
    check(glue, "GetDatabase", json!({"Name": "e", "CatalogId": "1"}), Err("EntityNotFoundException")).await;
    check(glue, "Bogus", json!({}), Err("UnknownOperationException")).await;
}
