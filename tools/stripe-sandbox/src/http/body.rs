//! Response bodies: complete, truncated, slow, and with a notification at their end.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};

pub type Body = UnsyncBoxBody<Bytes, io::Error>;

pub fn full_body(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Time for earlier bytes to leave the send buffer.
const FLUSH: Duration = Duration::from_millis(5);

/// Returns a body that fails after its first half: the connection closes before the announced
/// length is sent.
pub fn truncated_body(text: &str) -> Body {
    let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
    ChunkedBody { left: VecDeque::from([half]), breaks: true, pause: FLUSH, waiting: None }
        .boxed_unsync()
}

/// Number of chunks of a slow body.
const CHUNKS: usize = 10;

/// Returns a body that sends the text in chunks, with a pause before each.
pub fn slow_body(text: &str, pause: Duration) -> Body {
    let size = text.len().div_ceil(CHUNKS).max(1);
    let left = text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
    ChunkedBody { left, breaks: false, pause, waiting: None }.boxed_unsync()
}

struct ChunkedBody {
    left: VecDeque<Bytes>,
    /// Fail after the last chunk.
    breaks: bool,
    pause: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

type Polled = Poll<Option<Result<Frame<Bytes>, io::Error>>>;

impl http_body::Body for ChunkedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        if self.left.is_empty() && !self.breaks {
            return Poll::Ready(None);
        }
        let pause = self.pause;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(pause)));
        ready!(waiting.as_mut().poll(context));
        self.waiting = None;
        let broken = || Err(io::Error::other("connection cut by a fault"));
        Poll::Ready(Some(self.left.pop_front().map_or_else(broken, |piece| Ok(Frame::data(piece)))))
    }
}

/// Wraps a body and notifies `done` after its last frame, so that the connection can be closed.
pub fn notify_at_end(inner: Body, done: Arc<Notify>) -> Body {
    NotifyAtEnd { inner, done }.boxed_unsync()
}

struct NotifyAtEnd {
    inner: Body,
    done: Arc<Notify>,
}

impl http_body::Body for NotifyAtEnd {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if self.inner.is_end_stream() || matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.done.notify_one();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}
