//! `watershed credentials`: shell exports for AWS tools.

use crate::client::Find;
use crate::data;

/// Print shell exports that point AWS tools at the server
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval \"$(watershed credentials)\"
  aws dynamodb list-tables")]
pub struct Show {
    #[command(flatten)]
    find: Find,
}

impl Show {
    pub fn run(self) -> anyhow::Result<()> {
        let key = data::credentials(&self.find.data)?;
        let running = data::running(&self.find.data);
        let region = running.as_ref().map_or("us-east-1", |r| r.region.as_str());
        let endpoint = self.find.endpoint.or(running.as_ref().map(|r| r.endpoint.clone()));
        let mut text = format!(
            "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\nexport AWS_REGION={region}\n\
             export AWS_DEFAULT_REGION={region}\nunset AWS_SESSION_TOKEN\nunset AWS_PROFILE\n",
            key.access_key_id, key.secret_access_key
        );
        if let Some(endpoint) = endpoint {
            text.push_str(&format!("export AWS_ENDPOINT_URL={endpoint}\n"));
        }
        super::print(&text)
    }
}
