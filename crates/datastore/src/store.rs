//! The data of one datastore.

use std::collections::BTreeSet;
use std::sync::Arc;

use fhir::search::check::Now;
use state::{Write, params};

use crate::audit::{Asked, Asking};
use crate::control::Shared;
use crate::row::Base;
use crate::{Error, Kind};

/// The data of a datastore: every interaction of the FHIR API. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    pub(crate) number: i64,
    pub(crate) id: Arc<str>,
    /// On whose behalf is written.
    pub(crate) asking: Option<Arc<Asking>>,
}

impl Store {
    /// The datastore's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same data for one request: what is written is noted for the audit log, in the transaction that writes it.
    #[must_use]
    pub fn asked(&self, asked: Asked) -> Store {
        Store { asking: Some(Arc::new(Asking::new(asked))), ..self.clone() }
    }

    /// What it was asked for.
    pub fn asking(&self) -> Option<Asked> {
        self.asking.as_ref().map(|asking| asking.asked())
    }

    /// The code of the interaction it was asked for.
    pub fn interaction(&self) -> Option<&'static str> {
        self.asking.as_ref().map(|asking| asking.interaction())
    }

    /// Whether something was written, and noted, for the request.
    pub fn is_noted(&self) -> bool {
        self.asking.as_ref().is_some_and(|asking| asking.is_noted())
    }

    pub(crate) fn base(&self) -> Base<'_> {
        Base { datastore: &self.id }
    }

    pub(crate) fn now(&self) -> Now {
        Now { ms: self.shared.clock.now_ms() }
    }

    /// Waits until something may have changed.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Makes sure that systems and units have their numbers, in a commit of their own: what is known stays known.
    pub(crate) async fn know_texts(&self, texts: Vec<String>) -> Result<(), Error> {
        let unknown: BTreeSet<String> = {
            let known = self.shared.texts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            texts.into_iter().filter(|text| !known.contains_key(text)).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let numbered = move |tx: &Write<'_>| -> Result<Vec<(String, i64)>, Error> {
            let mut numbers = Vec::with_capacity(unknown.len());
            for text in unknown {
                tx.execute("INSERT INTO fhir_text (text) VALUES (?1) ON CONFLICT DO NOTHING", params![&text])?;
                let number = tx.first("SELECT id FROM fhir_text WHERE text = ?1", params![&text], |row| row.int(0))?;
                numbers.extend(number.map(|number: i64| (text, number)));
            }
            Ok(numbers)
        };
        let numbers = self.shared.state.write(numbered).await?;
        let mut known = self.shared.texts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.extend(numbers);
        Ok(())
    }

    /// The number of a text that was made known.
    pub(crate) fn known_text(&self, text: &str) -> Result<i64, Error> {
        let known = self.shared.texts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.get(text).copied().ok_or_else(|| Error::new(Kind::Corrupt, "a text has no number"))
    }
}
