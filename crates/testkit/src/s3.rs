//! An S3 service over a directory, to test against a real S3 protocol. Not durable and not for anything but tests.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use anyhow::{Context as _, anyhow};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const ACCESS_KEY_ID: &str = "AKIDOFTHETEST";
const SECRET_ACCESS_KEY: &str = "the secret of the test";

/// A service on a free port of the loopback interface, with one bucket. It ends when this is dropped.
pub struct S3 {
    address: SocketAddr,
    root: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl S3 {
    /// The bucket there is.
    pub const BUCKET: &str = "lake-root";

    /// Serves the objects under a directory, on a thread of its own.
    ///
    /// # Errors
    /// When the directory or the port cannot be used.
    pub fn start(root: &Path) -> anyhow::Result<S3> {
        std::fs::create_dir_all(root.join(Self::BUCKET))?;
        let files = s3s_fs::FileSystem::new(root).map_err(|error| anyhow!("s3s-fs: {error:?}"))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let service = builder.build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("s3".into()).spawn(move || {
            runtime.block_on(async {
                // It fails outside a runtime only.
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = serve(listener, service) => {}
                    _ = stopped => {}
                }
            });
        });
        let thread = thread.context("a thread for the S3 service")?;
        Ok(S3 { address, root: root.to_owned(), stop: Some(stop), thread: Some(thread) })
    }

    /// Such as `http://127.0.0.1:41234`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the bucket's objects are as files.
    pub fn files(&self) -> PathBuf {
        self.root.join(Self::BUCKET)
    }

    /// What a client needs in its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL_S3", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

async fn serve(listener: TcpListener, service: S3Service) {
    // A connection that cannot be accepted is the client's to repeat.
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let service = service.clone();
        tokio::spawn(async move {
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
