//! One batch of a lane: read what is due, try it, and end or put off each delivery.

use state::{Write, params};

use super::attempt::{self, Failure};
use super::dead_letter;
use super::retry::{Next, RetryPolicy};
use crate::Error;
use crate::bus::{Buses, Target};

/// Deliveries that are read together.
const BATCH_MAX: usize = 100;
/// Bytes of their bodies, but for the first.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// A pending delivery.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) number: i64,
    /// The ARN of the rule or schedule.
    pub(super) origin: String,
    pub(super) body: String,
    pub(super) hops: i64,
    pub(super) at_ms: i64,
    /// Retries so far.
    pub(super) attempts: i64,
}

/// Delivers some of what is due. `false` when nothing was.
pub(super) async fn step(buses: &Buses, lane: &str) -> Result<bool, Error> {
    let now_ms = buses.inner.clock.now_ms();
    let Some(outside) = buses.inner.deliveries.outside.get() else { return Ok(false) };
    let (definition, deliveries) = read(buses, lane, now_ms).await?;
    if deliveries.is_empty() {
        return Ok(false);
    }
    let target: Target = serde_json::from_str(&definition).map_err(|_| Error::Corrupt("target of a delivery"))?;
    attempt::all(buses, outside, target, deliveries).await?;
    Ok(true)
}

/// What is due, in order, as long as it has one target definition.
async fn read(buses: &Buses, lane: &str, now_ms: i64) -> Result<(String, Vec<Delivery>), Error> {
    let lane = lane.to_owned();
    buses
        .inner
        .state
        .read(move |tx| {
            let (mut definition, mut found, mut bytes) = (String::new(), Vec::new(), 0);
            let sql = "SELECT number, origin, target, body, hops, at_ms, attempts FROM event_delivery
                WHERE lane = ?1 AND due_ms <= ?2 ORDER BY due_ms, number";
            tx.each(sql, params![&lane, now_ms], |row| {
                let (own, body) = (row.text(2)?, row.text(3)?);
                bytes += body.len();
                if found.is_empty() {
                    own.clone_into(&mut definition);
                } else if own != definition || bytes > BATCH_BYTES_MAX {
                    return Ok::<_, Error>(false);
                }
                found.push(Delivery {
                    number: row.int(0)?,
                    origin: row.text(1)?.to_owned(),
                    body: body.to_owned(),
                    hops: row.int(4)?,
                    at_ms: row.int(5)?,
                    attempts: row.int(6)?,
                });
                Ok(found.len() < BATCH_MAX)
            })?;
            Ok((definition, found))
        })
        .await
}

/// Ends a delivery, or puts it off, as part of the transaction of its effect.
pub(super) fn settle(
    buses: &Buses,
    tx: &Write<'_>,
    target: &Target,
    delivery: &Delivery,
    outcome: Result<(), Failure>,
) -> Result<(), Error> {
    let deliveries = &buses.inner.deliveries;
    if let Err(failure) = outcome {
        let now_ms = buses.inner.clock.now_ms();
        let policy = target.retry_policy.clone().unwrap_or_default();
        let condition = match next(&policy, delivery, &failure, now_ms) {
            Some(Next::Retry(due_ms)) => {
                let sql = "UPDATE event_delivery SET attempts = attempts + 1, due_ms = ?2 WHERE number = ?1";
                tx.execute(sql, params![delivery.number, due_ms])?;
                deliveries.retry_at(due_ms);
                return Ok(());
            }
            Some(Next::GiveUp(condition)) => Some(condition),
            None => None,
        };
        if let Some(outside) = deliveries.outside.get() {
            dead_letter::put(outside, tx, delivery, target, &failure, condition)?;
        }
    }
    tx.execute("DELETE FROM event_delivery WHERE number = ?1", params![delivery.number])?;
    Ok(())
}

/// `None` when another try cannot help.
fn next(policy: &RetryPolicy, delivery: &Delivery, failure: &Failure, now_ms: i64) -> Option<Next> {
    failure.retryable.then(|| policy.next(delivery.attempts, delivery.at_ms, now_ms, delivery.number))
}
