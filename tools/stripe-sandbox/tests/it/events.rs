//! `/v1/events`: the list, its filters and faults.

use serde_json::{Value, json};

use crate::support::{Api, Form, id};

const DAY: i64 = 86_400;

impl Api {
    /// Returns all listed events, oldest first.
    pub fn events(&self) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let mut form = vec![("limit", "100")];
            let last = events.first().map(id);
            form.extend(last.iter().map(|last| ("starting_after", last.as_str())));
            let page = self.get("/v1/events", &form);
            let older = page["data"].as_array().unwrap().iter().rev().cloned();
            events.splice(0..0, older);
            if page["has_more"] == false {
                return events;
            }
        }
    }

    /// Returns the events that `work` causes, oldest first.
    pub fn events_of<T>(&self, work: impl FnOnce() -> T) -> Vec<Value> {
        let before = self.events().len();
        work();
        self.events().split_off(before)
    }

    fn listed(&self, form: Form<'_>) -> Vec<String> {
        types(self.get("/v1/events", form)["data"].as_array().unwrap())
    }
}

pub fn types(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn event_has_the_object_the_request_and_the_previous_values() {
    let api = Api::new();
    let key = [("idempotency-key", "first")];
    let made = api.send("POST", "/v1/products", &[("name", "Pro"), ("metadata[a]", "1")], &key);
    let path = format!("/v1/products/{}", id(&made.json));
    let changed = api.send("POST", &path, &[("name", "Max"), ("metadata[b]", "2")], &[]);
    let [created, updated] = &api.events()[..] else { panic!("two events") };
    assert_eq!(
        *created,
        json!({
            "id": created["id"],
            "object": "event",
            "api_version": "2026-09-30.endive",
            "created": made.json["created"],
            "data": { "object": made.json },
            "livemode": false,
            "pending_webhooks": 0,
            "request": { "id": made.header("request-id").unwrap(), "idempotency_key": "first" },
            "type": "product.created",
        })
    );
    assert!(created["id"].as_str().unwrap().starts_with("evt_"));
    assert_eq!(
        *updated,
        json!({
            "id": updated["id"],
            "object": "event",
            "api_version": "2026-09-30.endive",
            "created": changed.json["updated"],
            "data": {
                "object": changed.json,
                "previous_attributes": { "name": "Pro", "metadata": { "b": null } },
            },
            "livemode": false,
            "pending_webhooks": 0,
            "request": { "id": changed.header("request-id").unwrap(), "idempotency_key": null },
            "type": "product.updated",
        })
    );
    assert_eq!(api.get(&format!("/v1/events/{}", id(created)), &[]), *created);
}

#[test]
fn requests_without_a_change_have_no_event() {
    let api = Api::new();
    let product = api.product("Pro");
    let price = api.monthly("Max", "usd", "1000");
    let customer = id(&api.post("/v1/customers", &[]));
    let events = api.events_of(|| {
        api.get(&format!("/v1/products/{product}"), &[]);
        api.post(&format!("/v1/products/{product}"), &[]);
        api.refused(400, "POST", "/v1/customers", &[("colour", "red")]);
        api.refused(400, "POST", "/v1/customers", &[("payment_method", "pm_none")]);
        let form = [("customer", customer.as_str()), ("items[0][price]", &price)];
        api.refused(400, "POST", "/v1/subscriptions", &form);
        let form =
            [("customer", customer.as_str()), ("subscription_details[items][0][price]", &price)];
        api.post("/v1/invoices/create_preview", &form);
    });
    assert_eq!(types(&events), Vec::<String>::new());
}

#[test]
fn replayed_request_has_no_second_event() {
    let api = Api::new();
    for _ in 0..2 {
        api.send("POST", "/v1/products", &[("name", "Pro")], &[("idempotency-key", "k")]);
    }
    assert_eq!(types(&api.events()), ["product.created"]);
}

#[test]
fn list_filters_by_type_and_time() {
    let api = Api::new();
    let price = api.monthly("Pro", "usd", "1000");
    api.pass(DAY);
    let customer = api.post("/v1/customers", &[]);
    api.post(&format!("/v1/prices/{price}"), &[("nickname", "Base")]);
    let all = [
        "plan.updated",
        "price.updated",
        "customer.created",
        "plan.created",
        "price.created",
        "product.created",
    ];
    let created = customer["created"].to_string();
    let prices = &["price.updated", "price.created"][..];
    for (form, expected) in [
        (&[][..], &all[..]),
        (&[("type", "*")], &all),
        (&[("type", "price.*")], prices),
        (&[("type", "price.updated")], &prices[..1]),
        (&[("type", "*.created")], &all[2..]),
        (&[("type", "pric")], &[]),
        (&[("types[0]", "price.created"), ("types[1]", "price.updated")], prices),
        (&[("types[]", "invoice.paid")], &[]),
        (&[("created[gte]", &created)], &all[..3]),
        (&[("created[gt]", &created), ("type", "customer.*")], &[]),
        (&[("created[lt]", &created)], &all[3..]),
        (&[("created[lte]", &created), ("limit", "2")], &all[..2]),
        (&[("delivery_success", "true"), ("limit", "1")], &all[..1]),
        (&[("delivery_success", "false")], &[]),
    ] {
        assert_eq!(api.listed(form), expected, "{form:?}");
    }
}

#[test]
fn list_refuses_contradictory_filters_and_unknown_cursors() {
    let api = Api::new();
    let many: Vec<(String, &str)> =
        (0..21).map(|index| (format!("types[{index}]"), "invoice.paid")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    api.get("/v1/events", &many[..20]);
    for (form, param, code) in [
        (&many[..], json!("types"), ""),
        (&[("type", "a"), ("types[0]", "b")], Value::Null, "parameters_exclusive"),
        (&[("types[0]", "invoice.*")], json!("types"), ""),
        (&[("starting_after", "evt_none")], json!("starting_after"), "resource_missing"),
        (&[("ending_before", "evt_none")], json!("ending_before"), "resource_missing"),
    ] {
        let refusal = api.refused(400, "GET", "/v1/events", form);
        assert_eq!((&refusal.json["error"]["param"], refusal.code()), (&param, code), "{form:?}");
    }
    let refusal = api.refused(404, "GET", "/v1/events/evt_none", &[]);
    assert_eq!(
        (refusal.message(), refusal.code()),
        ("No such event: 'evt_none'", "resource_missing")
    );
    let refusal = api.refused(400, "GET", "/v1/events", &[("expand[]", "data.data.object")]);
    assert!(refusal.message().starts_with("This property cannot be expanded"));
}

#[test]
fn cursor_before_the_newest_event_finds_later_events() {
    let api = Api::new();
    api.product("One");
    let newest = id(&api.get("/v1/events", &[("limit", "1")])["data"][0]);
    let later = || api.get("/v1/events", &[("ending_before", &newest), ("limit", "2")]);
    assert_eq!((&later()["data"], &later()["has_more"]), (&json!([]), &json!(false)));
    let made: Vec<String> = ["Two", "Three", "Four"].map(|name| api.product(name)).to_vec();
    let page = later();
    let objects: Vec<&Value> =
        page["data"].as_array().unwrap().iter().map(|e| &e["data"]["object"]["id"]).collect();
    assert_eq!(
        (objects, &page["has_more"]),
        (vec![&json!(made[1]), &json!(made[0])], &json!(true))
    );
}

#[test]
fn events_end_after_thirty_days() {
    let api = Api::new();
    api.product("Old");
    let old = id(&api.events()[0]);
    api.pass(30 * DAY - 60);
    api.product("New");
    assert_eq!(api.events().len(), 2);
    api.pass(120);
    assert_eq!(api.events().len(), 1);
    api.refused(404, "GET", &format!("/v1/events/{old}"), &[]);
    api.refused(400, "GET", "/v1/events", &[("ending_before", &old)]);
}

#[test]
fn event_faults_affect_later_changes_only() {
    let api = Api::new();
    let names = || -> Vec<Value> {
        let shown = api.events();
        shown.iter().map(|event| event["data"]["object"]["name"].clone()).collect()
    };
    api.product("before");
    let faults = |body: Value| api.admin("POST", "/events/faults", &body);
    let lose = json!({ "kind": "lose", "type": "product.*" });
    let shown = faults(lose);
    let fault = json!({ "kind": "lose", "type": "product.*", "count": 1, "seconds": 0 });
    assert_eq!(shown, json!({ "faults": [fault] }));
    api.post("/v1/customers", &[("name", "other")]);
    api.product("lost");
    assert_eq!(names(), ["before", "other"]);

    faults(json!({ "kind": "duplicate" }));
    api.product("twice");
    assert_eq!(names(), ["before", "other", "twice", "twice"]);
    let ids: Vec<String> = api.events().iter().map(id).collect();
    assert_ne!(ids[2], ids[3], "two events report one change");

    faults(json!({ "kind": "reverse", "count": 3 }));
    for name in ["a", "b", "c", "d"] {
        api.product(name);
    }
    assert_eq!(names()[4..], ["c", "b", "a", "d"]);

    faults(json!({ "kind": "late", "seconds": 50 }));
    api.product("late");
    api.product("on time");
    let newest = id(&api.get("/v1/events", &[("limit", "1")])["data"][0]);
    assert_eq!(names()[8..], ["on time"]);
    api.pass(50);
    assert_eq!(names()[8..], ["late", "on time"], "it slips behind a cursor");
    let later = api.get("/v1/events", &[("ending_before", &newest)]);
    assert_eq!(later["data"], json!([]));

    faults(json!({ "kind": "lose", "count": 9 }));
    api.product("lost too");
    assert_eq!(api.admin("DELETE", "/events/faults", &Value::Null), json!({ "faults": [] }));
    api.product("kept");
    assert_eq!(names()[10..], ["kept"]);
    let refused =
        |body: &str| api.raw("POST", "/_sandbox/events/faults", &[], body).unwrap().status;
    assert_eq!([refused("{\"kind\": \"eat\"}"), refused("{}")], [400, 400]);
    assert_eq!(api.admin("GET", "/events/faults", &Value::Null), json!({ "faults": [] }));
}

#[test]
fn restricted_key_needs_the_permission_for_events() {
    let mut api = Api::new();
    for (key, permission) in [("rk_test_a", "rak_event_read"), ("rk_test_b", "rak_product_read")] {
        api.admin("POST", "/keys", &json!({ "key": key, "permissions": [permission] }));
    }
    api.key = "rk_test_a".to_owned();
    api.get("/v1/events", &[]);
    api.key = "rk_test_b".to_owned();
    api.refused(403, "GET", "/v1/events", &[]);
}

#[test]
fn date_header_follows_the_clock_of_events() {
    let api = Api::new();
    api.pass(40 * DAY);
    let reply = api.send("POST", "/v1/products", &[("name", "Pro")], &[]);
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = time::PrimitiveDateTime::parse(reply.header("date").unwrap(), format).unwrap();
    let created = api.events()[0]["created"].as_i64().unwrap();
    assert!((0..=1).contains(&(date.assume_utc().unix_timestamp() - created)));
}
