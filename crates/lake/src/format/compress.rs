//! Compression of whole files, under the names of `CompressionFormat` (Firehose API reference).

use std::io::{Cursor, Write};

use crate::Error;

/// Bytes that Hadoop's codec compresses at a time.
const HADOOP_BLOCK_BYTES: usize = 256 * 1024;

/// How a file of records is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    #[default]
    Uncompressed,
    Gzip,
    Zip,
    /// The framing format.
    Snappy,
    /// Blocks: length, compressed length (both 32 bits, big-endian), raw Snappy.
    HadoopSnappy,
}

impl Compression {
    /// Reads a `CompressionFormat`.
    ///
    /// # Errors
    /// `Invalid` for a name that is not known.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "UNCOMPRESSED" => Self::Uncompressed,
            "GZIP" => Self::Gzip,
            "ZIP" => Self::Zip,
            "Snappy" => Self::Snappy,
            "HADOOP_SNAPPY" => Self::HadoopSnappy,
            _ => {
                return Err(Error::Invalid(
                    "CompressionFormat must be UNCOMPRESSED, GZIP, ZIP, Snappy or HADOOP_SNAPPY".into(),
                ));
            }
        })
    }

    /// The end of object names.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Uncompressed => "",
            Self::Gzip => ".gz",
            Self::Zip => ".zip",
            Self::Snappy => ".snappy",
            Self::HadoopSnappy => ".hsnappy",
        }
    }

    /// The compressed file.
    ///
    /// # Errors
    /// `Encode`, which is a bug: memory takes any write.
    pub fn compress(self, data: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.write(data).map_err(|error| Error::Encode(error.to_string()))
    }

    fn write(self, data: Vec<u8>) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Uncompressed => Ok(data),
            Self::Gzip => {
                let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                out.write_all(&data)?;
                out.finish()
            }
            Self::Zip => {
                let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
                out.start_file("data", zip::write::SimpleFileOptions::default())?;
                out.write_all(&data)?;
                Ok(out.finish()?.into_inner())
            }
            Self::Snappy => {
                let mut out = snap::write::FrameEncoder::new(Vec::new());
                out.write_all(&data)?;
                out.into_inner().map_err(|error| error.into_error())
            }
            Self::HadoopSnappy => {
                let mut out = Vec::new();
                let mut encoder = snap::raw::Encoder::new();
                for block in data.chunks(HADOOP_BLOCK_BYTES) {
                    let packed = encoder.compress_vec(block).map_err(std::io::Error::other)?;
                    out.extend_from_slice(&(block.len() as u32).to_be_bytes());
                    out.extend_from_slice(&(packed.len() as u32).to_be_bytes());
                    out.extend_from_slice(&packed);
                }
                Ok(out)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn check(compression: Compression, read: impl Fn(&[u8]) -> Vec<u8>) {
        let data: Vec<u8> = (0..600_000_u32).map(|i| (i / 7 % 251) as u8).collect();
        assert_eq!(read(&compression.compress(data.clone()).unwrap()), data);
    }

    #[test]
    fn files_read_back_equal() {
        check(Compression::Uncompressed, <[u8]>::to_vec);
        check(Compression::Gzip, |file| {
            let mut out = Vec::new();
            flate2::read::GzDecoder::new(file).read_to_end(&mut out).unwrap();
            out
        });
        check(Compression::Zip, |file| {
            let mut out = Vec::new();
            let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
            archive.by_index(0).unwrap().read_to_end(&mut out).unwrap();
            out
        });
        check(Compression::Snappy, |file| {
            let mut out = Vec::new();
            snap::read::FrameDecoder::new(file).read_to_end(&mut out).unwrap();
            out
        });
        check(Compression::HadoopSnappy, |mut file| {
            let mut out = Vec::new();
            while !file.is_empty() {
                let length = u32::from_be_bytes(file[4..8].try_into().unwrap()) as usize;
                out.extend(snap::raw::Decoder::new().decompress_vec(&file[8..8 + length]).unwrap());
                file = &file[8 + length..];
            }
            out
        });
    }
}
