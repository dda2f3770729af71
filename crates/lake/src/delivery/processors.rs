//! What happens to a record before it is in a buffer (Firehose developer guide, "Transform source data" and "Apply
//! dynamic partitioning to aggregated data"). The order is fixed, whatever the order of the definition: decompression,
//! log messages, de-aggregation, function, partition keys. The delimiter is the encoder's.
//!
//! The steps of this crate depend on the record and the definition alone, so a replay after a crash gives the same
//! pieces in the same partitions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use event::Record;

use super::buffer::Partition;
use super::definition::{Destination, Processor};
use super::errors::{ErrorType, Failure};
use super::partition::{Keys, Partitioner, Required};
use crate::Error;
use crate::format::input::{self, Aggregation};

/// Bytes that are unpacked before they are put into buffers, so that a batch of well-compressed records stays small.
const UNPACKED_BYTES: usize = 4 << 20;

/// Places remembered; more partitions than that cost a little more time each.
const PLACES_MAX: usize = 10_000;

/// A source record, or one of the records within it, on its way through the processors.
#[derive(Clone)]
pub struct Piece {
    /// Index of the source record in the slice that goes with the pieces.
    pub source: usize,
    /// Place within the source record, from 0.
    pub part: u32,
    pub data: Bytes,
    /// The partition keys that a function answered, by name.
    pub keys: Keys,
    /// Set when a step could not handle it: it goes to the error prefix and skips the steps that are left.
    pub failure: Option<Failure>,
}

impl Piece {
    fn fail(&mut self, kind: ErrorType, code: &'static str, message: impl Into<String>) {
        self.failure = Some(Failure::new(kind, code, message, self.data.clone()));
    }
}

/// A step that works on many records at once and may wait: a function.
#[async_trait]
pub trait Transformation: Send + Sync {
    /// Transforms pieces, none of which has failed, and answers them in order: changed, with `keys`, with a `failure`,
    /// or left out when they are dropped. `records` are their source records, with arrival and id. It retries by
    /// itself; the same records must give the same answer, or a replay after a crash may place them anew.
    ///
    /// # Errors
    /// Nothing is taken in, and the source hands the batch in again.
    async fn transform(&self, records: &[Record], pieces: Vec<Piece>) -> Result<Vec<Piece>, Error>;
}

/// Makes the transformations that this crate does not have itself; the binary passes one in.
pub trait Processors: Send + Sync {
    /// The transformation of a `Lambda` processor of the stream named.
    ///
    /// # Errors
    /// `Invalid`, naming the parameter that is wrong, or that there are no functions.
    fn function(&self, stream: &str, processor: &Processor) -> Result<Arc<dyn Transformation>, Error>;
}

/// No functions.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFunctions;

impl Processors for NoFunctions {
    fn function(&self, _stream: &str, _processor: &Processor) -> Result<Arc<dyn Transformation>, Error> {
        Err(Error::Invalid("processor type Lambda is not supported yet: functions cannot run here".into()))
    }
}

/// A buffer that pieces belong to.
pub struct Place {
    pub partition: Partition,
    /// [`Partition::id`].
    pub id: String,
}

impl Place {
    fn new(partition: Partition) -> Arc<Place> {
        Arc::new(Place { id: partition.id(), partition })
    }
}

/// Places by what tells them apart in records, so that a record like others needs no keys made.
#[derive(Default)]
struct Known {
    places: HashMap<Vec<u8>, Arc<Place>>,
    identity: Vec<u8>,
}

impl Known {
    /// The place of a record, made of its keys if there is none known.
    fn place(&mut self, partitioner: &Partitioner, piece: &Piece) -> Result<Arc<Place>, Failure> {
        self.identity.clear();
        if !partitioner.identity(&piece.data, &mut self.identity) {
            return partitioner.keys(&piece.data, &piece.keys).map(|keys| Place::new(Partition::Data(keys)));
        }
        if let Some(place) = self.places.get(&self.identity) {
            return Ok(place.clone());
        }
        let place = Place::new(Partition::Data(partitioner.keys(&piece.data, &piece.keys)?));
        if self.places.len() == PLACES_MAX {
            self.places.clear();
        }
        self.places.insert(self.identity.clone(), place.clone());
        Ok(place)
    }
}

/// A piece and the buffer it belongs to.
pub struct Placement {
    pub source: usize,
    pub part: u32,
    pub place: Arc<Place>,
    pub data: Bytes,
    pub failure: Option<Failure>,
}

/// All enabled processors of a stream, compiled.
pub struct Chain {
    decompresses: bool,
    extracts_messages: bool,
    aggregation: Option<Aggregation>,
    function: Option<Arc<dyn Transformation>>,
    partitioner: Partitioner,
    known: Mutex<Known>,
    backs_up: bool,
}

