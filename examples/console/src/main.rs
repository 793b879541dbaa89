//! `console`: example of a platform's own console. Its server calls the billing API, so that no key is in the browser.

mod api;
mod app;
mod clock;
mod guard;
mod handlers;
mod http;
mod router;
mod stack;
mod views;

use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use app::Console;
use http::Http;

/// Example console of a platform that bills through the billing API
///
/// It shows the accounts of a local stack and listens on the loopback interface only.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Port to listen on; 0 takes a free one
    #[arg(long, env = "CONSOLE_PORT", default_value_t = 3000)]
    port: u16,
    /// Description of the running stack, which `make run` writes
    #[arg(long, value_name = "FILE", default_value = ".local/stack.json")]
    stack: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("console: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until SIGTERM or SIGINT. Prints the address once it listens.
async fn serve(arguments: Arguments) -> io::Result<()> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await.map_err(|error| {
            let port = arguments.port;
            io::Error::new(
                error.kind(),
                format!("port {port} cannot be used ({error}). Set CONSOLE_PORT to another one."),
            )
        })?;
    let port = listener.local_addr()?.port();
    let console = Console { port, stack_file: arguments.stack, http: Http::new() };
    println!("console listening on {}", console.url(""));
    io::stdout().flush()?;
    let router = router::router(Arc::new(console));
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stopped = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    tokio::select! {
        served = async { axum::serve(listener, router).await } => served,
        () = stopped => Ok(()),
    }
}
