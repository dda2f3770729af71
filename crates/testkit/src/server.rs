//! A `watershed serve` process and its data directory.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::request;

/// How long a start may take on a loaded machine.
const START_MAX: Duration = Duration::from_secs(60);
/// How long an end may take, drain included.
const STOP_MAX: Duration = Duration::from_secs(60);

/// One data directory and the process that serves it, if it runs. The process is killed when this is dropped.
pub struct Server {
    binary: PathBuf,
    data: PathBuf,
    port: u16,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    child: Option<Child>,
}

impl Server {
    /// Starts the binary on a free port of the loopback interface.
    ///
    /// # Errors
    /// When it does not become ready; its log stands in `DATA/serve.log`.
    pub fn start(binary: &Path, data: &Path) -> anyhow::Result<Server> {
        Server::start_with(binary, data, &[], &[])
    }

    /// Starts the binary with more arguments of `serve` and environment variables, which restarts keep.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with(
        binary: &Path,
        data: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Server> {
        // The port stays the same over restarts, so that clients can go on.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        std::fs::create_dir_all(data)?;
        let mut server = Server {
            binary: binary.into(),
            data: data.into(),
            port,
            arguments: arguments.iter().map(|text| (*text).into()).collect(),
            environment: environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            child: None,
        };
        server.restart()?;
        Ok(server)
    }

    /// Starts it again on the same data and port.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.data.join("serve.log"))?;
        let child = Command::new(&self.binary)
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--data"])
            .arg(&self.data)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        self.child = Some(child);
        let started = Instant::now();
        while !self.is_ready() {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                bail!("the server stopped at start: {status}\n{}", self.log());
            }
            ensure!(started.elapsed() < START_MAX, "the server is not ready after {START_MAX:?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// `kill -9`: no chance to finish anything.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM: asks it to drain, and waits for its end.
    ///
    /// # Errors
    /// When it does not run or does not end.
    pub fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        let child = self.child.as_mut().context("no server runs")?;
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        let asked = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return Ok(status);
            }
            ensure!(asked.elapsed() < STOP_MAX, "the server has not ended after {STOP_MAX:?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Such as `http://127.0.0.1:41234`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The access key id and secret of the first start.
    ///
    /// # Errors
    /// When the credentials file is not there or has no key.
    pub fn key(&self) -> anyhow::Result<(String, String)> {
        let text = std::fs::read_to_string(self.data.join("credentials"))?;
        let value = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once('='))
                .find(|(key, _)| key.trim() == name)
                .map(|(_, value)| value.trim().to_owned())
                .with_context(|| format!("no {name} in the credentials file"))
        };
        Ok((value("aws_access_key_id")?, value("aws_secret_access_key")?))
    }

    /// Runs a client command of the binary against this server.
    ///
    /// # Errors
    /// When it cannot be started or exits other than 0.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let data = self.data.to_str().context("the data directory is UTF-8")?;
        let output = watershed(&self.binary, &[arguments, &["--data", data]].concat())?;
        ensure!(
            output.status.success(),
            "watershed {} failed: {}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr),
            String::from_utf8_lossy(&output.stdout)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Calls one of the server's own paths, signed, and answers its JSON.
    ///
    /// # Errors
    /// When there is no answer or it is not a success.
    pub fn post(&self, path: &str, body: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
        let (id, secret) = self.key()?;
        let (status, answer) = request::post(self.port, path, body, &id, &secret)?;
        ensure!(status == 200, "POST {path}: {status} {answer}");
        Ok(serde_json::from_str(&answer)?)
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.join("serve.log")).unwrap_or_default()
    }

    fn is_ready(&self) -> bool {
        use std::io::{Read as _, Write as _};
        let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let asked = stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs the binary with arguments, no AWS settings of the caller's environment among them.
///
/// # Errors
/// When it cannot be started.
pub fn watershed(binary: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    Ok(Command::new(binary).args(arguments).env_remove("AWS_ENDPOINT_URL").stdin(Stdio::null()).output()?)
}
