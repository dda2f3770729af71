//! The writing half of a Parquet file. Encoding and compressing take longer than all that comes before, so batches wait
//! in a queue of their file, and whoever has time writes them, in order: a thread of the runtime's blocking pool, or
//! the caller when those are busy, which keeps the queue short. What comes out does not depend on who wrote.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::schema::types::ColumnPath;

use super::options::Options;
use crate::Error;

/// Threads that write at once beside the callers, over all files.
const HELPERS_MAX: usize = 2;
/// What a column of an open file holds beside its pages: above all the table of the compressor.
const COLUMN_BYTES: usize = 36 << 10;

static HELPERS: AtomicUsize = AtomicUsize::new(0);

/// One file that is being written.
pub(super) struct Writer {
    options: Options,
    queue: Mutex<VecDeque<Result<RecordBatch, ArrowError>>>,
    /// Held while batches are taken off the queue, so that they are written in order.
    file: Mutex<File>,
    /// Of the queue and of the file, bytes.
    queued: AtomicUsize,
    written: AtomicUsize,
}

enum File {
    /// Opened with the first batch, which tells what columns are like.
    Unopened,
    Open(Box<ArrowWriter<Vec<u8>>>),
    /// A batch could not be written: the file cannot be finished.
    Broken(Error),
}

/// A helper at work, or one that would be too many.
struct Helping;

impl Drop for Helping {
    fn drop(&mut self) {
        HELPERS.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the writer says may quote records.
fn quiet<E>(_: E) -> Error {
    Error::Encode("a batch of records that fit the schema".into())
}

impl Writer {
    pub(super) fn new(options: Options) -> Self {
        let (queued, written) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Writer { options, queue: Mutex::default(), file: Mutex::new(File::Unopened), queued, written }
    }

    /// Memory held, bytes.
    pub(super) fn memory(&self) -> usize {
        self.queued.load(Ordering::Relaxed) + self.written.load(Ordering::Relaxed)
    }

    /// Puts a batch in the queue.
    pub(super) fn add(&self, batch: Result<RecordBatch, ArrowError>) {
        self.queued.fetch_add(memory(&batch), Ordering::Relaxed);
        lock(&self.queue).push_back(batch);
    }

    /// Sees to it that the queue is written.
    pub(super) fn advance(this: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return this.drain() };
        let helping = Helping;
        if HELPERS.fetch_add(1, Ordering::SeqCst) >= HELPERS_MAX {
            return this.drain();
        }
        let helped = this.clone();
        runtime.spawn_blocking(move || {
            let _helping = helping;
            helped.drain();
        });
    }

    fn drain(&self) {
        self.write(&mut lock(&self.file));
    }

    fn write(&self, file: &mut File) {
        loop {
            // Its own statement: the queue is free while a batch is written.
            let next = lock(&self.queue).pop_front();
            let Some(batch) = next else { return };
            let (bytes, columns) = (memory(&batch), batch.as_ref().map_or(0, RecordBatch::num_columns));
            if let Err(error) = batch.map_err(quiet).and_then(|batch| file.write(&self.options, &batch)) {
                *file = File::Broken(error);
            }
            self.written.store(file.memory(columns), Ordering::Relaxed);
            self.queued.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// The whole file.
    ///
    /// # Errors
    /// `Encode` when a batch could not be written or there was none.
    pub(super) fn finish(&self) -> Result<Bytes, Error> {
        let mut file = lock(&self.file);
        self.write(&mut file);
        match std::mem::replace(&mut *file, File::Unopened) {
            File::Open(writer) => Ok(writer.into_inner().map_err(quiet)?.into()),
            File::Broken(error) => Err(error),
            File::Unopened => Err(Error::Encode("a file without a batch".into())),
        }
    }
}

impl File {
    fn write(&mut self, options: &Options, batch: &RecordBatch) -> Result<(), Error> {
        if let File::Unopened = self {
            *self = File::Open(Box::new(open(options, batch)?));
        }
        match self {
            File::Open(writer) => writer.write(batch).map_err(quiet),
            // What stands behind a batch that failed is lost with it.
            File::Broken(_) | File::Unopened => Ok(()),
        }
    }

    fn memory(&self, columns: usize) -> usize {
        match self {
            File::Open(writer) => writer.memory_size() + writer.inner().capacity() + COLUMN_BYTES * columns,
            File::Unopened | File::Broken(_) => 0,
        }
    }
}

fn memory(batch: &Result<RecordBatch, ArrowError>) -> usize {
    batch.as_ref().map_or(0, RecordBatch::get_array_memory_size)
}

/// Opens a file. Unless told otherwise, a column gets a dictionary when its first values repeat enough.
fn open(options: &Options, first: &RecordBatch) -> Result<ArrowWriter<Vec<u8>>, Error> {
    let mut properties = options.properties();
    if options.dictionary.is_none() {
        for (field, array) in first.schema_ref().fields().iter().zip(first.columns()) {
            if !repeats(array) {
                let column = ColumnPath::from(field.name().as_str());
                properties = properties.set_column_dictionary_enabled(column, false);
            }
        }
    }
    ArrowWriter::try_new(Vec::new(), first.schema(), Some(properties.build())).map_err(quiet)
}

/// Whether a value stands at least four times on average. Nested columns are taken to repeat.
fn repeats(array: &dyn Array) -> bool {
    let data = array.to_data();
    let distinct = match (array.data_type(), array.data_type().primitive_width()) {
        (DataType::Utf8, _) => array.as_string::<i32>().iter().collect::<HashSet<_>>().len(),
        (DataType::Binary, _) => array.as_binary::<i32>().iter().collect::<HashSet<_>>().len(),
        (_, Some(width)) => {
            let values = data.buffers().first().map_or(&[][..], |buffer| buffer.as_slice());
            values.chunks(width).collect::<HashSet<_>>().len()
        }
        _ => 0,
    };
    distinct * 4 <= array.len()
}
