//! HealthLake's control plane at the wire (JSON 1.0, `HealthLake`, 2017-07-01): datastores and their tags here, import jobs in
//! `import.rs`.
//!
//! What requests may hold stands in `members.rs`. Export jobs come with a later version; their operations are unknown here.

mod import;
mod members;

use std::sync::Arc;

use datastore::{Create, Datastore, Error, Kind};
use serde_json::{Map, Value, json};

use crate::{App, AwsError, Call, Reply};
use members::{invalid, page, required, text};

/// What a datastore keeps of the request that made it.
const SETTINGS: [&str; 3] = ["SseConfiguration", "PreloadDataConfig", "IdentityProviderConfiguration"];
const TAGS_MAX: usize = 50;

impl From<Error> for AwsError {
    fn from(error: Error) -> Self {
        let (status, code) = match error.kind() {
            Kind::NotFound | Kind::Gone => (400, "ResourceNotFoundException"),
            Kind::Conflict | Kind::Precondition => (400, "ConflictException"),
            Kind::Denied => (400, "AccessDeniedException"),
            Kind::Unavailable | Kind::Corrupt => (500, "InternalServerException"),
            _ => (400, "ValidationException"),
        };
        AwsError::new(status, code, error.to_string())
    }
}

/// Runs one operation.
pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let input = &call.input;
    members::check(&call.operation, input)?;
    let answer = match call.operation.as_str() {
        "CreateFHIRDatastore" => create(app, &call).await?,
        "DescribeFHIRDatastore" => {
            json!({"DatastoreProperties": properties(app, &call.host, &find(app, input).await?)})
        }
        "DeleteFHIRDatastore" => {
            let deleted = app.datastores.delete(required(input, "DatastoreId")?).await?;
            summary(app, &call.host, &deleted)
        }
        "UpdateFHIRDatastore" => update(app, &call).await?,
        "ListFHIRDatastores" => list(app, &call).await?,
        "StartFHIRImportJob" => import::start(app, input).await?,
        "DescribeFHIRImportJob" => import::describe(app, input).await?,
        "ListFHIRImportJobs" => import::list(app, input).await?,
        "ListTagsForResource" => {
            let found = app.datastores.describe(tagged(input)?).await?;
            json!({"Tags": listed(&tags_of(&found))})
        }
        "TagResource" => {
            let tags = members::tags(input)?;
            let changed = app.datastores.change(tagged(input)?, move |found| {
                let mut all = tags_of(found);
                all.extend(tags);
                found.tags = Value::Object(all).to_string();
            });
            if tags_of(&changed.await?).len() > TAGS_MAX {
                return Err(invalid(format!("a datastore has at most {TAGS_MAX} tags")));
            }
            json!({})
        }
        "UntagResource" => {
            let keys: Vec<String> = members::texts(input, "TagKeys")?;
            let changed = app.datastores.change(tagged(input)?, move |found| {
                let mut all = tags_of(found);
                all.retain(|key, _| !keys.contains(key));
                found.tags = Value::Object(all).to_string();
            });
            changed.await?;
            json!({})
        }
        other => return Err(AwsError::unknown_operation(other)),
    };
    Ok(Reply::from(answer))
}

async fn create(app: &Arc<App>, call: &Call) -> Result<Value, AwsError> {
    let input = &call.input;
    if required(input, "DatastoreTypeVersion")? != "R4" {
        return Err(members::not_in("DatastoreTypeVersion", "R4"));
    }
    members::identity_provider(input)?;
    let kept: Map<String, Value> =
        SETTINGS.iter().filter_map(|name| Some(((*name).to_owned(), input.get(name)?.clone()))).collect();
    let create = Create {
        name: text(input, "DatastoreName")?.map(str::to_owned),
        settings: Value::Object(kept).to_string(),
        tags: Value::Object(members::tags(input)?).to_string(),
        token: text(input, "ClientToken")?.map(str::to_owned),
    };
    let created = app.datastores.create(create).await?;
    Ok(summary(app, &call.host, &created))
}

