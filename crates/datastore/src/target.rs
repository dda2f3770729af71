//! A datastore as the target of a pipe: resources in, exactly once.
//!
//! A record is a resource, a Bundle of resources, or an envelope `{"command": "PUT", "entity": RESOURCE}` (`DELETE` removes it), at its top or
//! below `details`. Resources and how far the pipe has come are one commit, so a repeat after a crash writes nothing again; what is
//! refused is refused again then, so nothing of it is lost on the way to the dead-letter place.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use event::{Arn, Batch, Failure, Receipt, Record};
use fhir::definitions::TypeNumber;
use fhir::json::{Document, Element};
use fhir::outcome::{Issue, outcome};
use state::params;

use crate::audit::Asked;
use crate::incoming::{Incoming, id_of, kind_of};
use crate::transaction::{Found, Transaction};
use crate::{Caller, Datastores, Error, Kind, Store};

/// Records of one commit.
const BATCH_RECORDS_MAX: usize = 1000;

/// Opens a datastore as a target.
///
/// # Errors
/// `NotFound` without the datastore, `Invalid` for another ARN.
pub async fn open(stores: &Datastores, arn: &Arn) -> Result<Arc<dyn event::Target>, event::Error> {
    let id = arn.resource_name("datastore/fhir/").filter(|id| arn.service == "healthlake" && !id.contains('/'));
    let id = id.ok_or_else(|| event::Error::new(event::Kind::Invalid, format!("no FHIR datastore. arn=`{arn}`")))?;
    let store = stores.store(id).await?;
    Ok(Arc::new(Resources { store }))
}

struct Resources {
    store: Store,
}

/// What a record asks for.
enum Wish {
    Put(Incoming),
    Delete(TypeNumber, String),
}

#[async_trait]
impl event::Target for Resources {
    fn batch_records_max(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, event::Error> {
        let (wishes, failures) = self.read(&batch.records).await?;
        // Beside the pipe's own position: this one moves with the resources.
        let consumer = format!("{}/fhir", batch.consumer);
        let who = batch.consumer.clone();
        let written = move |transaction: &mut Transaction<'_, '_>| {
            let sql = "SELECT sequence FROM position WHERE consumer = ?1 AND shard = ?2";
            let at = params![&consumer, batch.shard.as_ref()];
            let position = transaction.tx.first(sql, at, |row| Ok::<_, Error>(row.text(0)?.to_owned()))?;
            for (sequence, wishes) in &wishes {
                if position.as_ref().is_none_or(|position| sequence > position) {
                    apply(transaction, wishes)?;
                }
            }
            state::positions::advance(transaction.tx, &consumer, &batch.shard, &batch.through.padded())?;
            Ok(())
        };
        self.asked(&who).commit(written).await?;
        Ok(Receipt::Delivered(failures))
    }

    async fn send(&self, records: Vec<Record>) -> Result<Vec<Failure>, event::Error> {
        let (wishes, failures) = self.read(&records).await?;
        self.asked("event target")
            .commit(move |transaction| wishes.iter().try_for_each(|(_, wishes)| apply(transaction, wishes)))
            .await?;
        Ok(failures)
    }

    async fn forget(&self, consumer: &str) -> Result<(), event::Error> {
        let consumer = format!("{consumer}/fhir");
        let forget = move |tx: &state::Write<'_>| state::positions::forget(tx, &consumer);
        self.store.shared.state.write(forget).await.map_err(Error::from)?;
        Ok(())
    }
}

impl Resources {
    /// The store on behalf of whom the audit log shall name.
    fn asked(&self, who: &str) -> Store {
        let (datastore, who) = (self.store.id().into(), who.into());
        self.store.asked(Asked { datastore, who, interaction: "batch", query: None })
    }

    /// What the records ask for, by their sequence, and those that are refused: a record is taken whole or not at all.
    async fn read(&self, records: &[Record]) -> Result<(Vec<(String, Vec<Wish>)>, Vec<Failure>), Error> {
        let (mut wishes, mut failures) = (Vec::new(), Vec::new());
        for (index, record) in records.iter().enumerate() {
            match self.wishes(record).await {
                Ok(found) => wishes.push((record.sequence.padded(), found)),
                Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::Corrupt) => return Err(error),
                Err(error) => {
                    let code = "FhirResourceRefused".to_owned();
                    failures.push(Failure { index, code, message: outcome(&error.issues), retryable: false });
                }
            }
        }
        Ok((wishes, failures))
    }

    async fn wishes(&self, record: &Record) -> Result<Vec<Wish>, Error> {
        let document = Document::parse(record.data.clone())?;
        let root = document.root();
        let envelope = [Some(root), root.get("details"), root.get("detail").and_then(|detail| detail.get("details"))];
        let envelope = envelope
            .into_iter()
            .flatten()
            .find(|element| element.get("entity").is_some() && element.get("command").is_some());
        if let Some(envelope) = envelope {
            let entity = envelope.get("entity").unwrap_or(envelope);
            let command = envelope.get("command").and_then(Element::as_str).unwrap_or_default();
            return match command.to_ascii_uppercase().as_str() {
                "PUT" | "POST" | "UPSERT" | "CREATE" | "UPDATE" => {
                    Ok(vec![self.put(document.source(), entity, record, 0).await?])
                }
                "DELETE" => {
                    let entity = Document::parse(document.source().slice(entity.span()))?;
                    let id = id_of(&entity)?.ok_or_else(|| Error::new(Kind::Invalid, "what is deleted has an id"))?;
                    Ok(vec![Wish::Delete(kind_of(&entity)?, id)])
                }
                _ => Err(Error::with_issues(Kind::Invalid, vec![Issue::at("value", "command", "is PUT or DELETE")])),
            };
        }
        let is_bundle = root.get("resourceType").and_then(Element::as_str).is_some_and(|kind| kind == "Bundle");
        if !is_bundle {
            return Ok(vec![self.put(document.source(), root, record, 0).await?]);
        }
        let mut wishes = Vec::new();
        for (number, entry) in root.get("entry").into_iter().flat_map(Element::items).enumerate() {
            let resource = entry.get("resource").ok_or_else(|| {
                let issue =
                    Issue::at("required", format!("Bundle.entry[{number}].resource"), "an entry has a resource");
                Error::with_issues(Kind::Invalid, vec![issue])
            })?;
            wishes.push(self.put(document.source(), resource, record, number).await?);
        }
        Ok(wishes)
    }

    /// A resource to be written; without an id it gets one that the same record always gives.
    async fn put(&self, source: &Bytes, resource: Element<'_>, record: &Record, number: usize) -> Result<Wish, Error> {
        let document = Document::parse(source.slice(resource.span()))?;
        let kind = kind_of(&document)?;
        let mut incoming = self.store.ready_document(&document, kind, Caller::default().validation).await?;
        if incoming.id.is_none() {
            let name = format!("{}/{}/{number}", self.store.id(), record.id);
            incoming.id = Some(uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string());
        }
        Ok(Wish::Put(incoming))
    }
}

fn apply(transaction: &mut Transaction<'_, '_>, wishes: &[Wish]) -> Result<(), Error> {
    for wish in wishes {
        match wish {
            Wish::Put(incoming) => {
                let id = incoming.id.as_deref().unwrap_or_default();
                transaction.put(id, incoming)?;
            }
            Wish::Delete(kind, id) => {
                if let Some(found) = transaction.find(*kind, id)?.filter(Found::is_live) {
                    transaction.delete(*kind, id, &found)?;
                }
            }
        }
    }
    Ok(())
}
