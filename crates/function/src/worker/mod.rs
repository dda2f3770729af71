//! One worker: a process that runs one invocation at a time, with a Runtime API of its own.

mod api;
pub(crate) mod environment;
mod interpreter;
pub(crate) mod output;

use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot, watch};

use crate::configuration::Configuration;
use crate::functions::Inner;
use crate::{Error, supervise};

use api::Api;
use environment::Program;
use output::Output;

/// One invocation on its way to a worker.
pub(crate) struct Job {
    pub request_id: String,
    pub payload: Bytes,
    /// Milliseconds since 1970.
    pub deadline_ms: i64,
    pub arn: String,
    pub trace: String,
    /// JSON.
    pub client_context: Option<String>,
    pub answer: oneshot::Sender<Answer>,
}

/// What the function said.
pub(crate) enum Answer {
    Response(Bytes),
    Error(Bytes),
    /// Bytes of a response that is larger than allowed.
    TooLarge(u64),
}

/// How a worker's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Such as `exit status 1` or `signal: killed`; `None` after exit 0.
    Exited(Option<String>),
    /// It used more memory than it may.
    Memory,
    /// It could not be started.
    Failed(String),
    Stopped,
}

/// What became of a job.
pub(crate) enum Ran {
    Answered(Answer, Duration),
    /// The process ended first; the job may be given to another worker when it was not taken.
    Ended {
        end: End,
        taken: bool,
        after: Duration,
    },
    TimedOut,
}

