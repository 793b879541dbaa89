//! Connections: accepting them, and ending them in ways that clients must survive.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::body::last_of_connection;
use super::respond::{HangUp, LastOfConnection};
use super::server::handle;
use super::shared::Shared;

/// Serves until it is dropped.
pub async fn serve(mut listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(connection(stream, Arc::clone(&shared)));
                }
            }
            () = shared.connections.refuse.notified() => {
                drop(listener);
                shared.connections.close();
                shared.connections.refusing.notify_one();
                let time = shared.connections.refuse_for();
                tokio::time::sleep(time).await;
                listener = listen_again(address).await;
            }
        }
    }
}

async fn listen_again(address: SocketAddr) -> TcpListener {
    loop {
        // Somebody else may have the port for a moment.
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Small answers in several writes are not to wait for each other.
    let _ = stream.set_nodelay(true);
    let last = Arc::new(Notify::new());
    let service = service_fn(|request: Request<Incoming>| {
        let (shared, last) = (Arc::clone(&shared), Arc::clone(&last));
        async move {
            let response = handle(&shared, request).await?;
            let ends = response.extensions().get::<LastOfConnection>().is_some();
            Ok::<_, HangUp>(if ends {
                response.map(|body| last_of_connection(body, last))
            } else {
                response
            })
        }
    });
    let mut serving = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            // An error is the client's doing, or was asked for.
            _ = serving.as_mut() => return,
            () = last.notified() => serving.as_mut().graceful_shutdown(),
            () = shared.connections.close_idle.notified() => serving.as_mut().graceful_shutdown(),
        }
    }
}
