//! `/_sandbox/…`: what a test or a developer does to the sandbox itself. Not part of Stripe, no key needed.

use hyper::header::HeaderValue;
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::auth::Grant;
use super::body::{Body, whole};
use super::exchange::Incoming;
use super::faults::{Fault, Kind};
use super::limits::Limits;
use super::populate::{self, Population};
use super::shared::{Shared, real_now};
use crate::endpoint::call::Shape;
use crate::lifecycle;
use crate::resources::{self, payment_intents, payment_methods};
use crate::values::cards::TestCard;
use crate::world::find;

type Reply = Result<Value, (u16, String)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    key: String,
    /// None or null: everything.
    #[serde(default)]
    permissions: Option<Vec<String>>,
    #[serde(default)]
    expired: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Authenticate {
    succeed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bank {
    /// A test card's token.
    behaves_as: String,
}

pub async fn handle(shared: &Shared, incoming: &Incoming) -> Response<Body> {
    let reply = match (incoming.method.as_str(), incoming.path.as_str()) {
        ("POST", "/_sandbox/faults") => add_fault(shared, incoming).await,
        _ => route(shared, incoming),
    };
    let (status, body) = match reply {
        Ok(body) => (200, body),
        Err((status, message)) => (status, json!({ "error": message })),
    };
    let mut response = Response::new(whole(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn route(shared: &Shared, incoming: &Incoming) -> Reply {
    let path = incoming.path.trim_start_matches("/_sandbox");
    match (incoming.method.as_str(), path) {
        ("POST", "/keys") => {
            let new: NewKey = read(incoming)?;
            let granted = Grant::from_list(new.permissions);
            shared.keys().set(&new.key, if new.expired { Grant::Expired } else { granted });
            Ok(json!({ "key": new.key }))
        }
        ("DELETE", key) if key.starts_with("/keys/") => {
            let removed = shared.keys().remove(key.trim_start_matches("/keys/"));
            removed.then(|| json!({ "removed": true })).ok_or((404, "no such key".to_owned()))
        }
        ("GET", "/endpoints") => Ok(endpoints()),
        ("GET", "/clock") => Ok(clock(shared)),
        ("POST", "/clock") => {
            let advance: Advance = read(incoming)?;
            shared.world().offset += i64::from(advance.advance_seconds);
            Ok(clock(shared))
        }
        ("POST", path) if path.ends_with("/authenticate") => {
            let intent =
                path.trim_end_matches("/authenticate").trim_start_matches("/payment_intents/");
            authenticate(shared, intent, &read(incoming)?)
        }
        ("POST", path) if path.starts_with("/payment_methods/") => {
            behave(shared, path.trim_start_matches("/payment_methods/"), &read(incoming)?)
        }
        ("GET", "/settings") => Ok(json!(shared.world().settings.rules)),
        ("POST", "/settings") => change_settings(shared, &read(incoming)?),
        ("GET", "/requests") => {
            Ok(json!({ "requests": shared.log().recent().collect::<Vec<_>>() }))
        }
        ("GET", "/faults") => Ok(json!({ "faults": shared.faults().waiting() })),
        ("DELETE", "/faults") => {
            shared.faults().clear();
            Ok(json!({ "cleared": true }))
        }
        ("GET", "/limits") => Ok(json!(shared.limiter().limits)),
        ("POST", "/limits") => {
            let limits: Limits = read(incoming)?;
            let shown = json!(limits);
            shared.limit(limits);
            Ok(shown)
        }
        ("DELETE", "/limits") => {
            shared.limit(Limits::default());
            Ok(json!({ "cleared": true }))
        }
        ("DELETE", "/connections") => {
            shared.connections.close();
            Ok(json!({ "closed": true }))
        }
        ("POST", "/population") => populate(shared, &read(incoming)?),
        ("POST", "/portal_configuration") => {
            Ok(crate::resources::portal_configurations::save_default(&mut shared.world()))
        }
        ("POST", "/snapshot") => match shared.save() {
            Ok(Some(path)) => Ok(json!({ "path": path.display().to_string() })),
            Ok(None) => Err((400, "start the sandbox with --snapshot to have one".to_owned())),
            Err(error) => Err((500, error.to_string())),
        },
        ("POST", "/reset") => {
            shared.reset();
            Ok(json!({ "reset": true }))
        }
        (method, _) => Err((404, format!("no such admin path: {method} {}", incoming.path))),
    }
}

async fn add_fault(shared: &Shared, incoming: &Incoming) -> Reply {
    let fault: Fault = read(incoming)?;
    fault.check().map_err(|why| (400, why))?;
    let shown = json!(fault);
    if fault.kind == Kind::Refuse {
        shared.connections.refuse(fault.delay()).await;
    } else {
        shared.faults().add(fault);
    }
    Ok(shown)
}

/// What is imitated, for whoever wants to be sure of having tried all of it.
fn endpoints() -> Value {
    let rows = resources::endpoints().map(|endpoint| {
        let (object, list) = match endpoint.shape {
            Shape::Object(kind) => (kind, false),
            Shape::List(kind) => (kind, true),
        };
        json!({ "method": endpoint.method, "path": endpoint.path, "object": object, "list": list })
    });
    json!({ "endpoints": rows.collect::<Vec<_>>() })
}

/// A card that was saved is lost, or its holder has money again.
fn behave(shared: &Shared, method: &str, bank: &Bank) -> Reply {
    let card = TestCard::from_token(&bank.behaves_as)
        .ok_or_else(|| (400, format!("no such test card: {}", bank.behaves_as)))?;
    let mut world = shared.world();
    world.catch_up(real_now());
    let found = find(&world.payment_methods, method).cloned();
    let mut method = found.map_err(|error| (error.status(), error.message().to_owned()))?;
    method.behaves_as = card;
    world.payment_methods.put(method.clone());
    Ok(payment_methods::to_json(&method))
}

/// Sets what the body names and leaves the rest; what has become due before happens by the old rules.
fn change_settings(shared: &Shared, change: &Map<String, Value>) -> Reply {
    let mut world = shared.world();
    world.catch_up(real_now());
    let mut rules = json!(world.settings.rules);
    for (name, value) in change {
        rules[name] = value.clone();
    }
    let refused = |error: serde_json::Error| (400, error.to_string());
    world.settings.rules = serde_json::from_value(rules).map_err(refused)?;
    Ok(json!(world.settings.rules))
}

fn populate(shared: &Shared, population: &Population) -> Reply {
    let mut world = shared.world();
    world.catch_up(real_now());
    populate::populate(&mut world, population)
        .map(|last| json!({ "last_customer": last }))
        .map_err(|error| (error.status(), error.message().to_owned()))
}

/// The customer's answer to the bank.
fn authenticate(shared: &Shared, intent: &str, answer: &Authenticate) -> Reply {
    let mut world = shared.world();
    world.catch_up(real_now());
    lifecycle::authenticate::authenticate(&mut world, intent, answer.succeed)
        .and_then(|()| find(&world.payment_intents, intent))
        .map(|intent| payment_intents::to_json(&world, intent))
        .map_err(|error| (error.status(), error.message().to_owned()))
}

fn clock(shared: &Shared) -> Value {
    let mut world = shared.world();
    world.catch_up(real_now());
    json!({ "now": world.now(None), "offset_seconds": world.offset })
}

fn read<T: DeserializeOwned>(incoming: &Incoming) -> Result<T, (u16, String)> {
    serde_json::from_str(&incoming.body).map_err(|error| (400, error.to_string()))
}
