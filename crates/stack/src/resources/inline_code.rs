//! `Code.ZipFile` of a template is source text, which the service takes as a zip of one file named `index`.

use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The source as the wire has it: a zip in base64. `None` for runtimes that have no source.
pub(super) fn packed(runtime: &Value, source: &str) -> Option<String> {
    let runtime = runtime.as_str().unwrap_or_default();
    let name = match () {
        () if runtime.starts_with("python") => "index.py",
        () if runtime.starts_with("nodejs") => "index.js",
        () => return None,
    };
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    // The same source gives the same bytes, so an update that changes nothing publishes nothing.
    let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
    writer.start_file(name, options).ok()?;
    writer.write_all(source.as_bytes()).ok()?;
    Some(BASE64_STANDARD.encode(writer.finish().ok()?.into_inner()))
}
