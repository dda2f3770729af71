//! Bodies at rest: one byte that names the codec, then the bytes.
//!
//! Codec 1: the length of the body in bytes (4 bytes, little-endian), then a zstd frame (level 3) of what
//! [`fhir::render::strip`] made. `{"resourceType":"Basic"}`: `01 18000000 28b52ffd…`.

use crate::{Error, Kind};

const ZSTD: u8 = 1;
const LEVEL: i32 = 3;

pub(crate) fn pack(body: &str) -> Result<Vec<u8>, Error> {
    let length = u32::try_from(body.len()).map_err(|_| Error::new(Kind::TooLarge, "a resource is below 4 GiB"))?;
    let frame = zstd::bulk::compress(body.as_bytes(), LEVEL).map_err(|_| corrupt("cannot be packed"))?;
    let mut packed = Vec::with_capacity(frame.len() + 5);
    packed.push(ZSTD);
    packed.extend_from_slice(&length.to_le_bytes());
    packed.extend_from_slice(&frame);
    Ok(packed)
}

pub(crate) fn unpack(packed: &[u8]) -> Result<String, Error> {
    let (head, frame) = packed.split_at_checked(5).ok_or_else(|| corrupt("is damaged"))?;
    let &[ZSTD, a, b, c, d] = head else { return Err(corrupt("is of an unknown codec")) };
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let bytes = zstd::bulk::decompress(frame, length).map_err(|_| corrupt("is damaged"))?;
    String::from_utf8(bytes).map_err(|_| corrupt("is damaged"))
}

fn corrupt(what: &str) -> Error {
    Error::new(Kind::Corrupt, format!("a stored body {what}"))
}
