//! Schema versions: each area (usually a crate) brings an ordered list of statements that only ever grows.

use crate::{Error, Write, params};

pub(crate) fn migrate(tx: &Write<'_>, area: &str, steps: &[&str]) -> Result<(), Error> {
    tx.execute("CREATE TABLE IF NOT EXISTS migration (area TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL)", &[])?;
    let stored: i64 =
        tx.first("SELECT version FROM migration WHERE area = ?1", params![area], |row| row.int(0))?.unwrap_or(0);
    let known = steps.len() as i64;
    if stored > known {
        return Err(Error::Newer { area: area.into(), stored, known });
    }
    for step in steps.iter().skip(stored as usize) {
        tx.read.connection.execute_batch(step)?;
    }
    tx.execute(
        "INSERT INTO migration (area, version) VALUES (?1, ?2) ON CONFLICT (area) DO UPDATE SET version = ?2",
        params![area, known],
    )?;
    Ok(())
}
