//! Choice of free ports on this machine.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use crate::Error;

/// Range in which free ports are searched. It ends below Linux's ephemeral ports (from 32768): an outgoing connection
/// could take one of those before the program that should listen on it starts.
const FREE: Range<u16> = 20_000..32_000;

/// Position of the next search; starts at a random place in each process.
static NEXT: LazyLock<AtomicUsize> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let start = usize::try_from(since.subsec_nanos() ^ std::process::id());
    AtomicUsize::new(start.unwrap_or_default())
});

/// Returns `port` if it is free, or any free port if it is 0.
///
/// # Errors
/// [`Error::PortTaken`] with the variable that sets the port.
pub(crate) fn choose(port: u16, variable: &'static str) -> Result<u16, Error> {
    let chosen = if port == 0 { any_free() } else { if_free(port) };
    chosen.ok_or(Error::PortTaken { port, variable })
}

/// Closes the listener again: the program that uses the port opens its own.
fn if_free(port: u16) -> Option<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|_| port)
}

/// Returns another port each time.
fn any_free() -> Option<u16> {
    let next = || FREE.clone().nth(NEXT.fetch_add(1, Ordering::Relaxed) % FREE.len());
    FREE.filter_map(|_| next()).find_map(if_free)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn taken_port_is_reported_with_its_variable() {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = other.local_addr().expect("an address").port();
        let error = choose(port, "API_PORT").expect_err("taken").to_string();
        assert!(error.contains(&port.to_string()) && error.contains("API_PORT"), "{error}");
        drop(other);
        assert_eq!(choose(port, "API_PORT").expect("free again"), port);
    }

    #[test]
    fn port_0_chooses_a_free_port() {
        let ports: BTreeSet<u16> = (0..50).map(|_| choose(0, "API_PORT").expect("some")).collect();
        assert_eq!(ports.len(), 50);
        assert!(ports.iter().all(|port| FREE.contains(port)), "{ports:?}");
    }
}