/// Why a worker did not become ready.
pub(crate) enum Unready {
    /// The runtime reported an error of its initialisation.
    Error(Bytes),
    Ended(End),
    TimedOut,
    /// What the runtime needs is not there: the error type and what to do about it.
    Missing(&'static str, String),
}

/// A running process. It is killed when this is dropped.
pub(crate) struct Worker {
    jobs: mpsc::Sender<Job>,
    api: Arc<Api>,
    ended: watch::Receiver<Option<End>>,
    pub output: Arc<Output>,
    pid: Arc<AtomicU32>,
    pub born: Instant,
    /// How long it took to ask for its first job; told once.
    pub init: Option<Duration>,
    _lifeline: ChildStdin,
}

impl Worker {
    /// Starts a process and waits until it asks for its first job.
    ///
    /// # Errors
    /// `Host` when something here fails; the inner error, with the end of the log, when the function does.
    pub async fn start(
        engine: &Inner,
        configuration: &Configuration,
    ) -> Result<Result<Worker, (Unready, Vec<u8>)>, Error> {
        let begun = Instant::now();
        let root = engine.packages.directory(&configuration.code_sha256).await?;
        let program = match environment::program(&engine.settings, configuration, &root) {
            Ok(program) => program,
            Err((kind, message)) => return Ok(Err((Unready::Missing(kind, message), Vec::new()))),
        };
        let host = |what: &str, error: std::io::Error| Error::Host(format!("cannot {what}: {error}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| host("listen", error))?;
        let address = listener.local_addr().map_err(|error| host("listen", error))?;
        let stream = environment::log_stream(engine.clock.now_ms(), &configuration.version);
        let credentials = engine.host.credentials(&configuration.role, &configuration.function_name).await;
        let credentials = credentials.map_err(|error| Error::Host(error.to_string()))?;
        let place = environment::Place { api: address.to_string(), root: &root, stream: &stream };
        let environment = environment::build(&engine.settings, configuration, &credentials, &place);
        let (reader, writer) = std::io::pipe().map_err(|error| host("make a pipe", error))?;
        let order = order(engine, configuration, &program, environment, &root);
        let (mut child, lifeline) =
            spawn(engine, writer, &order).await.map_err(|error| host("start a worker", error))?;
        let group = configuration.logging_config.log_group.clone();
        let output = Output::new(OwnedFd::from(reader), group, stream, engine.clock.clone(), engine.logs.clone());
        let output = Arc::new(output.map_err(|error| host("read a pipe", error))?);
        tokio::spawn(output.clone().follow());
        let (jobs, waiting) = mpsc::channel(1);
        let (api, ready) = Api::new(waiting);
        let (end, mut ended) = watch::channel(None);
        let pid = Arc::new(AtomicU32::new(0));
        let stdout = child.stdout.take();
        tokio::spawn(follow(child, stdout, pid.clone(), end));
        tokio::spawn(api::serve(listener, api.clone(), ended.clone()));
        let unready = tokio::select! {
            ready = ready => match ready {
                Ok(Ok(())) => None,
                Ok(Err(body)) => Some(Unready::Error(body)),
                Err(_) => Some(Unready::Ended(End::Stopped)),
            },
            end = wait(&mut ended) => Some(Unready::Ended(end)),
            () = tokio::time::sleep(engine.settings.init_time) => Some(Unready::TimedOut),
        };
        let init = begun.elapsed();
        match unready {
            None => {
                Ok(Ok(Worker { jobs, api, ended, output, pid, born: begun, init: Some(init), _lifeline: lifeline }))
            }
            Some(unready) => {
                let unready = environment::explain(&engine.settings, configuration, &program, unready, &output.seen());
                output.system(&format!(
                    "INIT_REPORT Init Duration: {:.2} ms\tPhase: init\tStatus: {}\n",
                    init.as_secs_f64() * 1000.0,
                    if matches!(unready, Unready::TimedOut) { "timeout" } else { "error" },
                ));
                Ok(Err((unready, output.tail())))
            }
        }
    }

    /// Runs one job; `make` gets where the answer goes.
    pub async fn run(&mut self, time: Duration, make: impl FnOnce(oneshot::Sender<Answer>) -> Job) -> Ran {
        let begun = Instant::now();
        let (answer, mut answered) = oneshot::channel();
        self.api.expect();
        let sent = self.jobs.try_send(make(answer)).is_ok();
        let ended = &mut self.ended;
        tokio::select! {
            biased;
            Ok(answer) = &mut answered, if sent => Ran::Answered(answer, begun.elapsed()),
            end = wait(ended) => {
                // The answer may have come together with the end.
                match answered.try_recv() {
                    Ok(answer) => Ran::Answered(answer, begun.elapsed()),
                    Err(_) => Ran::Ended { end, taken: self.api.was_taken(), after: begun.elapsed() },
                }
            }
            () = tokio::time::sleep(time) => Ran::TimedOut,
        }
    }

    pub fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// The most memory the process itself ever used, in MB.
    pub fn memory_mb(&self) -> u64 {
        supervise::status_kb(self.pid.load(Ordering::Relaxed), "VmHWM:").div_ceil(1024)
    }
}

async fn wait(ended: &mut watch::Receiver<Option<End>>) -> End {
    match ended.wait_for(Option::is_some).await {
        Ok(end) => end.clone().unwrap_or(End::Stopped),
        Err(_) => End::Stopped,
    }
}

fn order(
    engine: &Inner,
    configuration: &Configuration,
    program: &Program,
    environment: std::collections::BTreeMap<String, String>,
    root: &std::path::Path,
) -> supervise::Order {
    supervise::Order {
        program: program.path.clone(),
        arguments: program.arguments.clone(),
        environment,
        directory: root.to_owned(),
        user: engine.settings.run_as,
        memory_bytes_max: u64::from(configuration.memory_size) << 20,
    }
}

async fn spawn(
    engine: &Inner,
    output: std::io::PipeWriter,
    order: &supervise::Order,
) -> std::io::Result<(Child, ChildStdin)> {
    let mut words = engine.settings.supervisor.iter();
    let program = words.next().ok_or_else(|| std::io::Error::other("no supervisor is set"))?;
    let mut child = Command::new(program)
        .args(words)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(output))
        .process_group(0)
        .spawn()?;
    let mut lifeline = child.stdin.take().ok_or_else(|| std::io::Error::other("the worker has no input"))?;
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    lifeline.write_all(&line).await?;
    lifeline.flush().await?;
    Ok((child, lifeline))
}

/// Reads what the supervisor tells until it is gone.
async fn follow(
    mut child: Child,
    stdout: Option<tokio::process::ChildStdout>,
    pid: Arc<AtomicU32>,
    end: watch::Sender<Option<End>>,
) {
    let mut verdict = End::Stopped;
    if let Some(stdout) = stdout {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            verdict = match word {
                "started" => {
                    pid.store(rest.parse().unwrap_or(0), Ordering::Relaxed);
                    continue;
                }
                "exit" if rest == "0" => End::Exited(None),
                "exit" => End::Exited(Some(format!("exit status {rest}"))),
                "signal" => End::Exited(Some(format!("signal: {}", signal_name(rest)))),
                "memory" => End::Memory,
                "failed" => End::Failed(rest.to_owned()),
                _ => End::Stopped,
            };
        }
    }
    let killed = child.wait().await.is_ok_and(|status| status.code().is_none());
    if killed {
        // Somebody killed the supervisor, which could then not kill the worker.
        let worker = i32::try_from(pid.load(Ordering::Relaxed)).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(worker) = worker {
            let _ = rustix::process::kill_process_group(worker, rustix::process::Signal::Kill);
        }
    }
    end.send_replace(Some(verdict));
}

fn signal_name(number: &str) -> &str {
    match number {
        "6" => "aborted",
        "9" => "killed",
        "11" => "segmentation fault",
        "15" => "terminated",
        other => other,
    }
}
