//! Admin endpoints under `/_sandbox/`. They are not part of Stripe and need no key.

use hyper::header::HeaderValue;
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::auth::Grant;
use super::body::{Body, full_body};
use super::exchange::ApiRequest;
use super::faults::{Fault, FaultKind};
use super::limits::Limits;
use super::populate::{self, Population};
use super::state::{ServerState, real_now};
use crate::endpoint::call::Shape;
use crate::lifecycle;
use crate::resources::event_derive::settle;
use crate::resources::{self, payment_intents, payment_method_json};
use crate::values::errors;
use crate::values::instruments::Instrument;
use crate::world::{World, find};

type AdminResult = Result<Value, (u16, String)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    key: String,
    /// None or null grants all permissions.
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
struct Answer {
    succeed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Behavior {
    /// Token of a test payment method.
    behaves_as: String,
}

pub async fn handle(state: &ServerState, request: &ApiRequest) -> Response<Body> {
    let reply = match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/_sandbox/faults") => add_fault(state, request).await,
        _ => route(state, request),
    };
    let (status, body) = match reply {
        Ok(body) => (200, body),
        Err((status, message)) => (status, json!({ "error": message })),
    };
    let mut response = Response::new(full_body(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn route(state: &ServerState, request: &ApiRequest) -> AdminResult {
    let path = request.path.trim_start_matches("/_sandbox");
    match (request.method.as_str(), path) {
        ("POST", "/keys") => {
            let new: NewKey = read(request)?;
            let granted = Grant::from_list(new.permissions);
            state.keys().set(&new.key, if new.expired { Grant::Expired } else { granted });
            Ok(json!({ "key": new.key }))
        }
        ("DELETE", key) if key.starts_with("/keys/") => {
            let removed = state.keys().remove(key.trim_start_matches("/keys/"));
            removed.then(|| json!({ "removed": true })).ok_or((404, "no such key".to_owned()))
        }
        ("GET", "/endpoints") => Ok(endpoints()),
        ("GET", "/clock") => Ok(clock(state)),
        ("POST", "/clock") => {
            let advance: Advance = read(request)?;
            state.world().offset += i64::from(advance.advance_seconds);
            Ok(clock(state))
        }
        ("POST", path) if path.ends_with("/authenticate") => {
            let intent =
                path.trim_end_matches("/authenticate").trim_start_matches("/payment_intents/");
            answer(state, intent, &read(request)?, lifecycle::authenticate::authenticate)
        }
        ("POST", path) if path.ends_with("/settle") => {
            let intent = path.trim_end_matches("/settle").trim_start_matches("/payment_intents/");
            answer(state, intent, &read(request)?, lifecycle::processing::end_now)
        }
        ("POST", path) if path.starts_with("/payment_methods/") => {
            set_behavior(state, path.trim_start_matches("/payment_methods/"), &read(request)?)
        }
        ("GET", "/settings") => Ok(json!(state.world().settings.rules)),
        ("POST", "/settings") => change_settings(state, &read(request)?),
        ("GET", "/requests") => Ok(json!({ "requests": state.log().recent().collect::<Vec<_>>() })),
        ("GET", "/faults") => Ok(json!({ "faults": state.faults().waiting() })),
        ("DELETE", "/faults") => {
            state.faults().clear();
            Ok(json!({ "cleared": true }))
        }
        (_, "/events/faults") => event_faults(state, request),
        ("GET", "/limits") => Ok(json!(state.limiter().limits)),
        ("POST", "/limits") => {
            let limits: Limits = read(request)?;
            let shown = json!(limits);
            state.limit(limits);
            Ok(shown)
        }
        ("DELETE", "/limits") => {
            state.limit(Limits::default());
            Ok(json!({ "cleared": true }))
        }
        ("DELETE", "/connections") => {
            state.connections.close();
            Ok(json!({ "closed": true }))
        }
        ("POST", "/population") => populate(state, &read(request)?),
        ("POST", "/portal_configuration") => {
            Ok(crate::resources::portal_configurations::save_default(&mut state.world()))
        }
        ("POST", "/snapshot") => match state.save() {
            Ok(Some(path)) => Ok(json!({ "path": path.display().to_string() })),
            Ok(None) => Err((
                400,
                "there is no snapshot file; start the sandbox with --snapshot".to_owned(),
            )),
            Err(error) => Err((500, error.to_string())),
        },
        ("POST", "/reset") => {
            state.reset();
            Ok(json!({ "reset": true }))
        }
        (method, _) => Err((404, format!("no such admin path: {method} {}", request.path))),
    }
}

async fn add_fault(state: &ServerState, request: &ApiRequest) -> AdminResult {
    let fault: Fault = read(request)?;
    fault.check().map_err(|why| (400, why))?;
    let shown = json!(fault);
    if fault.kind == FaultKind::Refuse {
        state.connections.refuse(fault.delay()).await;
    } else {
        state.faults().add(fault);
    }
    Ok(shown)
}

/// Lists, adds or removes event faults. A change affects events of later changes only.
fn event_faults(state: &ServerState, request: &ApiRequest) -> AdminResult {
    let mut world = state.world();
    world.catch_up(real_now());
    settle(&mut world);
    match request.method.as_str() {
        "GET" => {}
        "POST" => world.event_faults.add(read(request)?),
        "DELETE" => world.event_faults.clear(),
        method => return Err((404, format!("no such admin path: {method} {}", request.path))),
    }
    Ok(json!({ "faults": world.event_faults.waiting() }))
}

/// Returns the endpoint table, so that test suites can check their coverage.
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

/// Changes the test payment method that decides the outcome of the payment method's charges.
fn set_behavior(state: &ServerState, method: &str, behavior: &Behavior) -> AdminResult {
    let behaves_as = Instrument::from_token(&behavior.behaves_as)
        .ok_or_else(|| (400, format!("no such test payment method: {}", behavior.behaves_as)))?;
    let mut world = state.world();
    world.catch_up(real_now());
    let found = find(&world.payment_methods, method).cloned();
    let mut method = found.map_err(|error| (error.status(), error.message().to_owned()))?;
    method.behaves_as = behaves_as;
    world.payment_methods.put(method.clone());
    Ok(payment_method_json::to_json(&method))
}

/// Changes the settings in the body. Changes that are already due still use the old settings.
fn change_settings(state: &ServerState, change: &Map<String, Value>) -> AdminResult {
    let mut world = state.world();
    world.catch_up(real_now());
    let mut rules = json!(world.settings.rules);
    for (name, value) in change {
        rules[name] = value.clone();
    }
    let refused = |error: serde_json::Error| (400, error.to_string());
    world.settings.rules = serde_json::from_value(rules).map_err(refused)?;
    Ok(json!(world.settings.rules))
}

fn populate(state: &ServerState, population: &Population) -> AdminResult {
    let mut world = state.world();
    world.catch_up(real_now());
    populate::populate(&mut world, population)
        .map(|last| json!({ "last_customer": last }))
        .map_err(|error| (error.status(), error.message().to_owned()))
}

/// Completes an authentication, or a payment that is processing.
fn answer(
    state: &ServerState,
    intent: &str,
    answer: &Answer,
    complete: fn(&mut World, &str, bool) -> errors::Result<()>,
) -> AdminResult {
    let mut world = state.world();
    world.catch_up(real_now());
    complete(&mut world, intent, answer.succeed)
        .and_then(|()| find(world.payment_intents(), intent))
        .map(|intent| payment_intents::to_json(&world, intent))
        .map_err(|error| (error.status(), error.message().to_owned()))
}

fn clock(state: &ServerState) -> Value {
    let mut world = state.world();
    world.catch_up(real_now());
    json!({ "now": world.now(None), "offset_seconds": world.offset })
}

fn read<T: DeserializeOwned>(request: &ApiRequest) -> Result<T, (u16, String)> {
    serde_json::from_str(&request.body).map_err(|error| (400, error.to_string()))
}
