//! The tables (state area `datastore`).
//!
//! Keys are small integers: `kind` is datastore × 256 + resource type, `p` is kind × 4096 + search parameter, both by the stable
//! numbers of [`fhir::definitions`]. Index tables hold nothing that their key does not: rows of a version are found again by
//! extracting them from its body.

use fhir::definitions::{ParameterNumber, TypeNumber};

/// Types are fewer than this; the last one is any target outside the store, by its URL.
const KINDS: i64 = 256;
const PARAMETERS: i64 = 4096;
/// Changes of one datastore: 2 to the power of 42.
const SEQUENCES: i64 = 1 << 42;

pub(crate) const MIGRATIONS: &[&str] = &["
    CREATE TABLE fhir_datastore (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT, status TEXT NOT NULL, created_ms BIGINT NOT NULL,
        ended_ms BIGINT, settings TEXT NOT NULL, tags TEXT NOT NULL, seq BIGINT NOT NULL, at_ms BIGINT NOT NULL);
    CREATE TABLE fhir_resource (
        rid INTEGER PRIMARY KEY, kind BIGINT NOT NULL, id TEXT NOT NULL, change BIGINT NOT NULL, version BIGINT NOT NULL,
        deleted BIGINT NOT NULL, updated_ms BIGINT NOT NULL);
    CREATE UNIQUE INDEX fhir_resource_id ON fhir_resource (kind, id);
    CREATE INDEX fhir_resource_kind ON fhir_resource (kind) WHERE change > 0 AND deleted = 0;
    CREATE INDEX fhir_resource_updated ON fhir_resource (kind, updated_ms) WHERE change > 0 AND deleted = 0;
    CREATE TABLE fhir_change (
        change INTEGER PRIMARY KEY, rid BIGINT NOT NULL, version BIGINT NOT NULL, at_ms BIGINT NOT NULL, operation BIGINT NOT NULL,
        first BIGINT NOT NULL, body BLOB);
    CREATE INDEX fhir_change_version ON fhir_change (rid, version);
    CREATE TABLE fhir_job (
        id TEXT NOT NULL PRIMARY KEY, ds BIGINT NOT NULL, status TEXT NOT NULL, submitted_ms BIGINT NOT NULL, ended_ms BIGINT,
        request TEXT NOT NULL, message TEXT);
    CREATE TABLE fhir_job_file (
        job TEXT NOT NULL, file TEXT NOT NULL, bytes BIGINT NOT NULL, lines BIGINT NOT NULL, done BIGINT NOT NULL,
        imported BIGINT NOT NULL, refused BIGINT NOT NULL, PRIMARY KEY (job, file));
    CREATE TABLE fhir_job_result (
        job TEXT NOT NULL, file TEXT NOT NULL, line BIGINT NOT NULL, ok BIGINT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (job, file, line, ok));
    CREATE TABLE fhir_text (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
    CREATE TABLE fhir_token (
        p BIGINT NOT NULL, code TEXT NOT NULL, system BIGINT NOT NULL, rid BIGINT NOT NULL,
        PRIMARY KEY (p, code, system, rid)) WITHOUT ROWID;
    CREATE TABLE fhir_string (
        p BIGINT NOT NULL, norm TEXT NOT NULL, rid BIGINT NOT NULL, PRIMARY KEY (p, norm, rid)) WITHOUT ROWID;
    CREATE TABLE fhir_reference (
        p BIGINT NOT NULL, target BIGINT NOT NULL, rid BIGINT NOT NULL, PRIMARY KEY (p, target, rid)) WITHOUT ROWID;
    CREATE TABLE fhir_date (
        p BIGINT NOT NULL, low BIGINT NOT NULL, high BIGINT NOT NULL, rid BIGINT NOT NULL,
        PRIMARY KEY (p, low, high, rid)) WITHOUT ROWID;
    CREATE TABLE fhir_quantity (
        p BIGINT NOT NULL, unit BIGINT NOT NULL, low BIGINT NOT NULL, high BIGINT NOT NULL, rid BIGINT NOT NULL,
        PRIMARY KEY (p, unit, low, high, rid)) WITHOUT ROWID;
    CREATE TABLE fhir_uri (
        p BIGINT NOT NULL, uri TEXT NOT NULL, rid BIGINT NOT NULL, PRIMARY KEY (p, uri, rid)) WITHOUT ROWID;",
    "
    CREATE TABLE fhir_audit (first INTEGER PRIMARY KEY, count BIGINT NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL);
    CREATE TABLE fhir_audit_pending (id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL);"];

/// The key of a resource type in a datastore.
pub(crate) fn kind_key(datastore: i64, kind: TypeNumber) -> i64 {
    datastore * KINDS + i64::from(kind.number())
}

/// The key of targets outside of a datastore.
pub(crate) fn outside_key(datastore: i64) -> i64 {
    datastore * KINDS + KINDS - 1
}

/// The type's number in such a key.
pub(crate) fn type_in(kind: i64) -> u16 {
    (kind % KINDS) as u16
}

/// The key of a search parameter of a type in a datastore.
pub(crate) fn parameter_key(datastore: i64, kind: TypeNumber, parameter: ParameterNumber) -> i64 {
    kind_key(datastore, kind) * PARAMETERS + i64::from(parameter.number())
}

/// The key of a change. No sequence, whoever tells it, leads to another datastore.
pub(crate) fn change_key(datastore: i64, sequence: i64) -> i64 {
    datastore * SEQUENCES + sequence.clamp(0, SEQUENCES - 1)
}

/// The sequence in such a key.
pub(crate) fn sequence_in(change: i64) -> i64 {
    change % SEQUENCES
}

/// A number as an integer of the same order.
pub(crate) fn ordered(number: f64) -> i64 {
    // -0 and 0 are one number.
    let bits = (number + 0.0).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// Dates this wide or wider are kept apart (under the negative key), so that a range of narrow ones bounds both their ends. So are
/// dates that a resource has several of: two conditions on a date that is not apart are conditions on one row.
pub(crate) const WIDE_MS: i64 = 86_400_000;

/// Removes all data of a datastore.
pub(crate) fn clear(tx: &state::Write<'_>, datastore: i64) -> Result<(), state::Error> {
    let (first, next) = (datastore * KINDS, (datastore + 1) * KINDS);
    for table in ["token", "string", "reference", "date", "quantity", "uri"] {
        let between = state::params![first * PARAMETERS, next * PARAMETERS];
        tx.execute(&format!("DELETE FROM fhir_{table} WHERE p >= ?1 AND p < ?2"), between)?;
    }
    // Wide dates.
    let between = state::params![-next * PARAMETERS, -first * PARAMETERS];
    tx.execute("DELETE FROM fhir_date WHERE p > ?1 AND p <= ?2", between)?;
    let between = state::params![change_key(datastore, 0), change_key(datastore + 1, 0)];
    tx.execute("DELETE FROM fhir_change WHERE change >= ?1 AND change < ?2", between)?;
    tx.execute("DELETE FROM fhir_resource WHERE kind >= ?1 AND kind < ?2", state::params![first, next])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ordered;

    #[test]
    fn numbers_keep_their_order_as_integers() {
        let numbers = [f64::MIN, -1e300, -2.5, -1.0, -1e-9, 0.0, 1e-9, 1.0, 2.5, 1e300, f64::MAX];
        assert!(numbers.windows(2).all(|pair| ordered(pair[0]) < ordered(pair[1])));
        assert_eq!(ordered(-0.0), ordered(0.0));
    }
}
