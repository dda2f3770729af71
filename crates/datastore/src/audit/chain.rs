//! The log itself: rows that are only ever added, each with a hash over the one before.
//!
//! A row (`fhir_audit`) holds the number of its first event, how many there are, the zstd of their lines, and SHA-256 of: the
//! hash before it (32 bytes of zero at the beginning), first and count (8 bytes each, big endian), and the packed lines. So nothing in
//! it can be changed, removed or put in but by writing all that follows anew; who keeps a hash elsewhere notices that, too.

use sha2::{Digest as _, Sha256};
use state::{Read, State, Write, params};

use crate::{Error, Kind};

/// Bytes that the events of one row unpack to.
const ROW_BYTES_MAX: usize = 256 << 20;
/// Rows read in one snapshot.
const ROWS: i64 = 200;

/// The hash of a row.
pub type Hash = [u8; 32];

/// Where the log ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Events in it.
    pub events: i64,
    pub hash: Hash,
}

/// Where the log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The number of the first event that cannot be trusted, from 1.
    pub event: i64,
    pub reason: &'static str,
}

/// A row on its way.
pub(super) struct Row {
    first: i64,
    count: i64,
    body: Vec<u8>,
    hash: Hash,
}

impl Row {
    /// Packs lines behind a head.
    pub fn pack(head: &Head, lines: &str) -> Result<Row, Error> {
        let body = zstd::bulk::compress(lines.as_bytes(), 1)
            .map_err(|_| Error::new(Kind::Unavailable, "events could not be packed"))?;
        let (first, count) = (head.events + 1, lines.lines().count() as i64);
        let hash = hash(&head.hash, first, count, &body);
        Ok(Row { first, count, body, hash })
    }

    pub fn head(&self) -> Head {
        Head { events: self.first + self.count - 1, hash: self.hash }
    }

    pub fn append(&self, tx: &Write<'_>) -> Result<(), Error> {
        let sql = "INSERT INTO fhir_audit (first, count, hash, body) VALUES (?1, ?2, ?3, ?4)";
        tx.execute(sql, params![self.first, self.count, &self.hash[..], &self.body])?;
        Ok(())
    }
}

fn hash(previous: &Hash, first: i64, count: i64, body: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(first.to_be_bytes());
    hash.update(count.to_be_bytes());
    hash.update(body);
    hash.finalize().into()
}

/// The end as the last row says it.
pub(super) fn head(tx: &Read<'_>) -> Result<Head, Error> {
    let sql = "SELECT first, count, hash FROM fhir_audit ORDER BY first DESC LIMIT 1";
    let found = tx.first(sql, &[], |row| {
        let hash = Hash::try_from(row.blob(2)?).map_err(|_| Error::new(Kind::Corrupt, "an audit row has no hash"))?;
        Ok::<_, Error>(Head { events: row.int(0)? + row.int(1)? - 1, hash })
    })?;
    Ok(found.unwrap_or_default())
}

struct Stored {
    first: i64,
    count: i64,
    hash: Vec<u8>,
    body: Vec<u8>,
}

/// Hands on each row's lines, oldest first, from the row that holds an event on; checks nothing.
async fn each_row(state: &State, from: i64, mut found: impl FnMut(Stored) -> Result<bool, Error>) -> Result<(), Error> {
    let mut after = from - 1;
    loop {
        let rows = state.read(move |tx| {
            let sql = "SELECT first, count, hash, body FROM fhir_audit WHERE first > ?1 ORDER BY first LIMIT ?2";
            tx.all(sql, params![after, ROWS], |row| {
                // What is no blob any more is a row that does not fit.
                let blob = |column| row.blob(column).map(<[u8]>::to_vec).unwrap_or_default();
                let (hash, body) = (blob(2), blob(3));
                Ok::<_, Error>(Stored { first: row.int(0)?, count: row.int(1)?, hash, body })
            })
        });
        let rows = rows.await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.first;
        for row in rows {
            if !found(row)? {
                return Ok(());
            }
        }
    }
}

fn lines(body: &[u8]) -> Option<String> {
    let bytes = zstd::bulk::decompress(body, ROW_BYTES_MAX).ok()?;
    String::from_utf8(bytes).ok()
}

/// Reads the whole log and checks each row against the one before; the end, or the first break.
///
/// # Errors
/// When the state fails.
pub async fn verify(state: &State, seen: &Hash) -> Result<(Result<Head, Break>, bool), Error> {
    let mut head = Head::default();
    let mut broken = None;
    let mut is_seen = *seen == head.hash;
    let check = |row: Stored| {
        let reason = if row.first != head.events + 1 || row.count < 1 {
            Some("events are missing")
        } else if hash(&head.hash, row.first, row.count, &row.body)[..] != row.hash[..] {
            Some("it is not what was written, or what is before it is not")
        } else if lines(&row.body).is_none_or(|lines| lines.lines().count() as i64 != row.count) {
            Some("it cannot be read")
        } else {
            None
        };
        if let Some(reason) = reason {
            broken = Some(Break { event: head.events + 1, reason });
            return Ok(false);
        }
        head.hash.copy_from_slice(&row.hash);
        head.events += row.count;
        is_seen |= head.hash == *seen;
        Ok(true)
    };
    each_row(state, 1, check).await?;
    Ok((broken.map_or(Ok(head), Err), is_seen))
}

/// Hands on each event as its line of JSON, oldest first, until `found` answers false.
///
/// # Errors
/// `Corrupt` when a row cannot be read; what `found` answers.
pub async fn each(state: &State, mut found: impl FnMut(&str) -> Result<bool, Error>) -> Result<(), Error> {
    let each = |row: Stored| {
        let lines =
            lines(&row.body).ok_or_else(|| Error::new(Kind::Corrupt, "a row of the audit log cannot be read"))?;
        for line in lines.lines() {
            if !found(line)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    each_row(state, 1, each).await
}