impl Chain {
    /// # Errors
    /// `Invalid`, naming the processor or parameter that cannot run.
    pub fn new(
        stream: &str,
        destination: &Destination,
        required: Vec<Required>,
        processors: &dyn Processors,
    ) -> Result<Chain, Error> {
        let function = destination.processor("Lambda").map(|lambda| processors.function(stream, lambda)).transpose()?;
        let aggregation = destination.processor("RecordDeAggregation").map(Processor::aggregation).transpose()?;
        Ok(Chain {
            decompresses: destination.processor("Decompression").is_some(),
            extracts_messages: destination.processor("CloudWatchLogProcessing").is_some(),
            aggregation,
            function,
            partitioner: Partitioner::new(destination, required)?,
            known: Mutex::default(),
            backs_up: destination.backup().is_some(),
        })
    }

    /// Takes records off the front of `rest` and unpacks them, until they hold enough bytes.
    pub fn unpack(&self, rest: &mut &[Record]) -> Vec<Piece> {
        let (mut pieces, mut bytes, mut source) = (Vec::with_capacity(rest.len()), 0usize, 0);
        let mut last = None;
        while let Some((record, behind)) = rest.split_first() {
            // Records of one sequence, made of one batch by an enrichment, go together: a position lies between others.
            if bytes >= UNPACKED_BYTES && last != Some(record.sequence) {
                break;
            }
            last = Some(record.sequence);
            *rest = behind;
            let unpacked = self.open(source, record);
            bytes += unpacked.data.len();
            source += 1;
            self.split(unpacked, &mut pieces);
        }
        pieces
    }

    fn open(&self, source: usize, record: &Record) -> Piece {
        let mut piece = Piece { source, part: 0, data: record.data.clone(), keys: Keys::new(), failure: None };
        if self.decompresses {
            match input::gunzip(&piece.data) {
                Some(data) => piece.data = data.into(),
                None => {
                    let message = "the record is not a gzip file of at most 16 MiB";
                    piece.fail(ErrorType::Decompression, "Decompression.MalformedData", message);
                }
            }
        }
        if self.extracts_messages && piece.failure.is_none() {
            match input::log_messages(&piece.data) {
                Some(messages) => piece.data = messages.into(),
                None => {
                    // What was decompressed is shown as it came.
                    piece.data = record.data.clone();
                    let message = "the record does not hold CloudWatch Logs events";
                    piece.fail(ErrorType::Processing, "CloudWatchLogProcessing.MalformedData", message);
                }
            }
        }
        piece
    }

    fn split(&self, mut piece: Piece, pieces: &mut Vec<Piece>) {
        let (None, Some(aggregation)) = (&piece.failure, &self.aggregation) else { return pieces.push(piece) };
        match input::records(&piece.data, aggregation) {
            Ok(parts) => {
                let one =
                    |(part, data): (u32, &[u8])| Piece { part, data: piece.data.slice_ref(data), ..piece.clone() };
                pieces.extend((0..).zip(parts).map(one));
            }
            Err(error) => {
                piece.fail(ErrorType::Processing, error.code(), error.to_string());
                pieces.push(piece);
            }
        }
    }

    /// Runs the function and answers where each piece belongs; with backup, each source record too.
    ///
    /// # Errors
    /// As [`Transformation::transform`].
    pub async fn place(&self, records: &[Record], mut pieces: Vec<Piece>) -> Result<Vec<Placement>, Error> {
        if let Some(function) = &self.function {
            let (good, mut failed) = pieces.into_iter().partition::<Vec<_>, _>(|piece| piece.failure.is_none());
            pieces = if good.is_empty() { good } else { function.transform(records, good).await? };
            pieces.append(&mut failed);
            // Records of a partition stay in the order of their positions.
            pieces.sort_by_key(|piece| (piece.source, piece.part));
        }
        let mut placements = Vec::with_capacity(pieces.len());
        if self.backs_up {
            let place = Place::new(Partition::Backup);
            placements.extend(records.iter().enumerate().map(|(source, record)| Placement {
                source,
                part: 0,
                place: place.clone(),
                data: record.data.clone(),
                failure: None,
            }));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        placements.extend(pieces.into_iter().map(|piece| self.place_one(&mut known, piece)));
        Ok(placements)
    }

    fn place_one(&self, known: &mut Known, mut piece: Piece) -> Placement {
        let place = match piece.failure.take() {
            Some(failure) => Err(failure),
            None => known.place(&self.partitioner, &piece),
        };
        let (place, failure) = match place {
            Ok(place) => (place, None),
            Err(failure) => (Place::new(Partition::Failed(failure.kind)), Some(failure)),
        };
        Placement { source: piece.source, part: piece.part, place, data: piece.data, failure }
    }
}
