//! How this program hosts functions: where their code is unpacked, who they run as, what they sign with, where they log.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use event::{Clock, Kind};
use function::{Functions, Host, Settings};
use identity::Identities;
use logs::Logs;
use server::Identity;
use sha2::{Digest as _, Sha256};
use state::State;

/// The argument that makes this program a worker's supervisor.
pub const SUPERVISE: &str = "supervise";

/// User and group of functions when the server runs as root: `nobody`.
const NOBODY: (u32, u32) = (65_534, 65_534);

/// Invocations at once: fewer than requests, so that functions that wait for this server are never all of them.
const CONCURRENCY: u32 = 256;

/// Seconds the session of a worker lasts: longer than any worker lives.
const SESSION_S: i64 = 2 * 86_400;

/// Opens the functions of a server that will listen at `endpoint`.
///
/// # Errors
/// When the state fails or the directory for code cannot be made.
pub async fn open(
    state: State,
    clock: Arc<dyn Clock>,
    host: Surroundings,
    identity: &Identity,
    data: &Path,
    endpoint: &str,
) -> anyhow::Result<Functions> {
    let is_root = rustix::process::geteuid().is_root();
    let directory = if is_root { shared_directory(data)? } else { data.join("functions") };
    let program = std::env::current_exe().context("cannot find this program")?;
    let supervisor = vec![program.into_os_string(), OsString::from(SUPERVISE)];
    let mut settings = Settings {
        run_as: is_root.then_some(NOBODY),
        concurrency: CONCURRENCY,
        ..Settings::new(&identity.region, &identity.account, endpoint, directory, supervisor)
    };
    // Whoever activated a virtual environment for the server means its interpreter.
    if let Ok(path) = std::env::var("PATH") {
        settings.path = path;
    }
    Ok(Functions::open(state, clock, Arc::new(host), settings).await?)
}

/// A place that another user reaches, one for each data directory, which itself may be private.
fn shared_directory(data: &Path) -> anyhow::Result<PathBuf> {
    let data = data.canonicalize().with_context(|| format!("cannot find {}", data.display()))?;
    let digest = hex::encode(Sha256::digest(data.as_os_str().as_encoded_bytes()));
    Ok(std::env::temp_dir().join(format!("watershed-functions-{}", digest.get(..16).unwrap_or_default())))
}

/// What functions need of the server: where their lines go, and sessions of their roles.
pub struct Surroundings {
    pub logs: Logs,
    pub identities: Identities,
}

#[async_trait]
impl Host for Surroundings {
    async fn credentials(&self, role: &str, function: &str) -> Result<function::Credentials, event::Error> {
        let session = self.identities.service_session(role, function, SESSION_S).await;
        let session = session.map_err(|error| event::Error::new(Kind::Unavailable, error.to_string()))?;
        Ok(function::Credentials {
            access_key_id: session.access_key_id,
            secret_access_key: session.secret_access_key,
            session_token: Some(session.token),
        })
    }

    async fn log(&self, group: &str, stream: &str, lines: Vec<(i64, String)>) -> Result<(), event::Error> {
        let mut events: Vec<_> = lines.into_iter().map(|(at_ms, message)| logs::Input { at_ms, message }).collect();
        // Lines of one stream come in order, unless the machine's clock was set back.
        events.sort_by_key(|event| event.at_ms);
        for part in parts(&events) {
            match self.logs.put(group, stream, part.to_vec()).await {
                Err(error) if error.kind() == Kind::NotFound => {
                    ignore_existing(self.logs.create_group(group, None, None, Default::default()).await)?;
                    ignore_existing(self.logs.create_stream(group, stream).await)?;
                    self.logs.put(group, stream, part.to_vec()).await?;
                }
                other => {
                    other?;
                }
            }
        }
        Ok(())
    }
}

fn ignore_existing(made: Result<(), logs::Error>) -> Result<(), logs::Error> {
    match made {
        Err(error) if error.kind() == Kind::Conflict => Ok(()),
        other => other,
    }
}

/// What one PutLogEvents takes: at most 10,000 events and 1 MiB, each counted with 26 bytes more.
fn parts(events: &[logs::Input]) -> Vec<&[logs::Input]> {
    const EVENTS_MAX: usize = 10_000;
    const BYTES_MAX: usize = 1_048_576;
    let (mut found, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, event) in events.iter().enumerate() {
        let length = event.message.len() + 26;
        if index > start && (bytes + length > BYTES_MAX || index - start == EVENTS_MAX) {
            found.extend(events.get(start..index));
            (start, bytes) = (index, 0);
        }
        bytes += length;
    }
    found.extend(events.get(start..).filter(|rest| !rest.is_empty()));
    found
}
