//! A source over a file of lines, cut into shards that are read side by side, as those of a table's stream are.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use event::{Cursor, Error, Kind, Page, Record, Sequence, Shard, Source, Start};

/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;

/// All shards are closed: a pipe reads them to their end.
pub struct Lines {
    file: File,
    /// Where each shard begins, and at last the end of the file.
    bounds: Vec<u64>,
    at_ms: i64,
}

impl Lines {
    /// Cuts a file at line ends into shards of about the same size. `at_ms` is when the records came.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(path: &Path, shards: u64, at_ms: i64) -> anyhow::Result<Lines> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let end = file.metadata()?.len();
        let mut bounds = vec![0];
        for shard in 1..shards {
            let mut page = vec![0; READ_BYTES];
            let start = end * shard / shards;
            let read = file.read_at(&mut page, start)?;
            let line_end = memchr::memchr(b'\n', &page[..read]).map_or(end, |at| start + at as u64 + 1);
            bounds.push(line_end);
        }
        bounds.push(end);
        Ok(Lines { file, bounds, at_ms })
    }

    fn page(&self, shard: usize, offset: u64, sequence: u64, limit: usize) -> std::io::Result<Page> {
        let end = self.bounds.get(shard + 1).copied().unwrap_or_default();
        let mut data = vec![0; READ_BYTES.min(usize::try_from(end.saturating_sub(offset)).unwrap_or(READ_BYTES))];
        self.file.read_exact_at(&mut data, offset)?;
        let data = Bytes::from(data);
        let (mut records, mut start) = (Vec::with_capacity(limit.min(4096)), 0);
        for line_end in memchr::memchr_iter(b'\n', &data).take(limit) {
            let number = sequence + records.len() as u64;
            records.push(Record {
                data: data.slice(start..line_end),
                sequence: Sequence::from(number),
                at_ms: self.at_ms,
                key_hash: number,
                untemplated: None,
                id: format!("{shard}-{number:020}").into(),
            });
            start = line_end + 1;
        }
        if start == 0 && !data.is_empty() {
            return Err(std::io::Error::other("a line is longer than a page"));
        }
        let offset = offset + start as u64;
        let sequence = sequence + records.len() as u64;
        let next = (offset < end).then(|| Cursor(format!("{shard}/{offset}/{sequence}")));
        Ok(Page { records, next })
    }
}

#[async_trait]
impl Source for Lines {
    async fn shards(&self) -> Result<Vec<Shard>, Error> {
        Ok((1..self.bounds.len()).map(|shard| Shard { id: (shard - 1).to_string().into(), parent: None }).collect())
    }

    async fn open(&self, shard: &str, start: Start) -> Result<Cursor, Error> {
        let index = shard.parse::<usize>().ok().and_then(|shard| self.bounds.get(shard));
        match (index, start) {
            (Some(offset), Start::TrimHorizon) => Ok(Cursor(format!("{shard}/{offset}/1"))),
            _ => Err(Error::new(Kind::Invalid, "lines are read once, from their start")),
        }
    }

    async fn read(&self, cursor: &Cursor, limit: usize) -> Result<Page, Error> {
        let mut numbers = cursor.0.split('/').map(str::parse::<u64>);
        let (Some(Ok(shard)), Some(Ok(offset)), Some(Ok(sequence))) = (numbers.next(), numbers.next(), numbers.next())
        else {
            return Err(Error::new(Kind::Invalid, "not a cursor of this source"));
        };
        let page = self.page(usize::try_from(shard).unwrap_or(usize::MAX), offset, sequence, limit);
        page.map_err(|error| Error::new(Kind::Invalid, "the input cannot be read").with_source(error))
    }

    async fn wait(&self) {
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shards_hold_every_line_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        let lines: Vec<String> = (0..5000).map(|number| format!("{number:0width$}", width = number % 90 + 1)).collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let source = Lines::open(&path, 3, 7).unwrap();
        let mut found = Vec::new();
        for shard in source.shards().await.unwrap() {
            let mut cursor = Some(source.open(&shard.id, Start::TrimHorizon).await.unwrap());
            while let Some(at) = cursor {
                let page = source.read(&at, 700).await.unwrap();
                found.extend(page.records.iter().map(|record| String::from_utf8(record.data.to_vec()).unwrap()));
                cursor = page.next;
            }
        }
        assert_eq!(found, lines);
    }
}
