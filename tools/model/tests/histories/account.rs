//! The account of a history, and external events that change it.

use model::plans::{METERS, Plan, Prices};
use model::{Endpoint, Process, Request, World};
use serde_json::{Value, json};
use shared::values::token::Bounds;

use crate::ledger::{Ledger, OWN};
use crate::run::{Asked, text};
use crate::steps::{Card, Fault, Kind, Quoted, Start, Step};

pub struct Account<'a> {
    pub world: &'a World,
    pub prices: &'a Prices,
    pub id: String,
    pub bearer: String,
    pub customer: Option<String>,
    clock: Option<(String, i64)>,
    /// Default card; `None` if unknown after a checkout, which may have set a card of the subscription.
    pub card: Option<Card>,
    /// Description and amount of the invoice items that were added.
    pub items: Vec<(String, i64)>,
    /// Process for the test's own previews.
    pub observer: Process,
    /// Plan and body of the last preview.
    pub last_preview: Option<(Plan, Value)>,
}

/// Age of a subscription.
const AGE: i64 = 10 * 24 * 3_600;

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_secs()).expect("soon enough")
}

impl<'a> Account<'a> {
    pub async fn new(world: &'a World, prices: &'a Prices, start: Start) -> Self {
        let observer = world.process(1).await;
        let mut account = Self {
            world,
            prices,
            id: String::new(),
            bearer: String::new(),
            customer: None,
            clock: None,
            card: Some(Card::None),
            items: Vec::new(),
            observer,
            last_preview: None,
        };
        if let Start::Customer(card) | Start::Subscribed(_, card) = start {
            account.be_customer(now() - AGE).await;
            if let Start::Subscribed(plan, _) = start {
                // The first payment succeeds; the card changes afterwards.
                account.give(Card::Good).await;
                account.subscribe(plan).await;
                account.pass(AGE).await;
            }
            account.give(card).await;
        }
        (account.id, account.bearer) = world.account(account.customer.as_deref());
        account
    }

    async fn be_customer(&mut self, at: i64) {
        let stripe = &self.world.stripe;
        let form = [("frozen_time", &*at.to_string())];
        let clock = text(&stripe.post("/test_helpers/test_clocks", &form).await["id"]);
        let customer = stripe.post("/customers", &[("test_clock", &*clock)]).await;
        self.customer = Some(text(&customer["id"]));
        self.clock = Some((clock, at));
    }

    async fn subscribe(&self, plan: Plan) {
        let customer = self.customer.as_deref().expect("a customer");
        let prices = self.prices_of(plan);
        let names: Vec<_> = (0..prices.len()).map(|n| format!("items[{n}][price]")).collect();
        let mut form = vec![("customer", customer)];
        form.extend(names.iter().zip(prices).map(|(name, price)| (&**name, &**price)));
        self.world.stripe.post("/subscriptions", &form).await;
    }

    /// Returns the plan with one of these prices as its base price.
    pub fn plan_of(&self, prices: &[String]) -> Option<Plan> {
        let sold = self.prices.iter().find(|(_, own)| prices.contains(&own[0]));
        sold.map(|(plan, _)| *plan)
    }

    /// Returns whether an earlier change has left something that the next one settles.
    pub fn is_change_left(&self) -> bool {
        let journal =
            |customer: &String| self.world.table.item(&format!("CHANGE#{customer}"), "CHANGE");
        self.customer.as_ref().and_then(journal).is_some_and(|item| item["entry"]["S"].is_string())
    }

    pub fn prices_of(&self, plan: Plan) -> &[String] {
        &self.prices.iter().find(|(sold, _)| *sold == plan).expect("it is sold").1
    }

    /// Returns the plan's prices, sorted like [`Ledger::prices`].
    pub fn sorted(&self, plan: Plan) -> Vec<String> {
        let mut prices = self.prices_of(plan).to_vec();
        prices.sort();
        prices
    }

    /// Returns whether the customer has a test clock, whose time stands still between requests.
    pub fn has_clock(&self) -> bool {
        self.clock.is_some()
    }

    /// Returns the time on the customer's clock, in Unix seconds.
    pub fn now(&self) -> i64 {
        self.clock.as_ref().map_or_else(now, |(_, at)| *at)
    }

    /// Reads the account's state from Stripe. A checkout may have created its customer.
    pub async fn ledger(&mut self) -> Ledger {
        if self.customer.is_none() {
            self.customer = self.world.customer_of(&self.id);
        }
        Ledger::of(&self.world.stripe, self.customer.as_deref()).await
    }

