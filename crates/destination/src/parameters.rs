//! `HttpParameters` of a pipe or a rule, and the request parameters of a connection.

use event::{Error, Kind};
use serde_json::{Map, Value};

/// What is added to each request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// For the `*` of the URL, in order.
    pub path: Vec<String>,
    pub headers: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    /// Members of the body, if it is a JSON object.
    pub body: Vec<(String, Value)>,
}

const MEMBERS: [&str; 3] = ["PathParameterValues", "HeaderParameters", "QueryStringParameters"];

impl Parameters {
    /// `HttpParameters` of `TargetParameters` or `EnrichmentParameters`.
    ///
    /// # Errors
    /// `Invalid` with the name of what is not supported.
    pub fn of_pipe(parameters: &Value) -> Result<Parameters, Error> {
        for (member, _) in parameters.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            if !["HttpParameters", "InputTemplate"].contains(&member.as_str()) {
                return Err(refuse(member));
            }
        }
        let http = parameters.get("HttpParameters").unwrap_or(&Value::Null);
        for (member, _) in http.as_object().into_iter().flatten() {
            if !MEMBERS.contains(&member.as_str()) {
                return Err(refuse(&format!("HttpParameters.{member}")));
            }
        }
        let path = http.get("PathParameterValues").and_then(Value::as_array).into_iter().flatten();
        let path = path.map(|value| fixed(value, "PathParameterValues")).collect::<Result<_, _>>()?;
        let pairs = |member: &str| {
            let pairs = http.get(member).and_then(Value::as_object).into_iter().flatten();
            pairs.map(|(name, value)| Ok((name.clone(), fixed(value, member)?))).collect::<Result<Vec<_>, Error>>()
        };
        let (headers, query) = (pairs("HeaderParameters")?, pairs("QueryStringParameters")?);
        Ok(Parameters { path, headers, query, body: Vec::new() })
    }

    /// `InvocationHttpParameters` or `OAuthHttpParameters` of a connection: lists of `{"Key", "Value", "IsValueSecret"}`.
    pub fn of_connection(parameters: &Value) -> Parameters {
        let pairs = |member: &str| {
            let pairs = parameters.get(member).and_then(Value::as_array).into_iter().flatten();
            pairs.filter_map(|pair| {
                Some((pair.get("Key")?.as_str()?.to_owned(), pair.get("Value")?.as_str()?.to_owned()))
            })
        };
        Parameters {
            path: Vec::new(),
            headers: pairs("HeaderParameters").collect(),
            query: pairs("QueryStringParameters").collect(),
            body: pairs("BodyParameters").map(|(name, value)| (name, Value::String(value))).collect(),
        }
    }

    /// The body with the body parameters in it; as it is when it is no JSON object.
    pub fn laid_into(&self, body: &[u8]) -> Option<Vec<u8>> {
        if self.body.is_empty() {
            return None;
        }
        let mut members: Map<String, Value> = serde_json::from_slice(body).ok()?;
        members.extend(self.body.iter().cloned());
        serde_json::to_vec(&members).ok()
    }
}

fn fixed(value: &Value, member: &str) -> Result<String, Error> {
    match value.as_str() {
        Some(text) if text.starts_with("$.") => {
            let message = format!("HttpParameters.{member}: paths into the event are not supported");
            Err(Error::new(Kind::Invalid, message))
        }
        Some(text) => Ok(text.to_owned()),
        None => Err(Error::new(Kind::Invalid, format!("HttpParameters.{member} must hold text"))),
    }
}

fn refuse(member: &str) -> Error {
    Error::new(Kind::Invalid, format!("{member} is not supported by an API destination"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_a_pipe_gives_and_refuses_the_rest_by_name() {
        let given = json!({"HttpParameters": {"PathParameterValues": ["7"], "QueryStringParameters": {"a": "b c"}}});
        let read = Parameters::of_pipe(&given).unwrap();
        assert_eq!(read.path, ["7"]);
        assert_eq!(read.query, [("a".to_owned(), "b c".to_owned())]);
        for (given, named) in [
            (json!({"SqsQueueParameters": {}}), "SqsQueueParameters"),
            (json!({"HttpParameters": {"Body": {}}}), "HttpParameters.Body"),
            (json!({"HttpParameters": {"HeaderParameters": {"x": "$.id"}}}), "HeaderParameters"),
        ] {
            assert!(Parameters::of_pipe(&given).unwrap_err().to_string().contains(named));
        }
    }

    #[test]
    fn body_parameters_go_into_objects_only() {
        let given = json!({"BodyParameters": [{"Key": "tenant", "Value": "t1", "IsValueSecret": false}]});
        let read = Parameters::of_connection(&given);
        assert_eq!(read.laid_into(br#"{"id":1.50}"#).unwrap(), br#"{"id":1.50,"tenant":"t1"}"#);
        assert_eq!(read.laid_into(b"[1]"), None);
        assert_eq!(Parameters::default().laid_into(b"{}"), None);
    }
}
