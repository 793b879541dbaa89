//! Accept loop and connections.

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

use super::body::notify_at_end;
use super::respond::{CloseAfterResponse, ConnectionDropped};
use super::server::handle;
use super::state::ServerState;

/// Serves until the future is dropped.
pub async fn serve(mut listener: TcpListener, address: SocketAddr, state: Arc<ServerState>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(connection(stream, Arc::clone(&state)));
                }
            }
            () = state.connections.refuse.notified() => {
                drop(listener);
                state.connections.close();
                state.connections.refusing.notify_one();
                let time = state.connections.refuse_for();
                tokio::time::sleep(time).await;
                listener = listen_again(address).await;
            }
        }
    }
}

async fn listen_again(address: SocketAddr) -> TcpListener {
    loop {
        // Another process can have taken the port in the meantime.
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connection(stream: TcpStream, state: Arc<ServerState>) {
    // Small responses in several writes must not wait for each other.
    let _ = stream.set_nodelay(true);
    let last = Arc::new(Notify::new());
    let service = service_fn(|request: Request<Incoming>| {
        let (state, last) = (Arc::clone(&state), Arc::clone(&last));
        async move {
            let response = handle(&state, request).await?;
            let ends = response.extensions().get::<CloseAfterResponse>().is_some();
            Ok::<_, ConnectionDropped>(if ends {
                response.map(|body| notify_at_end(body, last))
            } else {
                response
            })
        }
    });
    let mut serving = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            // An error is the client's, or a fault.
            _ = serving.as_mut() => return,
            () = last.notified() => serving.as_mut().graceful_shutdown(),
            () = state.connections.close_idle.notified() => serving.as_mut().graceful_shutdown(),
        }
    }
}