    pub async fn give(&mut self, card: Card) {
        let Some(customer) = self.customer.clone() else { return };
        let stripe = &self.world.stripe;
        let token = match card {
            Card::Good => "pm_card_visa",
            Card::Declined => "pm_card_chargeCustomerFail",
            Card::Authenticates => "pm_card_authenticationRequired",
            Card::None => {
                let path = format!("/customers/{customer}");
                let method = stripe.get(&path).await;
                let method = &method["invoice_settings"]["default_payment_method"];
                if let Some(method) = method.as_str() {
                    stripe.post(&format!("/payment_methods/{method}/detach"), &[]).await;
                }
                self.card = self.card.and(Some(card));
                return;
            }
        };
        let path = format!("/payment_methods/{token}/attach");
        let method = text(&stripe.post(&path, &[("customer", &customer)]).await["id"]);
        let form = [("invoice_settings[default_payment_method]", &*method)];
        stripe.post(&format!("/customers/{customer}"), &form).await;
        self.card = self.card.and(Some(card));
    }

    pub async fn pass(&mut self, seconds: i64) {
        let Some((clock, at)) = &mut self.clock else { return };
        let later = *at + seconds;
        let stripe = &self.world.stripe;
        let path = format!("/test_helpers/test_clocks/{clock}");
        let form = [("frozen_time", &*later.to_string())];
        let (status, response) = stripe.try_post(&format!("{path}/advance"), &form).await;
        if status == 400 {
            // Stripe advances a clock by at most two intervals of the shortest subscription.
            let message = text(&response["error"]["message"]);
            assert!(message.contains("You can only advance it up to"), "{message}");
            return;
        }
        assert_eq!(status, 200, "{response}");
        *at = later;
        // It happens before the next response.
        let clock = stripe.get(&path).await;
        assert_eq!(clock["status"], "ready");
    }

    pub async fn use_up(&self, meter: u8, value: u16) {
        let Some(customer) = &self.customer else { return };
        let (_, event) = METERS[usize::from(meter) % METERS.len()];
        let form = [
            ("event_name", event),
            ("payload[stripe_customer_id]", customer),
            ("payload[value]", &value.to_string()),
        ];
        self.world.stripe.post("/billing/meter_events", &form).await;
    }

    /// Something to be billed next; it is there before whatever comes after it.
    pub async fn order(&mut self, amount: i16, subscription: &str) {
        let Some(customer) = self.customer.clone() else { return };
        let name = format!("{OWN}{}", self.items.len());
        let form = [
            ("customer", &*customer),
            ("subscription", subscription),
            ("amount", &amount.to_string()),
            ("currency", "usd"),
            ("description", &name),
        ];
        self.world.stripe.post("/invoiceitems", &form).await;
        self.items.push((name, amount.into()));
        // The functions attribute an item of the same second to a change.
        self.pass(1).await;
    }

    pub async fn balance(&self, amount: i16) {
        let Some(customer) = &self.customer else { return };
        let path = format!("/customers/{customer}/balance_transactions");
        let form = [("amount", &*amount.to_string()), ("currency", "usd")];
        self.world.stripe.try_post(&path, &form).await;
    }

    pub async fn authenticate(&self, succeed: bool, pending: &str) {
        let stripe = &self.world.stripe;
        let payments = stripe.get(&format!("/invoice_payments?invoice={pending}")).await;
        let Some(intent) = payments["data"][0]["payment"]["payment_intent"].as_str() else {
            return;
        };
        let path = format!("/_sandbox/payment_intents/{intent}/authenticate");
        stripe.send("POST", &path, &json!({ "succeed": succeed }).to_string()).await;
    }

