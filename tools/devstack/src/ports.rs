//! Ports on this machine: is one free, and which one is.

use std::net::{Ipv4Addr, TcpListener};

use crate::Error;

/// `port` itself if nothing listens there, a free one for 0.
///
/// # Errors
/// [`Error::PortTaken`], with the variable that sets it.
pub(crate) fn claim(port: u16, variable: &'static str) -> Result<u16, Error> {
    let bound =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| listener.local_addr());
    // The listener is closed again here: the program that the port is for opens it itself.
    bound.map(|address| address.port()).map_err(|_| Error::PortTaken { port, variable })
}

#[cfg(test)]
mod tests {
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
        assert_ne!(claim(0, "API_PORT").expect("some port"), 0);
    }
}
