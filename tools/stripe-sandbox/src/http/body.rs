//! Bodies of answers: whole, broken off, slow, and those whose end is also the connection's.

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

pub fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Long enough for what was given out before to be sent, and not only buffered.
const FLUSH: Duration = Duration::from_millis(5);

/// Sends the first half and then breaks: the connection is closed before what was announced is sent.
pub fn cut(text: &str) -> Body {
    let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
    Pieces { left: VecDeque::from([half]), breaks: true, pause: FLUSH, waiting: None }
        .boxed_unsync()
}

/// In how many pieces a slow answer comes.
const PIECES: usize = 10;

/// Sends the text in pieces, with a pause before each.
pub fn trickle(text: &str, pause: Duration) -> Body {
    let size = text.len().div_ceil(PIECES).max(1);
    let left = text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
    Pieces { left, breaks: false, pause, waiting: None }.boxed_unsync()
}

struct Pieces {
    left: VecDeque<Bytes>,
    /// An error follows the last piece.
    breaks: bool,
    pause: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

type Polled = Poll<Option<Result<Frame<Bytes>, io::Error>>>;

impl http_body::Body for Pieces {
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
        let broken = || Err(io::Error::other("cut on request"));
        Poll::Ready(Some(self.left.pop_front().map_or_else(broken, |piece| Ok(Frame::data(piece)))))
    }
}

/// Passes a body on and says when its last piece was taken: its connection is to end then.
pub fn last_of_connection(inner: Body, done: Arc<Notify>) -> Body {
    Last { inner, done }.boxed_unsync()
}

struct Last {
    inner: Body,
    done: Arc<Notify>,
}

impl http_body::Body for Last {
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
