//! Bucket names (Amazon S3 user guide, "General purpose bucket naming rules").

use crate::Error;

/// A bucket that is always there and in no listing, for the pieces of what is not yet an object.
pub const UNFINISHED: &str = ".unfinished";

/// 3 to 63 lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit.
pub(crate) fn check(name: &str) -> Result<(), Error> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = name.bytes().next().is_some_and(allowed) && name.bytes().next_back().is_some_and(allowed);
    let inner = name.bytes().all(|b| allowed(b) || b == b'.' || b == b'-') && !name.contains("..");
    if ends && inner && (3..=63).contains(&name.len()) { Ok(()) } else { Err(Error::BucketName(name.into())) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn follows_the_naming_rules() {
        for (name, valid) in [
            ("lake", true),
            ("my.lake-1", true),
            ("ab", false),
            ("Lake", false),
            (".lake", false),
            ("lake-", false),
            ("a..b", false),
            ("a/b", false),
        ] {
            assert_eq!(super::check(name).is_ok(), valid, "{name}");
        }
    }
}
