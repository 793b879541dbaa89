//! Endpoints, and calls of them.

use serde_json::Value;

use super::params::{Params, TimeRange};
use super::{form, page};
use crate::model::Entity;
use crate::values::errors::Result;
use crate::world::World;
use crate::world::store::{Cursor, Table};

/// Type of an endpoint's response: the root of expandable paths.
#[derive(Clone, Copy)]
pub enum Shape {
    Object(&'static str),
    List(&'static str),
}

pub type Handler = fn(&mut Call<'_>) -> Result<Value>;

/// Row of the endpoint table. `{}` in a path stands for an ID.
pub struct Endpoint {
    pub method: &'static str,
    pub path: &'static str,
    /// Resource of the permission that a restricted key needs: `subscription` for
    /// `rak_subscription_read`.
    pub resource: &'static str,
    pub write: bool,
    pub shape: Shape,
    pub run: Handler,
}

pub const fn get(
    path: &'static str,
    resource: &'static str,
    kind: &'static str,
    run: Handler,
) -> Endpoint {
    Endpoint { method: "GET", path, resource, write: false, shape: Shape::Object(kind), run }
}

pub const fn list(
    path: &'static str,
    resource: &'static str,
    kind: &'static str,
    run: Handler,
) -> Endpoint {
    Endpoint { method: "GET", path, resource, write: false, shape: Shape::List(kind), run }
}

pub const fn post(
    path: &'static str,
    resource: &'static str,
    kind: &'static str,
    run: Handler,
) -> Endpoint {
    Endpoint { method: "POST", path, resource, write: true, shape: Shape::Object(kind), run }
}

/// POST that changes nothing.
pub const fn post_read(
    path: &'static str,
    resource: &'static str,
    kind: &'static str,
    run: Handler,
) -> Endpoint {
    Endpoint { method: "POST", path, resource, write: false, shape: Shape::Object(kind), run }
}

pub const fn delete(
    path: &'static str,
    resource: &'static str,
    kind: &'static str,
    run: Handler,
) -> Endpoint {
    Endpoint { method: "DELETE", path, resource, write: true, shape: Shape::Object(kind), run }
}

impl Endpoint {
    pub fn permission(&self) -> String {
        format!("rak_{}_{}", self.resource, if self.write { "write" } else { "read" })
    }

    /// Returns the IDs in `path` if it matches this endpoint.
    pub fn matches(&self, method: &str, path: &str) -> Option<Vec<String>> {
        if self.method != method {
            return None;
        }
        let mut ids = Vec::new();
        let mut given = path.split('/');
        for expected in self.path.split('/') {
            let given = given.next()?;
            if expected == "{}" && !given.is_empty() {
                ids.push(form::decode_path(given)?);
            } else if expected != given {
                return None;
            }
        }
        given.next().is_none().then_some(ids)
    }
}

/// Call of an endpoint.
pub struct Call<'a> {
    pub world: &'a mut World,
    pub ids: Vec<String>,
    pub path: String,
    pub params: Params,
    /// The parameters are valid and the operation has begun. From here on its response is stored
    /// for the idempotency key.
    pub started: bool,
}

impl Call<'_> {
    /// Returns the first ID in the path.
    pub fn id(&self) -> String {
        self.ids[0].clone()
    }

    /// Refuses parameters that were not read, and begins the operation.
    pub fn begin(&mut self) -> Result<()> {
        self.params.finish()?;
        self.started = true;
        Ok(())
    }

    pub fn cursor(&mut self) -> Result<Cursor> {
        page::cursor(&mut self.params)
    }

    pub fn created(&mut self) -> Result<TimeRange> {
        self.params.range("created")
    }

    /// Returns one page of a table as a list object.
    pub fn list<T: Entity>(
        &self,
        table: &Table<T>,
        keys: &[String],
        cursor: &Cursor,
        keep: impl Fn(&T) -> bool,
        show: impl Fn(&World, &T) -> Value,
    ) -> Result<Value> {
        let page =
            table.page(keys, cursor, keep).ok_or_else(|| page::unknown_cursor(T::KIND, cursor))?;
        let data = page.objects.iter().map(|object| show(self.world, object)).collect();
        Ok(page::list(&self.path, data, page.has_more))
    }
}
