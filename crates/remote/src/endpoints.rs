//! Which endpoint serves which resources: the setting `endpoints`.

use std::str::FromStr;

use event::{Arn, Error, Kind};

/// Services a URL can be set for as a whole.
const SERVICES: &[&str] = &["dynamodb"];

/// One entry, as in `arn:aws:dynamodb:eu-north-1:111122223333:table/Visits=http://10.0.0.7:4566`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointFor {
    /// An ARN, the beginning of one up to a colon or slash, or a service.
    name: String,
    url: String,
}

impl FromStr for EndpointFor {
    type Err = Error;

    fn from_str(text: &str) -> Result<EndpointFor, Error> {
        let invalid = |reason: &str| Error::new(Kind::Invalid, format!("{reason}. value=`{text}`"));
        let (name, url) = text.split_once('=').ok_or_else(|| invalid("expected ARN=URL or SERVICE=URL"))?;
        if !name.starts_with("arn:") && !SERVICES.contains(&name) {
            return Err(invalid("neither an ARN nor a service that can be attached (dynamodb)"));
        }
        let uri: http::Uri = url.parse().map_err(|_| invalid("not a URL"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(invalid("not an http or https URL"));
        }
        Ok(EndpointFor { name: name.into(), url: url.trim_end_matches('/').into() })
    }
}

/// All entries. The longest that fits an ARN counts; a service's is the shortest.
#[derive(Clone, Debug, Default)]
pub struct Endpoints(Vec<EndpointFor>);

impl Endpoints {
    pub fn new(entries: Vec<EndpointFor>) -> Endpoints {
        Endpoints(entries)
    }

    /// Whether an entry names the ARN or its beginning. A service's entry does not: it says where others' resources are,
    /// not that ours are theirs.
    pub(crate) fn names(&self, arn: &Arn) -> bool {
        self.of_arn(arn).is_some()
    }

    /// Where to call for a resource; `None` means AWS itself.
    pub(crate) fn url(&self, arn: &Arn) -> Option<&str> {
        let of_service = || self.0.iter().find(|entry| entry.name == arn.service);
        self.of_arn(arn).or_else(of_service).map(|entry| entry.url.as_str())
    }

    fn of_arn(&self, arn: &Arn) -> Option<&EndpointFor> {
        let text = arn.to_string();
        let fits = |entry: &&EndpointFor| {
            let rest = text.strip_prefix(entry.name.as_str()).filter(|_| entry.name.starts_with("arn:"));
            // `table/Visit` is not the beginning of `table/Visits`.
            rest.is_some_and(|rest| rest.is_empty() || entry.name.ends_with([':', '/']) || rest.starts_with([':', '/']))
        };
        self.0.iter().filter(fits).max_by_key(|entry| entry.name.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "arn:aws:dynamodb:eu-north-1:111122223333:table/Visits/stream/2026-01-01T00:00:00.000";

    fn check(entries: &[&str], url: Option<&str>, names: bool) {
        let endpoints = Endpoints::new(entries.iter().map(|entry| entry.parse().unwrap()).collect());
        let arn: Arn = STREAM.parse().unwrap();
        assert_eq!((endpoints.url(&arn), endpoints.names(&arn)), (url, names), "{entries:?}");
    }

    #[test]
    fn the_longest_entry_counts_and_ends_at_a_boundary() {
        check(&[], None, false);
        check(&["dynamodb=http://a:1/"], Some("http://a:1"), false);
        check(
            &["dynamodb=http://a:1", "arn:aws:dynamodb:eu-north-1:111122223333:=http://b:2"],
            Some("http://b:2"),
            true,
        );
        let visits = "arn:aws:dynamodb:eu-north-1:111122223333:table/Visits=https://c?x=y";
        check(&["arn:aws:dynamodb:eu-north-1=http://b:2", visits], Some("https://c?x=y"), true);
        check(&["arn:aws:dynamodb:eu-north-1:111122223333:table/Visit=http://d:4"], None, false);
        check(&[&format!("{STREAM}=http://e:5")], Some("http://e:5"), true);
    }

    #[test]
    fn refuses_what_names_nothing() {
        for text in ["", "dynamodb", "s3=http://a", "dynamodb=a:1", "dynamodb=ftp://a", "dynamodb=http://", "=http://a"]
        {
            assert!(text.parse::<EndpointFor>().is_err(), "{text}");
        }
    }
}
