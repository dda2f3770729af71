//! Invoke: from a payload to what the function made of it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::configuration::Configuration;
use crate::expression::Expression;
use crate::name::Reference;
use crate::pool::Key;
use crate::worker::{Answer, End, Job, Ran, Unready, Worker};
use crate::{Error, Functions};

/// Bytes of a payload that is answered.
pub const REQUEST_BYTES_MAX: usize = 6_291_456;
/// Bytes of a payload that is queued.
pub const EVENT_BYTES_MAX: usize = 1_048_576;
/// Bytes of a response; the service allows a little more than for requests.
pub(crate) const RESPONSE_BYTES_MAX: usize = 6_291_556;
/// Workers tried when they end before they take the invocation, such as one that died while idle.
const WORKERS_MAX: usize = 3;

/// One call of a function.
#[derive(Clone, Default)]
pub struct Invocation {
    /// JSON; empty stands for `{}`.
    pub payload: Bytes,
    /// JSON for the function's context.
    pub client_context: Option<String>,
    /// Whether the outcome carries the end of the log.
    pub tail: bool,
    /// What the function sees as its request id; a new one when it is `None`.
    pub request_id: Option<String>,
}

impl Invocation {
    /// A call with a payload and nothing else.
    pub fn of(payload: impl Into<Bytes>) -> Invocation {
        Invocation { payload: payload.into(), ..Invocation::default() }
    }
}

/// What became of an invocation that reached the function.
#[derive(Clone)]
pub struct Outcome {
    /// The function's answer, or its error as `{"errorType", "errorMessage", ...}`.
    pub payload: Bytes,
    /// True when the payload is an error: the function's own, a crash, a timeout.
    pub is_error: bool,
    pub version: String,
    /// The last 4 KB of the log, when asked for.
    pub tail: Option<Vec<u8>>,
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outcome {{ bytes: {}, is_error: {}, version: {} }}", self.payload.len(), self.is_error, self.version)
    }
}

impl Functions {
    /// Calls a function (a name or an ARN) and waits for its answer. It runs to its end even if nobody waits.
    ///
    /// # Errors
    /// `NotFound`, `Throttled`, `TooLarge`, `Content`, `Host`. What the function itself does wrong is an [`Outcome`].
    pub async fn invoke(&self, name: &str, qualifier: Option<&str>, invocation: Invocation) -> Result<Outcome, Error> {
        let reference = self.reference(name, qualifier)?;
        let payload = check_payload(&invocation.payload, REQUEST_BYTES_MAX)?;
        self.run(&reference, Invocation { payload, ..invocation }).await
    }

    /// Checks what [`Functions::invoke`] would, and does nothing (`DryRun`).
    ///
    /// # Errors
    /// As [`Functions::invoke`].
    pub fn dry_run(&self, name: &str, qualifier: Option<&str>, payload: &Bytes) -> Result<(), Error> {
        check_payload(payload, REQUEST_BYTES_MAX)?;
        self.describe(name, qualifier).map(|_| ())
    }

    pub(crate) async fn run(&self, reference: &Reference, invocation: Invocation) -> Result<Outcome, Error> {
        let qualifier = reference.qualifier.as_deref();
        let missing = || self.not_found(&reference.name, qualifier);
        let function = self.function(&reference.name).map_err(|_| missing())?;
        let configuration = function.resolve(qualifier, random).ok_or_else(missing)?.clone();
        let permit = self.inner.pool.admit(&self.inner, &reference.name, function.reserved)?;
        let arn = self.arn(&reference.name, qualifier);
        let engine = self.clone();
        // A caller that goes away does not stop the function in the middle.
        let task = tokio::spawn(async move {
            let _permit = permit;
            engine.execute(&configuration, &arn, invocation).await
        });
        task.await.unwrap_or_else(|_| Err(Error::Host("the invocation was aborted".into())))
    }

    async fn execute(
        &self,
        configuration: &Configuration,
        arn: &str,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        let id = invocation.request_id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let version = configuration.version.clone();
        if configuration.is_expression() {
            let (expression, payload) = (Expression::of(configuration), invocation.payload);
            let value = tokio::task::spawn_blocking(move || expression.evaluate(&payload)).await;
            let value = value.map_err(|_| Error::Host("the expression was aborted".into()))?;
            let (is_error, payload) = value.map_or_else(|error| (true, error), |value| (false, value));
            return Ok(Outcome { payload, is_error, version, tail: invocation.tail.then(Vec::new) });
        }
        let key = Key {
            name: configuration.function_name.clone(),
            version: version.clone(),
            revision: configuration.revision_id.clone(),
        };
        let mut left = WORKERS_MAX;
        loop {
            left = left.saturating_sub(1);
            let mut worker = match self.worker(&key, configuration).await? {
                Ok(worker) => worker,
                Err((unready, tail)) => {
                    let payload = unready_error(&id, unready, self.inner.settings.init_time);
                    return Ok(Outcome { payload, is_error: true, version, tail: invocation.tail.then_some(tail) });
                }
            };
            worker.output.begin(&format!("START RequestId: {id} Version: {version}\n"));
            let timeout = Duration::from_secs(configuration.timeout.into());
            let deadline_ms = self.now_ms() + i64::from(configuration.timeout) * 1000;
            let ran = worker
                .run(timeout, |answer| Job {
                    request_id: id.clone(),
                    payload: invocation.payload.clone(),
                    deadline_ms,
                    arn: arn.to_owned(),
                    trace: trace(deadline_ms),
                    client_context: invocation.client_context.clone(),
                    answer,
                })
                .await;
            if matches!(ran, Ran::Ended { taken: false, .. }) && left > 0 {
                continue;
            }
            let (payload, is_error, took, note) = self.conclude(&id, timeout, &ran);
            let report = report(configuration, &id, took, &mut worker);
            let end = format!("END RequestId: {id}\n");
            worker.output.end(&[note, Some(end), Some(report)].into_iter().flatten().collect::<Vec<_>>());
            let tail = invocation.tail.then(|| worker.output.tail());
            if matches!(ran, Ran::Answered(..)) && self.is_current(&key) {
                self.inner.pool.put(key, worker);
            }
            return Ok(Outcome { payload, is_error, version, tail });
        }
    }

