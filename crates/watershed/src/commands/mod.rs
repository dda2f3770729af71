//! The command line: one file per command.

mod audit;
mod credentials;
mod demo;
mod deploy;
mod dlq;
mod lake;
mod logs;
mod pipe;
mod serve;
mod sql;
mod status;

use std::io::Write as _;

use clap::{Parser, Subcommand};

/// Tables, streams, pipes and a partitioned lake in one program
#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "Examples:
  watershed serve
  eval \"$(watershed credentials)\" && aws dynamodb list-tables
  watershed deploy template.yaml --stack site
  watershed sql \"SELECT count(*) FROM measurements\""
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Serve),
    Deploy(deploy::Deploy),
    Demo(demo::Demo),
    Sql(sql::Sql),
    Status(status::Status),
    Credentials(credentials::Show),
    Lake(lake::Lake),
    Pipe(pipe::Pipe),
    Dlq(dlq::Dlq),
    Logs(logs::Logs),
    Audit(audit::Audit),
}

/// Runs the command asked for.
///
/// # Errors
/// What `main` prints before it exits 1.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(command) => command.run().await,
        Command::Deploy(command) => command.run().await,
        Command::Demo(command) => command.run().await,
        Command::Sql(command) => command.run().await,
        Command::Status(command) => command.run().await,
        Command::Credentials(command) => command.run(),
        Command::Lake(command) => command.run().await,
        Command::Pipe(command) => command.run().await,
        Command::Dlq(command) => command.run().await,
        Command::Logs(command) => command.run().await,
        Command::Audit(command) => command.run().await,
    }
}

/// How most commands print.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Writes to standard output; a reader that went away (`| head`) is no error.
fn print(text: &str) -> anyhow::Result<()> {
    print_while_read(text).map(drop)
}

/// The same for what never ends: tells whether anybody reads it still.
fn print_while_read(text: &str) -> anyhow::Result<bool> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}
