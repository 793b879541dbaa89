//! The properties of a route that the runtime needs.

use crate::stripe::Priority;
use crate::values::Scope;

/// A route of the API.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub(super) scope: Scope,
    pub(super) priority: Priority,
    /// Name of its stored reads; none for a route that changes or prices anything.
    pub(super) stored_as: Option<&'static str>,
}

impl Route {
    /// Creates a GET, which stored reads answer. `name` is the name of the endpoint.
    pub fn get(scope: Scope, name: &'static str) -> Self {
        Self { scope, priority: Priority::Read, stored_as: Some(name) }
    }

    /// Creates a POST or a DELETE, which always asks Stripe.
    pub fn post(scope: Scope) -> Self {
        Self { scope, priority: Priority::Write, stored_as: None }
    }

    /// Gives the GET precedence over others under Stripe's rate limit, because access depends on it.
    #[must_use]
    pub fn deciding_access(self) -> Self {
        Self { priority: Priority::Access, ..self }
    }
}
