//! Servers that a benchmark measures: ours and its peers, each on a port and in a folder of its own.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::workplace::figures_of;

const START_MAX: Duration = Duration::from_secs(60);
/// On a disk, and open to the user that functions of root's server run as.
const FOLDERS: &str = "/var/tmp";

/// Where the programs are.
pub struct Programs {
    pub watershed: PathBuf,
    /// Of the environment that has the peers.
    pub python: PathBuf,
}

/// A server with nothing in it; killed and removed when it is dropped.
pub struct Server {
    child: Child,
    folder: PathBuf,
    host: String,
    key: (String, String),
}

impl Server {
    pub fn start(name: &str, programs: &Programs) -> anyhow::Result<Server> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = Path::new(FOLDERS).join(format!("watershed-bench-{port}"));
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        let mut command = command(name, programs, port, &folder)?;
        let log = File::create(folder.join("log"))?;
        let command = command.current_dir(&folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let key = ("bench".to_owned(), "bench".to_owned());
        let mut server = Server { child, folder, host: format!("127.0.0.1:{port}"), key };
        server.wait(name)?;
        if name == "watershed" {
            server.key = key_in(&server.folder.join("data/credentials"))?;
        }
        Ok(server)
    }

    /// Until it takes connections.
    fn wait(&mut self, name: &str) -> anyhow::Result<()> {
        let started = Instant::now();
        while TcpStream::connect(&self.host).is_err() {
            ensure!(self.child.try_wait()?.is_none(), "{name} stopped at start");
            ensure!(started.elapsed() < START_MAX, "{name} is not ready after {START_MAX:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// A file of its folder with this text.
    pub fn file(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Runs a program as a client, which prints its figures.
    pub fn load(&self, program: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
        figures_of(self.client(program).args(["--host", &self.host]).args(arguments))
    }

    /// Runs a command of our own program against the server.
    pub fn run(&self, program: &Path, arguments: &[&str]) -> anyhow::Result<()> {
        let output =
            self.client(program).args(arguments).args(["--endpoint", &format!("http://{}", self.host)]).output()?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn client(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("AWS_ACCESS_KEY_ID", &self.key.0).env("AWS_SECRET_ACCESS_KEY", &self.key.1);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn command(name: &str, programs: &Programs, port: u16, folder: &Path) -> anyhow::Result<Command> {
    let script = |name: &str| Command::new(programs.python.with_file_name(name));
    Ok(match name {
        "watershed" => {
            let mut command = Command::new(&programs.watershed);
            command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(folder.join("data"));
            command
        }
        "moto" => {
            let mut command = script("moto_server");
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            command
        }
        "ministack" => {
            let mut command = script("ministack");
            command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
            command
        }
        other => bail!("no server is called {other}"),
    })
}

fn key_in(credentials: &Path) -> anyhow::Result<(String, String)> {
    let text = fs::read_to_string(credentials)?;
    let value = |wanted: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        let found = pairs.find(|(name, _)| name.trim() == wanted).map(|(_, value)| value.trim().to_owned());
        found.with_context(|| format!("no {wanted} in the credentials file"))
    };
    Ok((value("aws_access_key_id")?, value("aws_secret_access_key")?))
}