async fn update(app: &Arc<App>, call: &Call) -> Result<Value, AwsError> {
    let input = &call.input;
    members::identity_provider(input)?;
    let name = text(input, "DatastoreName")?.map(str::to_owned);
    let provider = input.get("IdentityProviderConfiguration").cloned();
    let changed = app.datastores.change(required(input, "DatastoreId")?, move |found| {
        if let Some(name) = name {
            found.name = Some(name);
        }
        if let Some(provider) = provider {
            let mut settings = settings_of(found);
            settings.insert("IdentityProviderConfiguration".into(), provider);
            found.settings = Value::Object(settings).to_string();
        }
    });
    Ok(json!({"DatastoreProperties": properties(app, &call.host, &changed.await?)}))
}

async fn list(app: &Arc<App>, call: &Call) -> Result<Value, AwsError> {
    let filter = &call.input["Filter"];
    let seconds = |name: &str| filter[name].as_f64().map(|seconds| (seconds * 1000.0) as i64);
    let (before, after) = (seconds("CreatedBefore"), seconds("CreatedAfter"));
    let name = filter["DatastoreName"].as_str();
    let status = filter["DatastoreStatus"].as_str();
    let fits = |found: &Datastore| {
        name.is_none_or(|name| found.name.as_deref() == Some(name))
            && status.is_none_or(|status| found.status.name() == status)
            && before.is_none_or(|before| found.created_ms < before)
            && after.is_none_or(|after| found.created_ms > after)
    };
    let found: Vec<Datastore> = app.datastores.list().await?.into_iter().filter(fits).collect();
    let (first, count) = page(&call.input)?;
    let told: Vec<Value> =
        found.iter().skip(first).take(count).map(|found| properties(app, &call.host, found)).collect();
    let mut answer = json!({"DatastorePropertiesList": told});
    if first + count < found.len() {
        answer["NextToken"] = json!((first + count).to_string());
    }
    Ok(answer)
}

async fn find(app: &App, input: &Value) -> Result<Datastore, AwsError> {
    Ok(app.datastores.describe(required(input, "DatastoreId")?).await?)
}

/// The id in a datastore's ARN.
fn tagged(input: &Value) -> Result<&str, AwsError> {
    let arn = required(input, "ResourceARN")?;
    let id = arn.rsplit_once(":datastore/fhir/").map(|(_, id)| id);
    id.ok_or_else(|| invalid("ResourceARN is arn:aws:healthlake:REGION:ACCOUNT:datastore/fhir/ID"))
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

fn settings_of(found: &Datastore) -> Map<String, Value> {
    object(&found.settings)
}

fn tags_of(found: &Datastore) -> Map<String, Value> {
    object(&found.tags)
}

fn listed(tags: &Map<String, Value>) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

fn arn(app: &App, id: &str) -> String {
    format!("arn:aws:healthlake:{}:{}:datastore/fhir/{id}", app.identity.region, app.identity.account)
}

fn summary(app: &App, host: &str, found: &Datastore) -> Value {
    json!({
        "DatastoreId": found.id, "DatastoreArn": arn(app, &found.id), "DatastoreStatus": found.status.name(),
        "DatastoreEndpoint": endpoint(host, &found.id),
    })
}

fn endpoint(host: &str, id: &str) -> String {
    let host = if host.is_empty() { "localhost" } else { host };
    format!("http://{host}/datastore/{id}/r4/")
}

fn properties(app: &App, host: &str, found: &Datastore) -> Value {
    let mut told = summary(app, host, found);
    told["DatastoreTypeVersion"] = json!("R4");
    told["CreatedAt"] = json!(found.created_ms as f64 / 1000.0);
    if let Some(name) = &found.name {
        told["DatastoreName"] = json!(name);
    }
    for (name, value) in settings_of(found) {
        told[name] = value;
    }
    if told["SseConfiguration"].is_null() {
        told["SseConfiguration"] = json!({"KmsEncryptionConfig": {"CmkType": "AWS_OWNED_KMS_KEY"}});
    }
    if told["IdentityProviderConfiguration"].is_null() {
        told["IdentityProviderConfiguration"] =
            json!({"AuthorizationStrategy": "AWS_AUTH", "FineGrainedAuthorizationEnabled": false});
    }
    told
}
