//! `expand[]`: validation before the operation, expansion after it.

use serde_json::Value;

use super::auth::Caller;
use super::expand_graph::{self, Target};
use crate::endpoint::call::Shape;
use crate::resources;
use crate::values::errors::{ApiError, Result};
use crate::world::World;

const MAX_DEPTH: usize = 4;

/// Refuses paths that cannot be expanded, and objects that the key has no permission to read.
pub fn check(shape: Shape, paths: &[String], caller: &Caller) -> Result<()> {
    paths.iter().try_for_each(|path| check_one(shape, path, caller))
}

fn check_one(shape: Shape, path: &str, caller: &Caller) -> Result<()> {
    let segments: Vec<&str> = path.split('.').collect();
    if segments.len() > MAX_DEPTH {
        return Err(ApiError::invalid(format!(
            "You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}"
        ))
        .code("property_expansion_max_depth"));
    }
    let refuse = |hint: String| {
        Err(ApiError::invalid(format!("This property cannot be expanded ({path}).{hint}")))
    };
    let (mut kind, mut rest): (&str, &[&str]) = match shape {
        Shape::Object(kind) => (kind, &segments),
        Shape::List(kind) if segments[0] == "data" => (kind, &segments[1..]),
        Shape::List(_) => {
            return refuse(format!(" You may want to try expanding 'data.{path}' instead."));
        }
    };
    while !rest.is_empty() {
        let Some(((_, _, target), taken)) = expand_graph::find(kind, rest) else {
            return if expand_graph::is_hash(kind, rest) { Ok(()) } else { refuse(String::new()) };
        };
        rest = &rest[taken..];
        match target {
            Target::One(next) | Target::Many(next) => {
                if let Some(resource) = expand_graph::resource_of(next) {
                    caller.require(&format!("rak_{resource}_read"))?;
                }
                kind = next;
            }
            Target::Inline(next) => kind = next,
            Target::Embedded(next) | Target::IncludedList(next) => {
                if let Some((first, after)) = rest.split_first() {
                    if *first != "data" {
                        return refuse(String::new());
                    }
                    rest = after;
                }
                kind = next;
            }
            Target::IncludedValue if rest.is_empty() => {}
            Target::IncludedValue => return refuse(String::new()),
        }
    }
    Ok(())
}

/// Expands the validated paths.
pub fn apply(world: &World, shape: Shape, paths: &[String], answer: &mut Value) {
    for path in paths {
        let segments: Vec<&str> = path.split('.').collect();
        match shape {
            Shape::Object(kind) => expand(world, kind, &segments, answer),
            Shape::List(kind) => {
                each(answer.get_mut("data"), |entry| expand(world, kind, &segments[1..], entry));
            }
        }
    }
}

fn expand(world: &World, kind: &str, segments: &[&str], object: &mut Value) {
    if segments.is_empty() || object.get("deleted").is_some() {
        return;
    }
    let Some(((_, _, target), taken)) = expand_graph::find(kind, segments) else { return };
    let (path, rest) = segments.split_at(taken);
    match target {
        Target::One(next) | Target::Many(next) => {
            at(object, path, &mut |slot| {
                each_or_self(slot, |slot| {
                    if let Some(found) =
                        slot.as_str().and_then(|id| resources::render(world, next, id))
                    {
                        *slot = found;
                    }
                    expand(world, next, rest, slot);
                });
            });
        }
        Target::Inline(next) => at(object, path, &mut |slot| expand(world, next, rest, slot)),
        Target::Embedded(next) => at(object, path, &mut |slot| elements(world, next, rest, slot)),
        Target::IncludedList(next) => {
            include(world, kind, path, object);
            at(object, path, &mut |slot| elements(world, next, rest, slot));
        }
        Target::IncludedValue => include(world, kind, path, object),
    }
}

fn elements(world: &World, kind: &str, rest: &[&str], list: &mut Value) {
    if let Some((_, rest)) = rest.split_first() {
        each(list.get_mut("data"), |entry| expand(world, kind, rest, entry));
    }
}

/// Adds a field that is included only on request.
fn include(world: &World, kind: &str, path: &[&str], object: &mut Value) {
    let Some(id) = object.get("id").and_then(Value::as_str).map(str::to_owned) else { return };
    for depth in 1..=path.len() {
        let (parent, name) = (&path[..depth - 1], path[depth - 1]);
        at(object, parent, &mut |hash| {
            if let Some(hash) = hash.as_object_mut()
                && !hash.contains_key(name)
                && let Some(value) = resources::include(world, kind, &id, &path[..depth])
            {
                hash.insert(name.to_owned(), value);
            }
        });
    }
}

/// Calls `with` for each value at the path, in every element of arrays on the way.
fn at(value: &mut Value, path: &[&str], with: &mut dyn FnMut(&mut Value)) {
    match (value, path.split_first()) {
        (value, None) => with(value),
        (Value::Array(entries), Some(_)) => {
            for entry in entries {
                at(entry, path, with);
            }
        }
        (value, Some((first, rest))) => {
            if let Some(inner) = value.get_mut(*first) {
                at(inner, rest, with);
            }
        }
    }
}

fn each(list: Option<&mut Value>, with: impl FnMut(&mut Value)) {
    list.and_then(Value::as_array_mut).into_iter().flatten().for_each(with);
}

fn each_or_self(value: &mut Value, mut with: impl FnMut(&mut Value)) {
    match value {
        Value::Array(entries) => entries.iter_mut().for_each(with),
        other => with(other),
    }
}