    /// Submits the page of an open session.
    pub async fn pay(&mut self, session: &str, card: Card) {
        let stripe = &self.world.stripe;
        let url = text(&stripe.get(&format!("/checkout/sessions/{session}")).await["url"]);
        let path = url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).expect("a path");
        let number = match card {
            Card::Good | Card::None => "4242424242424242",
            Card::Declined => "4000000000000002",
            Card::Authenticates => "4000002500003155",
        };
        let form = format!(
            "number={number}&expiry=12%2F40&cvc=123&name=Ada&email=ada%40example.com&country=US&postal_code=10001"
        );
        stripe.send("POST", &path, &form).await;
        self.card = None;
    }

    /// Runs a step that is not a request to the API. `before` is the state at Stripe.
    pub async fn happen(&mut self, step: &Step, before: &Ledger) {
        match step {
            Step::Pay(card) => {
                if let Some(session) = before.open_sessions.first() {
                    self.pay(session, *card).await;
                }
            }
            Step::Card(card) => self.give(*card).await,
            Step::Authenticate(succeed) => {
                if let Some(pending) = &before.pending {
                    self.authenticate(*succeed, pending).await;
                }
            }
            Step::PayInvoice => {
                if let Some(pending) = &before.pending {
                    self.pay_invoice(pending).await;
                }
            }
            Step::Pass(hours) => self.pass(i64::from(*hours) * 3_600).await,
            Step::Usage { meter, value } => self.use_up(*meter, *value).await,
            Step::Item(amount) => {
                if let Some(subscription) = &before.subscription {
                    self.order(*amount, subscription).await;
                }
            }
            Step::Balance(amount) => self.balance(*amount).await,
            Step::Cancel(cancel) => {
                if let Some(subscription) = &before.subscription {
                    self.cancel(*cancel, subscription).await;
                }
            }
            Step::Change { .. } | Step::Checkout { .. } | Step::Retry { .. } => {}
        }
    }

    async fn pay_invoice(&self, invoice: &str) {
        let customer = self.customer.as_deref().unwrap_or_default();
        let stripe = &self.world.stripe;
        let card = [("customer", customer)];
        let method = stripe.post("/payment_methods/pm_card_visa/attach", &card).await;
        let form = [("payment_method", &*text(&method["id"]))];
        stripe.try_post(&format!("/invoices/{invoice}/pay"), &form).await;
    }

    /// Sets or removes the cancellation at the period's end, as the customer portal does.
    async fn cancel(&self, cancel: bool, subscription: &str) {
        let at = if cancel { "max_period_end" } else { "" };
        let path = format!("/subscriptions/{subscription}");
        self.world.stripe.post(&path, &[("cancel_at", at)]).await;
    }

    /// Returns a request for a plan change, with a quote of a preview if one succeeds.
    pub async fn ask_change(&mut self, to: Plan, quote: Quoted) -> Asked {
        let mut quoted = quote;
        if matches!(quoted, Quoted::Fresh | Quoted::Expired) {
            let preview = self.request(Endpoint::Preview, to, None);
            let reply = self.observer.send(&preview, self.world.number()).await;
            if reply.status == 200 {
                self.last_preview = Some((to, reply.json()));
            } else {
                quoted = Quoted::None;
            }
        }
        let shown = self.last_preview.clone().filter(|_| quoted != Quoted::None);
        let token = shown.as_ref().map(|(_, preview)| text(&preview["quote"]));
        let token = match quoted {
            Quoted::Expired => token.map(|token| self.aged(&token)),
            _ => token,
        };
        let request = self.request(Endpoint::Change, to, token.as_deref());
        Asked { request, plan: to, quoted, shown }
    }

    /// Returns the quote as if it had been issued 15 minutes earlier.
    fn aged(&self, token: &str) -> String {
        let (keys, account) = (self.world.quote_keys(), self.id.as_str());
        let bounds = || Bounds { purpose: "quote", account };
        let quote = keys.open(bounds(), token).expect("a valid quote");
        let mut quote: Value = serde_json::from_slice(&quote).expect("JSON");
        quote["issued_at"] = json!(quote["issued_at"].as_i64().expect("a moment") - 15 * 60);
        keys.seal(bounds(), quote.to_string().as_bytes())
    }

    pub fn request(&self, endpoint: Endpoint, plan: Plan, quote: Option<&str>) -> Request {
        let mut body = json!({ "plan": plan.tier, "interval": plan.interval });
        if let Some(quote) = quote {
            body["quote"] = json!(quote);
        }
        Request { endpoint, bearer: self.bearer.clone(), key: None, body, no_cache: false }
    }

    /// Returns a fault as the sandbox takes it.
    pub fn fault(fault: &Fault) -> Value {
        let Fault { at, method, kind, after_work, count } = *fault;
        let mut fault =
            json!({ "path": at, "method": method, "after_work": after_work, "count": count });
        let more = match kind {
            Kind::Status(status) => json!({ "kind": "status", "status": status }),
            Kind::Stored => {
                json!({ "kind": "status", "status": 500, "stored": true, "after_work": true })
            }
            Kind::HangUp => json!({ "kind": "hang_up" }),
            Kind::Cut => json!({ "kind": "cut" }),
            Kind::Garbage => json!({ "kind": "garbage" }),
            Kind::Latency(late) => json!({ "kind": "latency", "delay_ms": late }),
        };
        let fields = fault.as_object_mut().expect("fields");
        fields.extend(more.as_object().expect("fields").clone());
        fault
    }
}
