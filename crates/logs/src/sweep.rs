//! Removing events that are older than their group keeps them. Reads pass over them before.

use state::params;

use crate::{Error, Logs};

impl Logs {
    /// Removes expired events, one stream in a transaction. Call it now and then.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn sweep(&self) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        let sql =
            "SELECT s.log_group, s.name, g.retention_days FROM log_stream s JOIN log_group g ON g.name = s.log_group
                   WHERE EXISTS (SELECT 1 FROM log_event e WHERE e.log_group = s.log_group AND e.stream = s.name
                       AND e.at_ms < ?1 - g.retention_days * 86400000)";
        let streams = self.state.read(move |tx| {
            tx.all(sql, params![now_ms], |row| {
                Ok::<_, Error>((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.int(2)?))
            })
        });
        for (group, stream, days) in streams.await? {
            let horizon = now_ms.saturating_sub(days.saturating_mul(86_400_000));
            let sql = "DELETE FROM log_event WHERE log_group = ?1 AND stream = ?2 AND at_ms < ?3";
            let swept = self.state.write(move |tx| Ok::<_, Error>(tx.execute(sql, params![&group, &stream, horizon])?));
            swept.await?;
        }
        Ok(())
    }
}
