//! The process between the server and a worker: it lives as long as the server holds its standard input open, and
//! nothing the worker started outlives it.
//!
//! The server starts its own program as `supervise`, hands over an order as the first line of standard input and
//! keeps the pipe. When the pipe closes, because the server wants it or because it died in whatever way, the
//! worker and all its descendants are killed. (A parent-death signal would be tied to the thread that started the
//! process, and would not reach grandchildren.) Descendants that left their parents come back to this process
//! as their reaper, so they are found too. The memory limit is watched here: an address-space limit would stop
//! runtimes that only reserve (Go, Node), and control groups need rights that a server may not have.
//!
//! Standard output tells the server what happens, one line each: `started PID`, then one of `failed REASON`,
//! `exit CODE`, `signal NUMBER`, `memory`, `stopped`. The worker writes to standard error.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// Bytes of the order.
const ORDER_BYTES_MAX: u64 = 1 << 20;
/// How often memory is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(100);
/// Rounds of killing until nothing is left; a process that is created meanwhile is met in the next.
const KILL_ROUNDS_MAX: usize = 1000;
const KILL_PAUSE: Duration = Duration::from_millis(2);

/// What to run, how.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// All of it: nothing is inherited.
    pub environment: BTreeMap<String, String>,
    pub directory: PathBuf,
    /// User and group, when the server may choose.
    pub user: Option<(u32, u32)>,
    /// Resident bytes of the worker with its descendants.
    pub memory_bytes_max: u64,
}

enum News {
    Ended(std::io::Result<std::process::ExitStatus>),
    /// The server closed the pipe.
    Released,
}

/// Runs one worker until it ends or the server lets go of it. Call it before any other thread or runtime is started.
pub fn run() -> ExitCode {
    let mut input = std::io::BufReader::new(std::io::stdin());
    let mut line = String::new();
    let order = match input.by_ref().take(ORDER_BYTES_MAX).read_line(&mut line) {
        Ok(_) => serde_json::from_str::<Order>(&line).ok(),
        Err(_) => None,
    };
    let Some(order) = order else { return ExitCode::FAILURE };
    let me = rustix::process::getpid();
    // Without it only descendants that stayed with their parents are found.
    let _ = rustix::process::set_child_subreaper(Some(me));
    let mut child = match spawn(&order) {
        Ok(child) => child,
        Err(error) => {
            tell(&format!("failed {error}"));
            return ExitCode::FAILURE;
        }
    };
    let pid = child.id();
    tell(&format!("started {pid}"));
    let (news, heard) = mpsc::channel();
    let ended = news.clone();
    std::thread::spawn(move || ended.send(News::Ended(child.wait())));
    std::thread::spawn(move || {
        let mut rest = [0; 64];
        while matches!(input.read(&mut rest), Ok(read) if read > 0) {}
        let _ = news.send(News::Released);
    });
    let verdict = watch(&heard, pid, order.memory_bytes_max);
    kill_descendants(me);
    tell(&verdict);
    ExitCode::SUCCESS
}

fn spawn(order: &Order) -> std::io::Result<std::process::Child> {
    let output = std::io::stderr().as_fd().try_clone_to_owned()?;
    let mut command = Command::new(&order.program);
    command
        .args(&order.arguments)
        .env_clear()
        .envs(&order.environment)
        .current_dir(&order.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::from(output))
        .process_group(0);
    if let Some((user, group)) = order.user {
        command.uid(user).gid(group);
    }
    command.spawn()
}

/// Waits for the end, of whichever kind.
fn watch(heard: &mpsc::Receiver<News>, pid: u32, memory_bytes_max: u64) -> String {
    loop {
        match heard.recv_timeout(WATCH_EVERY) {
            Ok(News::Ended(Ok(status))) => {
                return match (status.code(), status.signal()) {
                    (Some(code), _) => format!("exit {code}"),
                    (None, Some(signal)) => format!("signal {signal}"),
                    (None, None) => "stopped".into(),
                };
            }
            Ok(News::Ended(Err(_)) | News::Released) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                return "stopped".into();
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if tree(pid).iter().map(|pid| status_kb(*pid, "VmRSS:")).sum::<u64>() * 1024 > memory_bytes_max {
                    return "memory".into();
                }
            }
        }
    }
}

fn tell(line: &str) {
    // Without a reader the server is gone, and standard input says so too.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A process and its descendants that stayed with their parents.
fn tree(pid: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([pid]);
    let mut open = vec![pid];
    while let Some(parent) = open.pop() {
        for thread in fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            open.extend(
                children.split_whitespace().filter_map(|child| child.parse().ok()).filter(|child| found.insert(*child)),
            );
        }
    }
    found
}

/// A number of `/proc/PID/status`, such as `VmHWM:`; 0 when the process is gone.
pub(crate) fn status_kb(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn kill_descendants(me: Pid) {
    for _ in 0..KILL_ROUNDS_MAX {
        let alive = descendants(me.as_raw_nonzero().get());
        if alive.is_empty() {
            return;
        }
        for pid in alive.into_iter().filter_map(Pid::from_raw) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, Signal::Kill);
        }
        std::thread::sleep(KILL_PAUSE);
    }
}

/// All living descendants, by a look at every process.
fn descendants(me: i32) -> BTreeSet<i32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // `PID (NAME) STATE PARENT ...`: the name may hold anything, the last bracket ends it.
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let mut fields = rest.split_whitespace();
        let state = fields.next().unwrap_or_default();
        let Some(parent) = fields.next().and_then(|parent| parent.parse::<i32>().ok()) else { continue };
        parents.push((pid, parent, state == "Z" || state == "X"));
    }
    let mut found = BTreeSet::from([me]);
    loop {
        let before = found.len();
        for (pid, parent, _) in &parents {
            if found.contains(parent) {
                found.insert(*pid);
            }
        }
        if found.len() == before {
            break;
        }
    }
    let dead: BTreeSet<i32> = parents.iter().filter(|(.., dead)| *dead).map(|(pid, ..)| *pid).collect();
    found.remove(&me);
    &found - &dead
}
