//! How a Parquet file is written: the members of `ParquetSerDe` (Firehose API reference).

use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

use crate::Error;

/// Rows of a row group, whatever their bytes.
const GROUP_ROWS_MAX: usize = 1 << 20;

/// `ParquetSerDe`, checked. `MaxPaddingBytes` has no member: files are never padded, which keeps to any maximum.
///
/// ```
/// use lake::format::{Codec, Options};
///
/// let options = Options { codec: Codec::Zstd, page_bytes: 64 << 10, ..Options::default() };
/// assert_eq!(options.block_bytes, 256 << 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `Compression`; default SNAPPY.
    pub codec: Codec,
    /// `PageSizeBytes`: a data page ends at about this size before compression. The service has 1 MiB and takes no less
    /// than 64 KiB; unset it is 32 KiB here, for hundreds of files are open at once and a page is compressed when it ends.
    pub page_bytes: usize,
    /// `BlockSizeBytes`: a row group ends at about this size as encoded. Default 256 MiB; the service takes no less
    /// than 64 MiB.
    pub block_bytes: usize,
    /// `WriterVersion`; default V1.
    pub version: WriterVersion,
    /// `EnableDictionaryCompression`: a dictionary for all columns or for none. Unset, the first records of a file
    /// decide for each column whether one pays.
    pub dictionary: Option<bool>,
}

/// `ParquetSerDe.Compression`, and Zstandard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    Uncompressed,
    Gzip,
    #[default]
    Snappy,
    Zstd,
}

/// `ParquetSerDe.WriterVersion`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriterVersion {
    #[default]
    V1,
    V2,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            codec: Codec::default(),
            page_bytes: 32 << 10,
            block_bytes: 256 << 20,
            version: WriterVersion::default(),
            dictionary: None,
        }
    }
}

impl Codec {
    /// Reads `ParquetSerDe.Compression`.
    ///
    /// # Errors
    /// `Invalid` for a name that is not known.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "UNCOMPRESSED" => Codec::Uncompressed,
            "GZIP" => Codec::Gzip,
            "SNAPPY" => Codec::Snappy,
            "ZSTD" => Codec::Zstd,
            _ => {
                return Err(Error::Invalid(
                    "ParquetSerDe.Compression must be UNCOMPRESSED, GZIP, SNAPPY or ZSTD".into(),
                ));
            }
        })
    }
}

impl WriterVersion {
    /// Reads `ParquetSerDe.WriterVersion`.
    ///
    /// # Errors
    /// `Invalid` for a name that is not known.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "V1" => WriterVersion::V1,
            "V2" => WriterVersion::V2,
            _ => return Err(Error::Invalid("ParquetSerDe.WriterVersion must be V1 or V2".into())),
        })
    }
}

impl Options {
    pub(super) fn properties(&self) -> WriterPropertiesBuilder {
        use parquet::file::properties::WriterVersion as Version;
        let compression = match self.codec {
            Codec::Uncompressed => Compression::UNCOMPRESSED,
            Codec::Gzip => Compression::GZIP(GzipLevel::default()),
            Codec::Snappy => Compression::SNAPPY,
            Codec::Zstd => Compression::ZSTD(ZstdLevel::default()),
        };
        let version = match self.version {
            WriterVersion::V1 => Version::PARQUET_1_0,
            WriterVersion::V2 => Version::PARQUET_2_0,
        };
        WriterProperties::builder()
            .set_compression(compression)
            .set_writer_version(version)
            .set_data_page_size_limit(self.page_bytes.max(1))
            .set_max_row_group_bytes(Some(self.block_bytes.max(1)))
            .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
            .set_dictionary_enabled(self.dictionary.unwrap_or(true))
    }
}
