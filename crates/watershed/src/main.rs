//! Serverless health-data architecture in one program: the `watershed` command.

mod catalog;
mod client;
mod clock;
mod commands;
mod data;
mod demo;
mod functions;
mod mappings;
mod object_events;
mod processors;
mod registry;
mod start;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h: how long freed memory is kept, milliseconds.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Delivery frees files by the hundred megabytes: kept for the default second they would count on top of what is in use.
#[allow(unsafe_code, reason = "the allocator has no other way to set an option; no thread runs yet")]
fn give_memory_back_at_once() {
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 0) };
}

fn main() -> ExitCode {
    give_memory_back_at_once();
    // Before anything else runs in this process: a supervisor has no threads but its own.
    if std::env::args_os().skip(1).eq([functions::SUPERVISE]) {
        return function::supervise::run();
    }
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("WATERSHED_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,datafusion=warn,hyper=warn"));
    // At its finest level the SDK writes answers, which hold record content.
    let filter = match "aws_smithy_runtime=info".parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    match commands::run(commands::Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
