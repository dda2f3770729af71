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

/// Records as they are, one after another, with a line end if the destination asks for one.
#[derive(Debug, Default)]
pub struct PlainEncoders;

#[derive(Debug)]
struct Plain {
    data: Vec<u8>,
    delimiter: Vec<u8>,
}

impl Encoder for Plain {
    fn push(&mut self, record: &[u8]) -> Result<(), RecordError> {
        self.data.extend_from_slice(record);
        self.data.extend_from_slice(&self.delimiter);
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.data.capacity()
    }

    fn finish(self: Box<Self>) -> Result<Bytes, Error> {
        Ok(self.data.into())
    }
}

impl Encoders for PlainEncoders {
    fn check(&self, destination: &Destination) -> Result<(), Error> {
        if destination.compression_format.as_deref().is_some_and(|format| format != "UNCOMPRESSED") {
            return Err(Error::Invalid("CompressionFormat is not supported".into()));
        }
        if destination.converts_format() {
            return Err(Error::Invalid("DataFormatConversionConfiguration is not supported".into()));
        }
        Ok(())
    }

    fn open(&self, destination: &Destination) -> Result<Box<dyn Encoder>, Error> {
        Ok(Box::new(Plain { data: Vec::new(), delimiter: destination.delimiter() }))
    }

    fn extension(&self, _destination: &Destination) -> &'static str {
        ""
    }
}
