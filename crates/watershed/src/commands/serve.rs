//! `watershed serve`: the server.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use server::{Identity, Limits};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::data::{Data, Running};
use crate::start;

/// Run the server until SIGTERM or Ctrl-C
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed serve
  watershed serve --data /var/lib/watershed --listen 0.0.0.0:4566
  watershed serve --lake s3://my-lake/prefix --region eu-north-1 --account 123456789012
  watershed serve --endpoint-for dynamodb=http://other-host:4566
  AWS_PROFILE=clinic watershed serve   # pipes may read the streams of that account at AWS
  AWS_ALLOW_HTTP=true watershed serve --lake 's3://my-lake/prefix?endpoint=http://minio:9000&region=us-east-1'

Access to an s3:// lake comes from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION or
AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, and AWS_ALLOW_HTTP=true for an endpoint without TLS.
The options endpoint, region, allow_http and virtual_hosted_style_request of the URL go before them.")]
pub struct Serve {
    /// Directory of the credentials, and of state and lake unless given
    #[arg(long, default_value = "./watershed-data")]
    data: PathBuf,
    /// The state: a SQLite file or sqlite:PATH [default: DATA/state.db]
    #[arg(long)]
    state: Option<String>,
    /// The lake: a directory or s3://BUCKET/PREFIX[?OPTION=VALUE&...] [default: DATA/lake]
    #[arg(long)]
    lake: Option<String>,
    /// Address and port; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:4566")]
    listen: String,
    /// Region of every resource
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Account of every resource, twelve digits
    #[arg(long, default_value = "000000000000")]
    account: String,
    /// Endpoint of streams that pipes read elsewhere: ARN=URL, or dynamodb=URL for all that are not ours; may be repeated
    ///
    /// Without it, streams of other regions and accounts are read at AWS itself. An ARN may be the beginning of one; the
    /// longest that fits counts, and what it names is read there even if its region and account are ours. Credentials
    /// come from the standard AWS environment and profiles.
    #[arg(long, value_name = "ARN_OR_SERVICE=URL")]
    endpoint_for: Vec<remote::EndpointFor>,
    /// For tests: time stands still at the start and moves by POST /_watershed/test/clock
    #[arg(long)]
    test_clock: bool,
}

impl Serve {
    pub async fn run(self) -> anyhow::Result<()> {
        let digits = self.account.len() == 12 && self.account.bytes().all(|b| b.is_ascii_digit());
        ensure!(digits, "--account must be twelve digits");
        let named = self.region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        ensure!(named && !self.region.is_empty(), "--region must be lower-case letters, digits and hyphens");
        // Before anything else, so that a signal during the start is not lost.
        let mut terminate = signal(SignalKind::terminate())?;
        let data = Data::lock(&self.data)?;
        let under = |name: &str| self.data.join(name).to_string_lossy().into_owned();
        let state = self.state.clone().unwrap_or_else(|| under("state.db"));
        let lake = self.lake.clone().unwrap_or_else(|| under("lake"));
        let identity = Identity { account: self.account.clone(), region: self.region.clone() };
        let credentials = data.credentials()?;
        // Before the services start, since functions are told where to call. Who connects meanwhile waits.
        let listener = TcpListener::bind(&self.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", self.listen))?;
        let address = listener.local_addr()?;
        let endpoint = format!("http://{address}");
        let home = reachable(address);
        let settings = start::Settings {
            data: &self.data,
            state: &state,
            lake: &lake,
            identity,
            credentials,
            endpoints: remote::Endpoints::new(self.endpoint_for),
            test_clock: self.test_clock,
            home: &home,
        };
        if self.test_clock {
            tracing::warn!("the clock stands still: --test-clock is for tests");
        }
        let app = start::open(settings).await?;
        let running =
            Running { endpoint: endpoint.clone(), region: self.region, account: self.account, pid: std::process::id() };
        data.announce(&running)?;
        super::print(&format!("watershed is ready at {endpoint}\n"))?;

        let limits = Limits::default();
        let router = server::router(app.clone(), limits.clone());
        let told = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            tracing::info!("stopping");
            // Who waits for messages would hold up the end.
            app.queues.shutdown();
        };
        server::serve(listener, router, limits, told).await;
        start::close(&app).await;
        data.retire();
        Ok(())
    }
}

/// Where this machine's own processes reach the server.
fn reachable(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) if address.ip().is_unspecified() => format!("http://127.0.0.1:{}", address.port()),
        SocketAddr::V6(address) if address.ip().is_unspecified() => format!("http://[::1]:{}", address.port()),
        address => format!("http://{address}"),
    }
}
