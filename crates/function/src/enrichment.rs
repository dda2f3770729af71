//! A function as the enrichment of a pipe: an array of records in, any JSON out.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use event::{Arn, Enrichment, Error, Kind, Record};
use serde_json::value::RawValue;

use crate::invoke::REQUEST_BYTES_MAX;
use crate::{Functions, batch};

/// As EventBridge Pipes has it.
const BATCH_RECORDS_MAX: usize = 10_000;

/// Opens a function as an enrichment.
///
/// # Errors
/// `NotFound`.
pub fn open(functions: &Functions, arn: &Arn) -> Result<Arc<dyn Enrichment>, Error> {
    functions.describe(&arn.to_string(), None)?;
    Ok(Arc::new(FunctionEnrichment { functions: functions.clone(), arn: arn.to_string() }))
}

struct FunctionEnrichment {
    functions: Functions,
    arn: String,
}

#[async_trait]
impl Enrichment for FunctionEnrichment {
    fn batch_records_max(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    async fn enrich(&self, records: &[Record]) -> Result<Vec<Bytes>, Error> {
        let mut answers = Vec::new();
        for part in batch::chunks(records, REQUEST_BYTES_MAX)? {
            let payload = batch::array(records.get(part).unwrap_or_default());
            let outcome = batch::call(&self.functions, &self.arn, payload).await?;
            answers.extend(payloads(&outcome.payload)?);
        }
        Ok(answers)
    }
}

/// One payload an element of an array; anything else is one payload; `null` and nothing are none.
fn payloads(answer: &Bytes) -> Result<Vec<Bytes>, Error> {
    let text = answer.trim_ascii();
    if text.is_empty() || text == b"null" {
        return Ok(Vec::new());
    }
    let malformed = |_| Error::new(Kind::Unavailable, "the function's answer is not JSON");
    if !text.starts_with(b"[") {
        serde_json::from_slice::<serde::de::IgnoredAny>(text).map_err(malformed)?;
        return Ok(vec![answer.slice_ref(text)]);
    }
    let elements: Vec<&RawValue> = serde_json::from_slice(text).map_err(malformed)?;
    Ok(elements.into_iter().map(|element| answer.slice_ref(element.get().as_bytes())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_as_many_payloads_as_its_array_has() {
        let check = |answer: &str, expected: &[&str]| {
            let got = payloads(&Bytes::from(answer.to_owned())).unwrap();
            assert_eq!(got, expected.iter().map(|text| Bytes::from(text.to_string())).collect::<Vec<_>>(), "{answer}");
        };
        check(r#" [{"a": 1.50}, "x" , [2]] "#, &[r#"{"a": 1.50}"#, r#""x""#, "[2]"]);
        check(r#"{"a":1}"#, &[r#"{"a":1}"#]);
        check("[]", &[]);
        check("null", &[]);
        check("", &[]);
        assert!(payloads(&Bytes::from_static(b"[1,")).is_err());
    }
}
