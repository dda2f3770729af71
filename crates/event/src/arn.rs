//! Amazon Resource Names: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Kind};

/// The name of one resource, as in `arn:aws:dynamodb:us-east-1:000000000000:table/Patients`.
///
/// The resource part keeps its slashes and colons. Region and account may be empty (buckets have neither).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    pub partition: String,
    pub service: String,
    pub region: String,
    pub account: String,
    pub resource: String,
}

impl Arn {
    /// An ARN in the partition `aws`.
    pub fn new(service: &str, region: &str, account: &str, resource: impl Into<String>) -> Self {
        Arn {
            partition: "aws".into(),
            service: service.into(),
            region: region.into(),
            account: account.into(),
            resource: resource.into(),
        }
    }

    /// The resource without the given type: `table/Patients` without `table/` is `Patients`.
    pub fn resource_name(&self, prefix: &str) -> Option<&str> {
        self.resource.strip_prefix(prefix)
    }
}

impl FromStr for Arn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", partition, service, region, account, resource]
                if !partition.is_empty() && !service.is_empty() && !resource.is_empty() =>
            {
                Ok(Arn {
                    partition: (*partition).into(),
                    service: (*service).into(),
                    region: (*region).into(),
                    account: (*account).into(),
                    resource: (*resource).into(),
                })
            }
            _ => Err(Error::new(Kind::Invalid, format!("not an ARN. value=`{text}`"))),
        }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_colons_and_slashes_of_the_resource() {
        let text = "arn:aws:dynamodb:us-east-1:000000000000:table/T/stream/2026-01-01T00:00:00.000";
        let arn: Arn = text.parse().unwrap();
        assert_eq!(arn.resource, "table/T/stream/2026-01-01T00:00:00.000");
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn refuses_what_is_no_arn() {
        for text in ["", "arn", "arn:aws:s3", "arn:aws:s3:::", "urn:aws:s3:::b"] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }
}
