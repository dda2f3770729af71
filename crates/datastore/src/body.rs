//! Bodies at rest: one byte that names the codec, then the bytes.
//!
//! Codec 1: the length of the body in bytes (4 bytes, little-endian), then a zstd frame (level 3, with the dictionary
//! `generated/bodies.zdict`) of what [`fhir::render::strip`] made. `{"resourceType":"Basic"}`: `01 18000000 28b52ffd…`.
//! A resource alone is too small to be packed well; the dictionary takes a third off what a record of a patient needs.

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use crate::{Error, Kind};

const ZSTD: u8 = 1;
const LEVEL: i32 = 3;
/// Made by `cargo xtask bodies`.
const DICTIONARY: &[u8] = include_bytes!("generated/bodies.zdict");

static ENCODER: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static DECODER: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

thread_local! {
    // Making one costs more than a body does.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

pub(crate) fn pack(body: &str) -> Result<Vec<u8>, Error> {
    let length = u32::try_from(body.len()).map_err(|_| Error::new(Kind::TooLarge, "a resource is below 4 GiB"))?;
    let frame = COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::with_prepared_dictionary(&ENCODER)?),
        };
        compressor.compress(body.as_bytes())
    });
    let frame = frame.map_err(|_| corrupt("cannot be packed"))?;
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
    let bytes = DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::with_prepared_dictionary(&DECODER)?),
        };
        decompressor.decompress(frame, length)
    });
    String::from_utf8(bytes.map_err(|_| corrupt("is damaged"))?).map_err(|_| corrupt("is damaged"))
}

fn corrupt(what: &str) -> Error {
    Error::new(Kind::Corrupt, format!("a stored body {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_back_and_damage_is_told() {
        for body in ["", r#"{"resourceType":"Basic"}"#, &"{\"a\":1.50}".repeat(10_000)] {
            let packed = pack(body).expect("a packed body");
            assert_eq!(unpack(&packed).expect("a body"), body);
            for at in [0, 5, packed.len() - 1] {
                let mut damaged = packed.clone();
                damaged[at] ^= 0xff;
                assert!(unpack(&damaged).map_or(true, |found| found != body), "{at}");
            }
            assert_eq!(unpack(&packed[..packed.len() - 1]).expect_err("damaged").kind(), Kind::Corrupt);
        }
        assert_eq!(unpack(b"").expect_err("nothing").kind(), Kind::Corrupt);
    }
}
