//! Object keys as file paths: each segment stays as it is, but for what a file system cannot hold.
//!
//! `%`, backslash and control characters become `%XX`; the segments `.` and `..` become `%2E` and `%2E%2E`; an empty
//! segment becomes `%`. The mapping can be undone, so listing gives the keys that were written.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::Error;

/// Longest key S3 takes, bytes.
const KEY_BYTES_MAX: usize = 1024;
/// Longest file name common file systems take, bytes.
const SEGMENT_BYTES_MAX: usize = 255;

pub(crate) fn check(key: &str) -> Result<(), Error> {
    let reason = match key.len() {
        0 => "empty",
        length if length > KEY_BYTES_MAX => "longer than 1024 bytes",
        _ => return Ok(()),
    };
    Err(Error::Key { key: key.into(), reason })
}

pub(crate) fn to_path(key: &str) -> Result<PathBuf, Error> {
    check(key)?;
    let mut path = PathBuf::new();
    for segment in key.split('/') {
        let name = match segment {
            "" => "%".to_owned(),
            "." => "%2E".to_owned(),
            ".." => "%2E%2E".to_owned(),
            _ => encode(segment),
        };
        if name.len() > SEGMENT_BYTES_MAX {
            return Err(Error::Key { key: key.into(), reason: "a segment is longer than a file name may be" });
        }
        path.push(name);
    }
    Ok(path)
}

fn encode(segment: &str) -> String {
    let mut name = String::with_capacity(segment.len());
    for c in segment.chars() {
        if c.is_ascii_control() || c == '%' || c == '\\' {
            name.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            name.push(c);
        }
    }
    name
}

/// One file name as the key segment it was made from; `None` for a name that no key makes.
pub(crate) fn from_name(name: &str) -> Option<String> {
    if name == "%" {
        return Some(String::new());
    }
    Some(percent_decode_str(name).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_readable_and_can_be_undone() {
        for (key, path) in [
            ("data/siteId=7/x.json", "data/siteId=7/x.json"),
            ("a b/ü:1", "a b/ü:1"),
            ("50%/..", "50%25/%2E%2E"),
            ("a//b/", "a/%/b/%"),
            ("../../etc", "%2E%2E/%2E%2E/etc"),
            ("a\u{0}b", "a%00b"),
        ] {
            assert_eq!(to_path(key).unwrap(), PathBuf::from(path), "{key}");
            let back: Vec<String> = path.split('/').map(|name| from_name(name).unwrap()).collect();
            assert_eq!(back.join("/"), key);
        }
    }

    #[test]
    fn refuses_what_cannot_be_stored() {
        for key in ["".to_owned(), "k".repeat(1025), "k".repeat(256)] {
            assert!(to_path(&key).is_err());
        }
    }
}
