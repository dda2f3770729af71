//! The Lambda Runtime API (2018-06-01) of one worker, on a loopback port of its own: the public clients take no path prefix.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::{Answer, End, Job};
use crate::invoke::RESPONSE_BYTES_MAX;

const PREFIX: &str = "/2018-06-01/runtime/";
/// Bytes of an error's description.
const ERROR_BYTES_MAX: usize = 256 << 10;
/// Connections of one worker at once.
const CONNECTIONS_MAX: usize = 32;

type Body = Full<Bytes>;
/// `Err` is the error the runtime reports of its initialisation.
type Ready = Result<(), Bytes>;

/// What all connections of a worker share.
pub(super) struct Api {
    jobs: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    current: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
    taken: AtomicBool,
    ready: Mutex<Option<oneshot::Sender<Ready>>>,
}

impl Api {
    pub fn new(jobs: mpsc::Receiver<Job>) -> (Arc<Api>, oneshot::Receiver<Ready>) {
        let (ready, told) = oneshot::channel();
        let api = Api {
            jobs: tokio::sync::Mutex::new(jobs),
            current: Mutex::new(None),
            taken: AtomicBool::new(false),
            ready: Mutex::new(Some(ready)),
        };
        (Arc::new(api), told)
    }

    /// A job will come.
    pub fn expect(&self) {
        self.taken.store(false, Ordering::SeqCst);
    }

    /// Whether the process was given the last job.
    pub fn was_taken(&self) -> bool {
        self.taken.load(Ordering::SeqCst)
    }

    async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path().to_owned();
        let route = path.strip_prefix(PREFIX).unwrap_or_default();
        let is_post = request.method() == http::Method::POST;
        let answer = match route {
            "invocation/next" if request.method() == http::Method::GET => self.next().await,
            "init/error" if is_post => self.init_error(request).await,
            route if is_post => match route.strip_prefix("invocation/").and_then(|rest| rest.split_once('/')) {
                Some((id, "response")) => self.response(id, request).await,
                Some((id, "error")) => self.error(id, request).await,
                _ => refuse(StatusCode::NOT_FOUND, "InvalidRoute", "there is no such path"),
            },
            _ => refuse(StatusCode::NOT_FOUND, "InvalidRoute", "there is no such path"),
        };
        Ok(answer)
    }

    async fn next(&self) -> Response<Body> {
        self.tell(Ok(()));
        let mut jobs = self.jobs.lock().await;
        let Some(job) = jobs.recv().await else {
            return refuse(StatusCode::GONE, "Runtime.Stopped", "the worker is stopped");
        };
        let deadline = job.deadline_ms.to_string();
        let headers = [
            ("lambda-runtime-aws-request-id", job.request_id.as_str()),
            ("lambda-runtime-deadline-ms", &deadline),
            ("lambda-runtime-invoked-function-arn", &job.arn),
            ("lambda-runtime-trace-id", &job.trace),
            ("lambda-runtime-client-context", job.client_context.as_deref().unwrap_or_default()),
            ("content-type", "application/json"),
        ];
        let mut response = Response::new(Full::new(job.payload));
        for (name, text) in headers {
            if let Some(value) = HeaderValue::from_str(text).ok().filter(|value| !value.is_empty()) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((job.request_id, job.answer));
        self.taken.store(true, Ordering::SeqCst);
        response
    }

    async fn response(&self, id: &str, request: Request<Incoming>) -> Response<Body> {
        if !self.is_current(id) {
            return refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        }
        let declared = request.headers().get(http::header::CONTENT_LENGTH);
        let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        match Limited::new(request.into_body(), RESPONSE_BYTES_MAX).collect().await {
            Ok(body) => {
                let trailers = body.trailers().cloned().unwrap_or_default();
                let answer = match midstream_error(&trailers) {
                    Some(error) => Answer::Error(error),
                    None => Answer::Response(body.to_bytes()),
                };
                self.finish(id, answer)
            }
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                self.finish(id, Answer::TooLarge(declared.unwrap_or(RESPONSE_BYTES_MAX as u64 + 1)));
                let message = format!("Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
                refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
            }
            Err(_) => refuse(StatusCode::BAD_REQUEST, "InvalidRequest", "the body ended early"),
        }
    }

    async fn error(&self, id: &str, request: Request<Incoming>) -> Response<Body> {
        if !self.is_current(id) {
            return refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        }
        match described(request).await {
            Some(body) => self.finish(id, Answer::Error(body)),
            None => refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "the error is too large"),
        }
    }

    async fn init_error(&self, request: Request<Incoming>) -> Response<Body> {
        match described(request).await {
            Some(body) => {
                self.tell(Err(body));
                accepted()
            }
            None => refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "the error is too large"),
        }
    }

    fn tell(&self, ready: Ready) {
        let sender = self.ready.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            let _ = sender.send(ready);
        }
    }

    fn is_current(&self, id: &str) -> bool {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().is_some_and(|(current, _)| current == id)
    }

    fn finish(&self, id: &str, answer: Answer) -> Response<Body> {
        let current = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            current.take_if(|(current, _)| current == id)
        };
        match current {
            Some((_, sender)) => {
                // Nobody waits any more when the time was over.
                let _ = sender.send(answer);
                accepted()
            }
            None => refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        }
    }
}

/// Serves until the worker ends.
pub(super) async fn serve(listener: TcpListener, api: Arc<Api>, mut ended: watch::Receiver<Option<End>>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => accepted,
            Some(_) = connections.join_next() => continue,
            // Dropping the set closes the connections.
            _ = ended.wait_for(Option::is_some) => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        let api = api.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| api.clone().handle(request));
            // A runtime that closes its connection in the middle is met where its answer is missing.
            let _ = hyper::server::conn::http1::Builder::new()
                .title_case_headers(true)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// An error's description; one without a body gets its type from the header.
async fn described(request: Request<Incoming>) -> Option<Bytes> {
    let kind = request.headers().get("lambda-runtime-function-error-type");
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("Runtime.Unknown").to_owned();
    let body = Limited::new(request.into_body(), ERROR_BYTES_MAX).collect().await.ok()?.to_bytes();
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(serde_json::Value::Object(_)) => Some(body),
        _ => Some(Bytes::from(serde_json::json!({"errorType": kind, "errorMessage": ""}).to_string())),
    }
}

/// The error a streamed response ended with, in its trailers.
fn midstream_error(trailers: &HeaderMap) -> Option<Bytes> {
    use base64::Engine as _;
    let kind = trailers.get("lambda-runtime-function-error-type")?.to_str().unwrap_or("Runtime.Unknown");
    let body = trailers.get("lambda-runtime-function-error-body").and_then(|body| body.to_str().ok());
    let body = body.and_then(|body| base64::prelude::BASE64_STANDARD.decode(body).ok());
    let unknown = || serde_json::json!({"errorType": kind, "errorMessage": ""}).to_string().into_bytes();
    Some(Bytes::from(body.unwrap_or_else(unknown)))
}

fn accepted() -> Response<Body> {
    reply(StatusCode::ACCEPTED, r#"{"status":"OK"}"#.into())
}

fn refuse(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    reply(status, serde_json::json!({"errorType": kind, "errorMessage": message}).to_string())
}

fn reply(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
