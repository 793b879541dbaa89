//! Starting and stopping a sandbox inside a process.

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
use crate::http::shared::Shared;

pub struct Sandbox;

/// A sandbox that is listening. Dropping it stops it.
pub struct Running {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub url: String,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Sandbox {
    /// Listens at once and serves on a thread of its own, so that it can be started from
    /// synchronous tests and from inside any async runtime alike.
    ///
    /// # Errors
    ///
    /// If the address is taken, there is no thread to be had, or the snapshot cannot be read.
    pub fn start(config: Config) -> io::Result<Running> {
        let listener = TcpListener::bind(config.listen)?;
        listener.set_nonblocking(true)?;
        let address = reachable(listener.local_addr()?);
        let shared = Arc::new(Shared::new(config, address)?);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread =
            std::thread::Builder::new().name("stripe-sandbox".to_owned()).spawn(move || {
                let served = Arc::clone(&shared);
                runtime.block_on(async move {
                    let listener = tokio::net::TcpListener::from_std(listener)
                        .expect("the listener is non-blocking");
                    tokio::select! {
                        () = serve(listener, address, served) => {}
                        _ = stopped => {}
                    }
                });
                shared.save().map(drop)
            })?;
        Ok(Running {
            url: format!("http://{address}"),
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// A sandbox without a thread and a port: whoever calls it lends it the runtime.
#[derive(Clone)]
pub struct Inside {
    shared: Arc<Shared>,
}

impl Inside {
    /// # Errors
    ///
    /// If the snapshot cannot be read.
    pub fn new(config: Config) -> io::Result<Inside> {
        let address = config.listen;
        Ok(Inside { shared: Arc::new(Shared::new(config, address)?) })
    }

    /// The answer to a request as it would come in by HTTP. Must be called in a tokio runtime; what
    /// was asked for is done even if the caller stops waiting.
    ///
    /// # Errors
    ///
    /// If the connection would end without an answer, or in the midst of it.
    pub async fn answer(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<()>, Bytes), Box<dyn Error + Send + Sync>> {
        let (head, body) = handle(&self.shared, request).await?.into_parts();
        Ok((Response::from_parts(head, ()), body.collect().await?.to_bytes()))
    }
}

/// Where the pages that answers lead to are found: who listens everywhere listens here too, and
/// 0.0.0.0 is no address to open.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

impl Running {
    /// Stops, and keeps the state in the snapshot if there is to be one.
    ///
    /// # Errors
    ///
    /// If the snapshot cannot be written.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        drop(self.stop.take());
        // A panic on the server's thread has been reported there.
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
