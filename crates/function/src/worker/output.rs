//! What a worker prints: into its log stream, and the last of it to a caller that asks for the tail.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event::Clock;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};

use crate::functions::Host;

/// Bytes of the tail a caller gets.
const TAIL_BYTES_MAX: usize = 4096;
/// A longer line is cut into several events.
const LINE_BYTES_MAX: usize = 256 << 10;
/// Bytes read before others get their turn; the pipe holds the worker back meanwhile.
const READ_BYTES_MAX: usize = 1 << 20;
/// Batches that may wait for the log.
const QUEUE_MAX: usize = 1024;
/// Batches written at once.
const GROUP_MAX: usize = 256;

/// When each was read, milliseconds since 1970, and its text.
type Lines = Vec<(i64, String)>;

enum Entry {
    Lines {
        group: Arc<str>,
        stream: Arc<str>,
        lines: Lines,
    },
    /// Answered when everything before it is written.
    Mark(oneshot::Sender<()>),
}

/// Writes lines of all workers to the log, many at a time.
#[derive(Clone)]
pub(crate) struct LogWriter(mpsc::Sender<Entry>);

impl LogWriter {
    pub fn start(host: Arc<dyn Host>) -> LogWriter {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(write(host, receiver));
        LogWriter(sender)
    }

    /// Answers when all lines handed over so far are written.
    pub async fn flush(&self) {
        let (mark, written) = oneshot::channel();
        if self.0.send(Entry::Mark(mark)).await.is_ok() {
            let _ = written.await;
        }
    }
}

async fn write(host: Arc<dyn Host>, mut queue: mpsc::Receiver<Entry>) {
    let mut entries = Vec::new();
    while queue.recv_many(&mut entries, GROUP_MAX).await > 0 {
        let mut streams: BTreeMap<(Arc<str>, Arc<str>), Lines> = BTreeMap::new();
        let mut marks = Vec::new();
        for entry in entries.drain(..) {
            match entry {
                Entry::Lines { group, stream, lines } => streams.entry((group, stream)).or_default().extend(lines),
                Entry::Mark(mark) => marks.push(mark),
            }
        }
        for ((group, stream), lines) in streams {
            let count = lines.len();
            if let Err(error) = host.log(&group, &stream, lines).await {
                tracing::error!(%error, %group, lines = count, "function output was not logged");
            }
        }
        for mark in marks {
            let _ = mark.send(());
        }
    }
}

/// The output of one worker.
pub(crate) struct Output {
    pipe: pipe::Receiver,
    group: Arc<str>,
    stream: Arc<str>,
    clock: Arc<dyn Clock>,
    log: LogWriter,
    text: Mutex<Text>,
}

#[derive(Default)]
struct Text {
    /// The line that has not ended yet.
    partial: Vec<u8>,
    lines: Lines,
    tail: VecDeque<u8>,
    closed: bool,
}

impl Output {
    pub fn new(
        reader: OwnedFd,
        group: String,
        stream: String,
        clock: Arc<dyn Clock>,
        log: LogWriter,
    ) -> std::io::Result<Output> {
        let pipe = pipe::Receiver::from_owned_fd(reader)?;
        Ok(Output { pipe, group: group.into(), stream: stream.into(), clock, log, text: Mutex::default() })
    }

    /// Reads until the worker's end.
    pub async fn follow(self: Arc<Self>) {
        loop {
            if self.pipe.readable().await.is_err() {
                return;
            }
            // When the log is behind, the pipe fills and the worker waits.
            let Ok(permit) = self.log.0.reserve().await else { return };
            let mut text = self.text();
            self.drain(&mut text);
            if text.closed {
                let partial = std::mem::take(&mut text.partial);
                self.add(&mut text, partial);
            }
            let lines = std::mem::take(&mut text.lines);
            let closed = text.closed;
            drop(text);
            if !lines.is_empty() {
                permit.send(Entry::Lines { group: self.group.clone(), stream: self.stream.clone(), lines });
            }
            if closed {
                return;
            }
        }
    }

    /// A new invocation begins: its tail is its own.
    pub fn begin(&self, line: &str) {
        let mut text = self.text();
        self.drain(&mut text);
        text.tail.clear();
        self.add(&mut text, line.as_bytes().to_vec());
    }

    /// The invocation ended: what it printed is read, since it was printed before it answered.
    pub fn end(&self, lines: &[String]) {
        let mut text = self.text();
        self.drain(&mut text);
        for line in lines {
            self.add(&mut text, line.as_bytes().to_vec());
        }
        let batch = std::mem::take(&mut text.lines);
        let entry = Entry::Lines { group: self.group.clone(), stream: self.stream.clone(), lines: batch };
        if let Err(mpsc::error::TrySendError::Full(Entry::Lines { lines, .. })) = self.log.0.try_send(entry) {
            // They go with what is printed next, or at the end of the worker.
            text.lines = lines;
        }
    }

    /// One line of the host's own.
    pub fn system(&self, line: &str) {
        self.end(&[line.to_owned()]);
    }

    /// The last bytes of the current invocation.
    pub fn tail(&self) -> Vec<u8> {
        self.text().tail.iter().copied().collect()
    }

    /// [`Output::tail`] with what is still in the pipe.
    pub fn seen(&self) -> Vec<u8> {
        let mut text = self.text();
        self.drain(&mut text);
        text.tail.iter().copied().chain(text.partial.iter().copied()).collect()
    }

    fn text(&self) -> MutexGuard<'_, Text> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drain(&self, text: &mut Text) {
        let mut buffer = [0; 16 << 10];
        let mut bytes = 0;
        while bytes < READ_BYTES_MAX && !text.closed {
            match self.pipe.try_read(&mut buffer) {
                Ok(0) => text.closed = true,
                Ok(read) => {
                    bytes += read;
                    self.split(text, buffer.get(..read).unwrap_or_default());
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => text.closed = true,
            }
        }
    }

    fn split(&self, text: &mut Text, mut data: &[u8]) {
        while let Some(at) = data.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = data.split_at(at + 1);
            let mut whole = std::mem::take(&mut text.partial);
            whole.extend_from_slice(line);
            self.add(text, whole);
            data = rest;
        }
        text.partial.extend_from_slice(data);
        if text.partial.len() >= LINE_BYTES_MAX {
            let whole = std::mem::take(&mut text.partial);
            self.add(text, whole);
        }
    }

    fn add(&self, text: &mut Text, line: Vec<u8>) {
        if line.is_empty() {
            return;
        }
        text.tail.extend(&line);
        let excess = text.tail.len().saturating_sub(TAIL_BYTES_MAX);
        text.tail.drain(..excess);
        text.lines.push((self.clock.now_ms(), String::from_utf8_lossy(&line).into_owned()));
    }
}
