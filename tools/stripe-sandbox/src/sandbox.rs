//! Starts and stops a sandbox inside a process.

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Request, Response};
use tokio::sync::oneshot;

use crate::config::Config;
use crate::http::serve::serve;
use crate::http::server::handle;
use crate::http::state::ServerState;

pub struct Sandbox;

/// Running sandbox. Dropping it stops it.
pub struct Running {
    /// `http://127.0.0.1:PORT`, without a trailing slash.
    pub url: String,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Sandbox {
    /// Listens immediately and serves on its own thread, so that synchronous tests and any async
    /// runtime can start it.
    ///
    /// # Errors
    ///
    /// Fails if the address is in use, the thread cannot be created, or the snapshot cannot be
    /// read.
    pub fn start(config: Config) -> io::Result<Running> {
        let listener = TcpListener::bind(config.listen)?;
        listener.set_nonblocking(true)?;
        let address = reachable(listener.local_addr()?);
        let state = Arc::new(ServerState::new(config, address)?);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread =
            std::thread::Builder::new().name("stripe-sandbox".to_owned()).spawn(move || {
                let served = Arc::clone(&state);
                runtime.block_on(async move {
                    let listener = tokio::net::TcpListener::from_std(listener)
                        .expect("the listener is non-blocking");
                    tokio::select! {
                        () = serve(listener, address, served) => {}
                        _ = stopped => {}
                    }
                });
                state.save().map(drop)
            })?;
        Ok(Running {
            url: format!("http://{address}"),
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// Sandbox without a thread or a port. It runs in the caller's runtime.
#[derive(Clone)]
pub struct Inside {
    state: Arc<ServerState>,
}

impl Inside {
    /// Creates a sandbox.
    ///
    /// # Errors
    ///
    /// Fails if the snapshot cannot be read.
    pub fn new(config: Config) -> io::Result<Inside> {
        let address = config.listen;
        Ok(Inside { state: Arc::new(ServerState::new(config, address)?) })
    }

    /// Returns the response to a request, as over HTTP. Must be called in a tokio runtime. The
    /// request completes even if the caller drops this future.
    ///
    /// # Errors
    ///
    /// Fails if a fault drops the connection without a response or in the middle of one.
    pub async fn answer(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<()>, Bytes), Box<dyn Error + Send + Sync>> {
        let (head, body) = handle(&self.state, request).await?.into_parts();
        Ok((Response::from_parts(head, ()), body.collect().await?.to_bytes()))
    }
}

/// Returns the address for links in responses. A server that listens on all interfaces is reachable
/// on loopback; 0.0.0.0 cannot be opened.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

impl Running {
    /// Stops the sandbox and writes the snapshot, if one is configured.
    ///
    /// # Errors
    ///
    /// Fails if the snapshot cannot be written.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        drop(self.stop.take());
        // The server's thread has already reported its panic.
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or(Ok(())))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("stripe-sandbox: {error}");
        }
    }
}
