//! Starting and stopping a sandbox inside a process.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::config::Config;
use crate::http::server::{Shared, router};

pub struct Sandbox;

/// A sandbox that is listening. Dropping it stops it.
pub struct Running {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub url: String,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Listens at once and serves on a thread of its own, so that it can be started from
    /// synchronous tests and from inside any async runtime alike.
    ///
    /// # Errors
    ///
    /// If the address is taken, or there is no thread to be had.
    pub fn start(config: Config) -> io::Result<Running> {
        let listener = TcpListener::bind(config.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(config, address));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread =
            std::thread::Builder::new().name("stripe-sandbox".to_owned()).spawn(move || {
                runtime.block_on(async move {
                    let listener = tokio::net::TcpListener::from_std(listener)
                        .expect("the listener is non-blocking");
                    tokio::select! {
                        _ = axum::serve(listener, router(shared)) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Running {
            url: format!("http://{address}"),
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Running {
    /// Serves until the process ends.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic on the server's thread has been reported there.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
