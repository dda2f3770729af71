//! `HttpParameters` of a pipe or a rule, and the request parameters of a connection.

use event::{Error, Kind};
use expr::Parameter;
use serde_json::{Map, Value};

/// What a pipe or a rule adds to its requests: each value is text or a path into the event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dynamic {
    path: Vec<Parameter>,
    headers: Vec<(String, Parameter)>,
    query: Vec<(String, Parameter)>,
}

/// What is added to one request.
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

impl Dynamic {
    /// `HttpParameters` of `TargetParameters` or `EnrichmentParameters`.
    ///
    /// # Errors
    /// `Invalid` with the name of what is not supported.
    pub fn of_pipe(parameters: &Value) -> Result<Dynamic, Error> {
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
        let path = path.map(|value| parameter(value, "PathParameterValues")).collect::<Result<_, _>>()?;
        let pairs = |member: &str| {
            let pairs = http.get(member).and_then(Value::as_object).into_iter().flatten();
            pairs.map(|(name, value)| Ok((name.clone(), parameter(value, member)?))).collect::<Result<Vec<_>, Error>>()
        };
        let (headers, query) = (pairs("HeaderParameters")?, pairs("QueryStringParameters")?);
        Ok(Dynamic { path, headers, query })
    }

    /// Whether some value depends on the event.
    pub fn is_dynamic(&self) -> bool {
        let pairs = self.headers.iter().chain(&self.query).map(|(_, value)| value);
        self.path.iter().chain(pairs).any(Parameter::is_dynamic)
    }

    /// How many `*` of the URL have a value.
    pub fn path_count(&self) -> usize {
        self.path.len()
    }

    /// The values for one event. A header or query parameter without a value is left out.
    ///
    /// # Errors
    /// `Conflict` when the event has no value for a `*` of the URL, or is no JSON: another try cannot help.
    pub fn of(&self, event: &[u8]) -> Result<Parameters, Error> {
        let unreadable = |_| Error::new(Kind::Conflict, "the event is not JSON, but parameters are paths into it");
        let mut path = Vec::with_capacity(self.path.len());
        for (number, value) in self.path.iter().enumerate() {
            let missing =
                || Error::new(Kind::Conflict, format!("the event has no value for PathParameterValues {number}"));
            let value = value.of(event).map_err(unreadable)?.filter(|value| !value.is_empty()).ok_or_else(missing)?;
            // Such a segment would lead to another resource.
            if matches!(value.as_ref(), "." | "..") {
                return Err(Error::new(Kind::Conflict, format!("PathParameterValues {number} is a dot segment")));
            }
            path.push(value.into_owned());
        }
        let pairs = |pairs: &[(String, Parameter)]| {
            let mut found = Vec::with_capacity(pairs.len());
            for (name, value) in pairs {
                if let Some(value) = value.of(event).map_err(unreadable)? {
                    found.push((name.clone(), value.into_owned()));
                }
            }
            Ok::<_, Error>(found)
        };
        Ok(Parameters { path, headers: pairs(&self.headers)?, query: pairs(&self.query)?, body: Vec::new() })
    }
}

impl Parameters {
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

fn parameter(value: &Value, member: &str) -> Result<Parameter, Error> {
    let invalid = |reason: String| Error::new(Kind::Invalid, format!("HttpParameters.{member} {reason}"));
    let text = value.as_str().ok_or_else(|| invalid("must hold text".into()))?;
    Parameter::parse(text).map_err(|error| invalid(format!("holds a path that is none: {error}")))
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
        let given = json!({"HttpParameters": {
            "PathParameterValues": ["7", "$.id"], "QueryStringParameters": {"a": "b c", "gone": "$.gone"},
            "HeaderParameters": {"x-site": "$.site.code"},
        }});
        let read = Dynamic::of_pipe(&given).unwrap();
        assert!(read.is_dynamic() && read.path_count() == 2);
        let found = read.of(br#"{"id":8,"site":{"code":"OSL"}}"#).unwrap();
        assert_eq!(found.path, ["7", "8"]);
        assert_eq!(found.query, [("a".to_owned(), "b c".to_owned())]);
        assert_eq!(found.headers, [("x-site".to_owned(), "OSL".to_owned())]);
        for event in ["{}", r#"{"id":null}"#, r#"{"id":".."}"#, r#"{"id":""}"#, "no JSON"] {
            assert_eq!(read.of(event.as_bytes()).unwrap_err().kind(), Kind::Conflict, "{event}");
        }
        for (given, named) in [
            (json!({"SqsQueueParameters": {}}), "SqsQueueParameters"),
            (json!({"HttpParameters": {"Body": {}}}), "HttpParameters.Body"),
            (json!({"HttpParameters": {"HeaderParameters": {"x": "$..id"}}}), "HeaderParameters"),
            (json!({"HttpParameters": {"PathParameterValues": [1]}}), "PathParameterValues"),
        ] {
            assert!(Dynamic::of_pipe(&given).unwrap_err().to_string().contains(named));
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
