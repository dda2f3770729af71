//! Shard iterators: a signed position that expires.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use event::{Sequence, Start};
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use state::{Read, params};

use super::{ITERATOR_MS, count, find};
use crate::tables::Environment;
use crate::{Error, Tables};

const PAYLOAD_BYTES: usize = 24;

/// Input of `GetShardIterator`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetShardIterator {
    pub stream_arn: String,
    pub shard_id: String,
    pub shard_iterator_type: String,
    pub sequence_number: Option<String>,
    /// Seconds since 1970 with a fraction, of `AT_TIMESTAMP`.
    pub timestamp: Option<f64>,
}

/// Where a reader is: behind `after` in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub shard: i64,
    pub after: i64,
    pub issued_ms: i64,
}

impl Position {
    pub fn sign(&self, env: &Environment, arn: &str) -> String {
        let mut bytes = [self.shard, self.after, self.issued_ms].map(i64::to_be_bytes).concat();
        bytes.extend(tag(env, arn, &bytes));
        format!("{arn}|1|{}", STANDARD.encode(bytes))
    }

    /// The position in an iterator and the stream it belongs to.
    pub fn verify<'a>(env: &Environment, token: &'a str) -> Result<(Position, &'a str), Error> {
        let invalid = || Error::validation("Invalid ShardIterator");
        let (arn, encoded) = token.split_once("|1|").ok_or_else(invalid)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| invalid())?;
        let (payload, mac) = bytes.split_at_checked(PAYLOAD_BYTES).ok_or_else(invalid)?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(tag(env, arn, payload).as_slice(), mac)) {
            return Err(invalid());
        }
        let mut words = payload.chunks_exact(8).map(|word| word.iter().fold(0i64, |n, b| (n << 8) | i64::from(*b)));
        let mut word = || words.next().ok_or_else(invalid);
        let position = Position { shard: word()?, after: word()?, issued_ms: word()? };
        if env.clock.now_ms() - position.issued_ms > ITERATOR_MS {
            return Err(Error::Expired);
        }
        Ok((position, arn))
    }
}

fn tag(env: &Environment, arn: &str, payload: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&env.secret) else { return Vec::new() };
    mac.update(payload);
    mac.update(arn.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

impl Tables {
    /// # Errors
    /// `NotFound` for an unknown stream or shard, `Trimmed` when the position is older than what is kept.
    pub async fn get_shard_iterator(&self, input: GetShardIterator) -> Result<String, Error> {
        let number = || -> Result<Sequence, Error> {
            let text = input.sequence_number.as_deref();
            let text = text.ok_or_else(|| Error::validation("SequenceNumber is required for this iterator type"))?;
            text.parse().map_err(|_| Error::validation("Invalid SequenceNumber"))
        };
        let start = match input.shard_iterator_type.as_str() {
            "TRIM_HORIZON" => Start::TrimHorizon,
            "LATEST" => Start::Latest,
            "AFTER_SEQUENCE_NUMBER" => Start::After(number()?),
            // The numbers are ours: the one before may be no record's.
            "AT_SEQUENCE_NUMBER" => Start::After(super::sequence(count(&number()?).saturating_sub(1).max(0))),
            "AT_TIMESTAMP" => {
                let at = input.timestamp.ok_or_else(|| Error::validation("Timestamp is required for AT_TIMESTAMP"))?;
                // Rounded: most milliseconds are no exact binary fraction of a second.
                Start::AtTimestamp((at * 1000.0).round() as i64)
            }
            _ => {
                return Err(Error::validation(
                    "1 validation error detected: Value at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_SEQUENCE_NUMBER, TRIM_HORIZON, AT_TIMESTAMP]",
                ));
            }
        };
        if input.sequence_number.is_some() && !matches!(start, Start::After(_)) {
            return Err(Error::validation("SequenceNumber is not allowed for this iterator type"));
        }
        self.open_shard(&input.stream_arn, &input.shard_id, start).await
    }

    /// An iterator at `start` in a shard.
    pub(crate) async fn open_shard(&self, arn: &str, shard: &str, start: Start) -> Result<String, Error> {
        let (arn, shard, now) = (arn.to_owned(), shard.to_owned(), self.env.clock.now_ms());
        let env = self.env.clone();
        self.state.read(move |read| Ok(place(read, &arn, &shard, start, now)?.sign(&env, &arn))).await
    }
}

fn place(read: &Read<'_>, arn: &str, shard: &str, start: Start, now: i64) -> Result<Position, Error> {
    let stream = find(read, arn)?.id;
    let sql = "SELECT number, first_sequence, last_sequence, trimmed FROM ddb_shard WHERE stream = ?1 AND id = ?2";
    let found = read.first(sql, params![stream, shard], |row| {
        Ok::<_, Error>((row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?))
    })?;
    let (number, first, last, trimmed) =
        found.ok_or_else(|| Error::NotFound(format!("Requested resource not found: Shard does not exist: {shard}")))?;
    let after = match start {
        Start::TrimHorizon => trimmed,
        Start::Latest => last,
        Start::After(sequence) => {
            let after = count(&sequence);
            // Positions that no record can have yet would skip.
            if after > last
                && read
                    .first(
                        "SELECT value FROM ddb_counter WHERE name = 'sequence' AND value < ?1",
                        params![after],
                        |row| row.int(0),
                    )?
                    .is_some()
            {
                return Err(Error::validation("Invalid SequenceNumber"));
            }
            if trimmed >= first && after < trimmed {
                return Err(Error::Trimmed);
            }
            after.max(trimmed)
        }
        Start::AtTimestamp(at) if at > now => {
            return Err(Error::validation("Timestamp must not be in the future"));
        }
        Start::AtTimestamp(at) => {
            let sql =
                "SELECT sequence FROM ddb_record WHERE shard = ?1 AND at_ms >= ?2 ORDER BY at_ms, sequence LIMIT 1";
            read.first(sql, params![number, at], |row| row.int(0))?.map_or(last, |sequence| sequence - 1).max(trimmed)
        }
    };
    Ok(Position { shard: number, after, issued_ms: now })
}
