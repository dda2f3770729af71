//! Receipt handles: which receive of which message, as opaque text.
//!
//! Base64 (URL alphabet) of a version byte and three big-endian 64-bit integers: queue, message number, receive.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use super::code::Code;
use crate::Error;

const VERSION: u8 = 1;

/// One receive of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    pub queue: i64,
    pub number: i64,
    pub receipt: i64,
}

impl Receipt {
    pub fn to_handle(self) -> String {
        let mut bytes = [VERSION; 25];
        for (place, value) in bytes[1..].chunks_exact_mut(8).zip([self.queue, self.number, self.receipt]) {
            place.copy_from_slice(&value.to_be_bytes());
        }
        URL_SAFE.encode(bytes)
    }

    /// # Errors
    /// `ReceiptHandleIsInvalid` when it is not a handle of this queue.
    pub fn parse(handle: &str, queue: i64) -> Result<Receipt, Error> {
        let parsed = decode(handle).filter(|receipt| receipt.queue == queue && receipt.receipt > 0);
        parsed.ok_or_else(|| {
            let shown: String = handle.chars().take(128).collect();
            let message = format!("The input receipt handle \"{shown}\" is not a valid receipt handle.");
            Code::ReceiptHandleIsInvalid.error(message)
        })
    }
}

fn decode(handle: &str) -> Option<Receipt> {
    let bytes: [u8; 25] = URL_SAFE.decode(handle).ok()?.try_into().ok()?;
    let (version, rest) = bytes.split_first()?;
    let mut values = rest.chunks_exact(8).filter_map(|chunk| Some(i64::from_be_bytes(chunk.try_into().ok()?)));
    let receipt = Receipt { queue: values.next()?, number: values.next()?, receipt: values.next()? };
    (*version == VERSION).then_some(receipt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_knows_its_queue() {
        let receipt = Receipt { queue: 7, number: 1 << 50, receipt: 3 };
        let handle = receipt.to_handle();
        assert_eq!(Receipt::parse(&handle, 7).unwrap(), receipt);
        assert!(Receipt::parse(&handle, 8).is_err());
        for text in ["", "abc", "ä", &handle[1..], &format!("{handle}A")] {
            assert!(Receipt::parse(text, 7).is_err(), "{text}");
        }
    }
}
