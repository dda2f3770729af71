//! Checksums of bodies (S3 user guide, "Checking object integrity"): what was promised, what arrived.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::{S3Result, TrailingHeaders, s3_error};

/// Checksums in base64 by algorithm, such as `CRC32`.
pub(crate) type Sums = BTreeMap<String, String>;

pub(crate) const ALGORITHMS: [&str; 5] = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];

/// Of the whole object, not of its parts' checksums.
pub(crate) const FULL_OBJECT: &str = "FULL_OBJECT";
pub(crate) const COMPOSITE: &str = "COMPOSITE";

/// The checksums an input or a part names.
macro_rules! given {
    ($from:expr) => {
        [
            ("CRC32", &$from.checksum_crc32),
            ("CRC32C", &$from.checksum_crc32c),
            ("CRC64NVME", &$from.checksum_crc64nvme),
            ("SHA1", &$from.checksum_sha1),
            ("SHA256", &$from.checksum_sha256),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
        .collect::<$crate::checksum::Sums>()
    };
}
pub(crate) use given;

/// Tells an output the checksums.
macro_rules! tell {
    ($to:expr, $sums:expr) => {{
        $to.checksum_crc32 = $sums.get("CRC32").cloned();
        $to.checksum_crc32c = $sums.get("CRC32C").cloned();
        $to.checksum_crc64nvme = $sums.get("CRC64NVME").cloned();
        $to.checksum_sha1 = $sums.get("SHA1").cloned();
        $to.checksum_sha256 = $sums.get("SHA256").cloned();
    }};
}
pub(crate) use tell;

/// What a body should be.
#[derive(Default)]
pub(crate) struct Promise {
    pub(crate) sums: Sums,
    /// Computed though nothing is promised.
    pub(crate) algorithms: BTreeSet<String>,
    /// In base64, as the header has it.
    pub(crate) md5: Option<String>,
    pub(crate) bytes: Option<i64>,
    /// Checksums that follow the body.
    pub(crate) trailers: Option<TrailingHeaders>,
}

impl Promise {
    /// Adds the algorithms of checksums that follow the body.
    pub(crate) fn announced(mut self, headers: &HeaderMap) -> Promise {
        let announced = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok()).unwrap_or_default();
        for name in announced.split(',') {
            let name = name.trim().strip_prefix("x-amz-checksum-").unwrap_or_default().to_ascii_uppercase();
            if ALGORITHMS.contains(&name.as_str()) {
                self.algorithms.insert(name);
            }
        }
        self
    }

    pub(crate) fn hasher(&self) -> S3Result<Hasher> {
        Hasher::new(self.sums.keys().chain(&self.algorithms))
    }

    /// Compares what arrived with what was promised, trailers included.
    pub(crate) fn check(mut self, arrived: &Arrived) -> S3Result<()> {
        if self.bytes.is_some_and(|bytes| u64::try_from(bytes) != Ok(arrived.bytes)) {
            return Err(s3_error!(
                IncompleteBody,
                "You did not provide the number of bytes specified by the Content-Length HTTP header"
            ));
        }
        if let Some(md5) = &self.md5 {
            let md5 = BASE64.decode(md5).ok().filter(|md5| md5.len() == 16);
            let md5 = md5.ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."))?;
            if md5 != arrived.md5 {
                return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
            }
        }
        let trailers = self.trailers.take().and_then(|trailers| trailers.take()).unwrap_or_default();
        for name in ALGORITHMS {
            let header = format!("x-amz-checksum-{}", name.to_ascii_lowercase());
            if let Some(value) = trailers.get(&header).and_then(|value| value.to_str().ok()) {
                self.sums.insert(name.to_owned(), value.to_owned());
            }
        }
        for (name, promised) in &self.sums {
            if arrived.sums.get(name) != Some(promised) {
                return Err(s3_error!(BadDigest, "The {name} you specified did not match the calculated checksum."));
            }
        }
        Ok(())
    }
}

/// Computes all checksums of a body in one pass.
pub(crate) struct Hasher {
    md5: Md5,
    sums: ChecksumHasher,
    bytes: u64,
}

/// A body that arrived whole.
pub(crate) struct Arrived {
    pub(crate) bytes: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) sums: Sums,
}

impl Hasher {
    pub(crate) fn new<'a>(algorithms: impl Iterator<Item = &'a String>) -> S3Result<Hasher> {
        let mut sums = ChecksumHasher::default();
        for name in algorithms {
            match name.as_str() {
                "CRC32" => sums.crc32 = Some(Default::default()),
                "CRC32C" => sums.crc32c = Some(Default::default()),
                "CRC64NVME" => sums.crc64nvme = Some(Default::default()),
                "SHA1" => sums.sha1 = Some(Default::default()),
                "SHA256" => sums.sha256 = Some(Default::default()),
                _ => return Err(s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported.")),
            }
        }
        Ok(Hasher { md5: Md5::new(), sums, bytes: 0 })
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        self.md5.update(data);
        self.sums.update(data);
        self.bytes += data.len() as u64;
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn finish(self) -> Arrived {
        let sums = self.sums.finalize();
        Arrived { bytes: self.bytes, md5: self.md5.finalize(), sums: given!(sums) }
    }
}

/// The checksum of parts' checksums, as `COMPOSITE` has it.
pub(crate) fn composite<'a>(algorithm: &str, parts: impl Iterator<Item = &'a Sums>) -> S3Result<Option<String>> {
    let name = algorithm.to_owned();
    let mut hasher = Hasher::new([&name].into_iter())?;
    let mut count = 0;
    for part in parts {
        let Some(sum) = part.get(algorithm).and_then(|sum| BASE64.decode(sum).ok()) else { return Ok(None) };
        hasher.update(&sum);
        count += 1;
    }
    Ok(hasher.finish().sums.remove(algorithm).map(|sum| format!("{sum}-{count}")))
}