    /// An idle worker, or a new one.
    async fn worker(
        &self,
        key: &Key,
        configuration: &Configuration,
    ) -> Result<Result<Worker, (Unready, Vec<u8>)>, Error> {
        if let Some(worker) = self.inner.pool.take(key) {
            return Ok(Ok(worker));
        }
        let _room = self.inner.pool.starting().await?;
        Worker::start(&self.inner, configuration).await
    }

    /// Payload, whether it is an error, how long it took, and a line for the log.
    fn conclude(&self, id: &str, timeout: Duration, ran: &Ran) -> (Bytes, bool, Duration, Option<String>) {
        match ran {
            Ran::Answered(Answer::Response(body), took) => (body.clone(), false, *took, None),
            Ran::Answered(Answer::Error(body), took) => (body.clone(), true, *took, None),
            Ran::Answered(Answer::TooLarge(bytes), took) => {
                let message = format!(
                    "Response payload size ({bytes} bytes) exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
                );
                (failure("Function.ResponseSizeTooLarge", &message), true, *took, None)
            }
            Ran::Ended { end, after, .. } => {
                let note = format!("RequestId: {id} Error: {}\n", ended(end).1);
                (ended_error(id, end), true, *after, Some(note))
            }
            Ran::TimedOut => {
                let text = format!("Task timed out after {:.2} seconds", timeout.as_secs_f64());
                let now = chrono::DateTime::from_timestamp_millis(self.now_ms()).unwrap_or_default();
                let note = format!("{} {id} {text}\n", now.format("%Y-%m-%dT%H:%M:%S%.3fZ"));
                (failure("Sandbox.Timedout", &format!("RequestId: {id} Error: {text}")), true, timeout, Some(note))
            }
        }
    }
}

/// A payload that is JSON and small enough.
pub(crate) fn check_payload(payload: &Bytes, bytes_max: usize) -> Result<Bytes, Error> {
    if payload.len() > bytes_max {
        return Err(Error::TooLarge(format!(
            "Request must be smaller than {bytes_max} bytes for the InvokeFunction operation"
        )));
    }
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(payload) {
        Ok(_) => Ok(payload.clone()),
        Err(error) => Err(Error::Content(format!(
            "Could not parse request body into json: line {} column {}",
            error.line(),
            error.column()
        ))),
    }
}

fn report(configuration: &Configuration, id: &str, took: Duration, worker: &mut Worker) -> String {
    let ms = took.as_secs_f64() * 1000.0;
    let init = worker
        .init
        .take()
        .map_or_else(String::new, |init| format!("Init Duration: {:.2} ms\t", init.as_secs_f64() * 1000.0));
    format!(
        "REPORT RequestId: {id}\tDuration: {ms:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {} MB\tMax Memory Used: {} MB\t{init}\n",
        ms.ceil(),
        configuration.memory_size,
        worker.memory_mb(),
    )
}

fn failure(kind: &str, message: &str) -> Bytes {
    Bytes::from(json!({"errorType": kind, "errorMessage": message}).to_string())
}

fn ended(end: &End) -> (&'static str, String) {
    match end {
        End::Exited(Some(how)) => ("Runtime.ExitError", format!("Runtime exited with error: {how}")),
        End::Exited(None) | End::Stopped => ("Runtime.ExitError", "Runtime exited without providing a reason".into()),
        End::Memory => ("Runtime.OutOfMemory", "Runtime exited with error: signal: killed".into()),
        End::Failed(reason) => ("Runtime.InvalidEntrypoint", format!("cannot start the runtime: {reason}")),
    }
}

fn ended_error(id: &str, end: &End) -> Bytes {
    let (kind, message) = ended(end);
    failure(kind, &format!("RequestId: {id} Error: {message}"))
}

fn unready_error(id: &str, unready: Unready, init_time: Duration) -> Bytes {
    match unready {
        Unready::Error(body) => body,
        Unready::Ended(end) => ended_error(id, &end),
        Unready::TimedOut => {
            let text = format!("RequestId: {id} Error: Init timed out after {:.2} seconds", init_time.as_secs_f64());
            failure("Sandbox.Timedout", &text)
        }
        Unready::Missing(kind, message) => failure(kind, &format!("RequestId: {id} Error: {message}")),
    }
}

/// A number in `[0, 1)`.
fn random() -> f64 {
    // 32 of a random UUID's 122 random bits.
    let (high, ..) = uuid::Uuid::new_v4().as_fields();
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

/// An X-Ray trace header that is not sampled.
fn trace(at_ms: i64) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    let (root, parent) = (random.get(..24).unwrap_or_default(), random.get(..16).unwrap_or_default());
    format!("Root=1-{:08x}-{root};Parent={parent};Sampled=0", at_ms / 1000)
}
