//! Ports on this machine: is one free, and which one is.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use crate::Error;

/// Where free ports are looked for. Those that Linux gives to outgoing connections begin at 32768: one of them
/// could be taken between our look and the start of the program that is to listen there.
const FREE: Range<u16> = 20_000..32_000;

/// Where the search goes on; it begins elsewhere in each process.
static NEXT: LazyLock<AtomicUsize> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let start = usize::try_from(since.subsec_nanos() ^ std::process::id());
    AtomicUsize::new(start.unwrap_or_default())
});

/// `port` itself if nothing listens there, a free one for 0.
///
/// # Errors
/// [`Error::PortTaken`], with the variable that sets it.
pub(crate) fn claim(port: u16, variable: &'static str) -> Result<u16, Error> {
    let claimed = if port == 0 { free() } else { try_out(port) };
    claimed.ok_or(Error::PortTaken { port, variable })
}

/// The listener is closed again here: the program that the port is for opens it itself.
fn try_out(port: u16) -> Option<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|_| port)
}

/// Each time another one.
fn free() -> Option<u16> {
    let next = || FREE.clone().nth(NEXT.fetch_add(1, Ordering::Relaxed) % FREE.len());
    FREE.filter_map(|_| next()).find_map(try_out)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_variable_that_sets_it() {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = other.local_addr().expect("an address").port();
        let error = claim(port, "API_PORT").expect_err("taken").to_string();
        assert!(error.contains(&port.to_string()) && error.contains("API_PORT"), "{error}");
        drop(other);
        assert_eq!(claim(port, "API_PORT").expect("free again"), port);
    }

    #[test]
    fn port_0_is_any_free_one() {
        let ports: BTreeSet<u16> = (0..50).map(|_| claim(0, "API_PORT").expect("some")).collect();
        assert_eq!(ports.len(), 50);
        assert!(ports.iter().all(|port| FREE.contains(port)), "{ports:?}");
    }
}
