//! The seam between delivery and file formats: records go in one by one, the bytes of one file come out.

use bytes::Bytes;

use crate::Error;
use crate::delivery::definition::Destination;

/// Why one record cannot be in the file. It goes to the error prefix; the rest of the file goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Such as `DataFormatConversion.MalformedData`.
    pub code: String,
    /// Never holds content of the record.
    pub message: String,
}

/// One file that is being made.
pub trait Encoder: Send {
    /// Adds a record.
    ///
    /// # Errors
    /// The record was not added; the file stays good.
    fn push(&mut self, record: &[u8]) -> Result<(), RecordError>;

    /// Memory held, bytes.
    fn bytes(&self) -> usize;

    /// The whole file. Called off the runtime's threads, for this may be a second of work.
    ///
    /// # Errors
    /// `Encode`: a bug, for every record was accepted.
    fn finish(self: Box<Self>) -> Result<Bytes, Error>;
}

/// Makes encoders for a destination: its format conversion, compression and delimiter.
pub trait Encoders: Send + Sync {
    /// Refuses a destination whose format cannot be written.
    ///
    /// # Errors
    /// `Invalid`, naming what is wrong.
    fn check(&self, destination: &Destination) -> Result<(), Error>;

    /// An empty file.
    ///
    /// # Errors
    /// `Invalid` or `NotFound` when the schema is gone.
    fn open(&self, destination: &Destination) -> Result<Box<dyn Encoder>, Error>;

    /// The end of object names when the destination sets none, such as `.parquet`; may be empty.
    fn extension(&self, destination: &Destination) -> &'static str;
}
