//! A server of its own for each test, and the scripts that are its clients.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use testkit::Server;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_watershed");

/// A running server on a directory that is removed with it.
pub struct World {
    // Dropped in this order: the process ends before its directory goes.
    pub server: Server,
    pub dir: tempfile::TempDir,
}

pub fn server() -> World {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), &dir.path().join("data")).unwrap();
    World { server, dir }
}

/// A file beside the tests.
pub fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(path)
}

/// Runs a script as `SCRIPT ENDPOINT DATA` with the server's key in its environment; answers what it printed.
pub fn run(world: &World, script: &str) -> String {
    let (id, secret) = world.server.key().unwrap();
    let data = world.server.data().to_str().unwrap();
    let environment =
        [("AWS_ACCESS_KEY_ID", id.as_str()), ("AWS_SECRET_ACCESS_KEY", &secret), ("AWS_DEFAULT_REGION", "us-east-1")];
    testkit::run_python(&here(script), &[&world.server.endpoint(), data], &environment).unwrap()
}

/// Lines that a script of [`run_over_kills`] writes between two kills.
const LINES: usize = 40;
/// How long they may take on a loaded machine.
pub const WAIT_MAX: Duration = Duration::from_secs(120);

/// Runs a script as `SCRIPT ENDPOINT FILE` and kills the server so often, each time after some more lines of the file;
/// answers what the script printed.
pub fn run_over_kills(world: &mut World, script: &str, kills: usize) -> String {
    let (id, secret) = world.server.key().unwrap();
    let (script, endpoint, file) = (here(script), world.server.endpoint(), world.dir.path().join("acknowledged"));
    let written = file.clone();
    let client = std::thread::spawn(move || {
        let environment = [
            ("AWS_ACCESS_KEY_ID", id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &secret),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ];
        testkit::run_python(&script, &[&endpoint, written.to_str().unwrap()], &environment).unwrap()
    });
    for kill in 1..=kills {
        let deadline = Instant::now() + WAIT_MAX;
        // A script that ended early says why below.
        while !client.is_finished() && std::fs::read_to_string(&file).unwrap_or_default().lines().count() < kill * LINES
        {
            assert!(Instant::now() < deadline, "fewer than {} lines were written", kill * LINES);
            std::thread::sleep(Duration::from_millis(10));
        }
        world.server.kill();
        world.server.restart().unwrap();
    }
    client.join().unwrap()
}

/// Asks the lake, each time after a flush, until the answer is the one expected, as CSV.
pub fn until_sql(world: &World, question: &str, expected: &str) {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        world.server.run(&["lake", "flush"]).unwrap();
        let answer = world.server.run(&["sql", question, "--format", "csv"]).unwrap_or_default();
        if answer == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{answer}, not {expected}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
