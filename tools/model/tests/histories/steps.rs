//! Steps of a history, and their random generation.

use model::TableFault;
use model::plans::Plan;
use proptest::prelude::*;

/// History of one account.
#[derive(Clone, Debug)]
pub struct History {
    pub start: Start,
    pub steps: Vec<Step>,
    /// Determines the delays of requests to Stripe.
    pub seed: u64,
}

/// Initial state of the account.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// No customer at Stripe.
    Fresh,
    /// A customer with a card and a test clock.
    Customer(Card),
    /// A customer with a subscription since days ago.
    Subscribed(Plan, Card),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    Good,
    Declined,
    /// Payments need the customer's authentication.
    Authenticates,
    None,
}

#[derive(Clone, Debug)]
pub enum Step {
    Change {
        to: Plan,
        quote: Quoted,
        key: Option<u8>,
        disturbances: Disturbances,
    },
    Checkout {
        to: Plan,
        key: Option<u8>,
        disturbances: Disturbances,
    },
    /// Repeats an earlier request with an idempotency key, with the same body or another.
    Retry {
        nth: u8,
        other: Option<Plan>,
        disturbances: Disturbances,
    },
    /// The customer pays at the open checkout session.
    Pay(Card),
    /// The customer's default card changes.
    Card(Card),
    /// The customer authenticates successfully or not.
    Authenticate(bool),
    /// The customer pays the open invoice of a pending update with another card.
    PayInvoice,
    /// This many hours pass.
    Pass(u16),
    Usage {
        meter: u8,
        value: u16,
    },
    /// A pending invoice item in cents is added.
    Item(i16),
    /// A credit (negative) or debt in cents is added to the balance.
    Balance(i16),
    /// The customer cancels at the period's end (true), or undoes that.
    Cancel(bool),
}

/// Quote of a plan change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoted {
    None,
    Fresh,
    /// The quote of an earlier preview.
    Kept,
    Expired,
}

/// Disturbances of a request.
#[derive(Clone, Debug, Default)]
pub struct Disturbances {
    /// Number of additional processes that get the same request concurrently.
    pub twins: u8,
    /// Number of polls of the request's future after which the (first) process crashes.
    pub crash: Option<u8>,
    pub faults: Vec<Fault>,
    pub table: Option<TableFault>,
}

/// Fault of Stripe.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub at: &'static str,
    pub method: &'static str,
    pub kind: Kind,
    pub after_work: bool,
    pub count: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Status(u16),
    /// A 500 that Stripe stores and replays to the same idempotency key.
    Stored,
    HangUp,
    Cut,
    Garbage,
    /// Delay in milliseconds.
    Latency(u16),
}

pub fn plan() -> impl Strategy<Value = Plan> {
    prop::sample::select(Plan::ALL.to_vec())
}

pub fn card() -> impl Strategy<Value = Card> {
    prop_oneof![
        4 => Just(Card::Good),
        3 => Just(Card::Declined),
        3 => Just(Card::Authenticates),
        1 => Just(Card::None),
    ]
}

pub fn fault() -> impl Strategy<Value = Fault> {
    fault_at(vec![
        ("/v1/", "GET"),
        ("/v1/", "POST"),
        ("/v1/subscriptions/", "POST"),
        ("/v1/invoices/in_", "POST"),
        ("/v1/invoices/in_", "GET"),
        ("/v1/invoice_payments", "GET"),
        ("/v1/invoiceitems", "POST"),
        ("/v1/checkout", "POST"),
        ("/v1/customers", "POST"),
    ])
}

/// Generates a fault of requests to one of these paths with this method.
pub fn fault_at(places: Vec<(&'static str, &'static str)>) -> impl Strategy<Value = Fault> {
    let kind = prop_oneof![
        3 => prop::sample::select(vec![500, 503, 429, 409]).prop_map(Kind::Status),
        1 => Just(Kind::Stored),
        2 => Just(Kind::HangUp),
        1 => Just(Kind::Cut),
        1 => Just(Kind::Garbage),
        2 => prop::sample::select(vec![50, 3_000, 12_000, 40_000]).prop_map(Kind::Latency),
    ];
    (prop::sample::select(places), kind, any::<bool>(), 1..4_u8).prop_map(
        |((at, method), kind, after_work, count)| Fault { at, method, kind, after_work, count },
    )
}

fn table() -> impl Strategy<Value = TableFault> {
    let done = any::<bool>();
    (0..6_u8, 1..5_u8, done).prop_map(|(after, calls, done)| TableFault {
        write: None,
        after,
        calls,
        done,
    })
}

fn disturbances() -> impl Strategy<Value = Disturbances> {
    let rough = (
        prop_oneof![3 => Just(0_u8), 1 => 1..3_u8],
        prop::option::weighted(0.5, 1..90_u8),
        prop::collection::vec(fault(), 0..3),
        prop::option::weighted(0.15, table()),
    );
    let rough = rough.prop_map(|(twins, crash, faults, table)| Disturbances {
        twins,
        crash,
        faults,
        table,
    });
    prop_oneof![3 => Just(Disturbances::default()), 4 => rough]
}

fn quoted() -> impl Strategy<Value = Quoted> {
    prop_oneof![
        6 => Just(Quoted::None),
        3 => Just(Quoted::Fresh),
        2 => Just(Quoted::Kept),
        1 => Just(Quoted::Expired),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key = || prop::option::weighted(0.75, 0..4_u8);
    prop_oneof![
        10 => (plan(), quoted(), key(), disturbances())
            .prop_map(|(to, quote, key, disturbances)| Step::Change { to, quote, key, disturbances }),
        2 => (plan(), key(), disturbances())
            .prop_map(|(to, key, disturbances)| Step::Checkout { to, key, disturbances }),
        4 => (any::<u8>(), prop::option::weighted(0.2, plan()), disturbances())
            .prop_map(|(nth, other, disturbances)| Step::Retry { nth, other, disturbances }),
        1 => card().prop_map(Step::Pay),
        3 => card().prop_map(Step::Card),
        2 => any::<bool>().prop_map(Step::Authenticate),
        2 => prop_oneof![3 => 1..20_u16, 1 => 20..1_500_u16].prop_map(Step::Pass),
        1 => (0..2_u8, 0..3_000_u16).prop_map(|(meter, value)| Step::Usage { meter, value }),
        1 => (-900..2_000_i16).prop_map(Step::Item),
        1 => (-9_000..9_000_i16).prop_map(Step::Balance),
    ]
}

/// Generates any history.
pub fn history() -> impl Strategy<Value = History> {
    let start = prop_oneof![
        1 => Just(Start::Fresh),
        1 => card().prop_map(Start::Customer),
        8 => (plan(), card()).prop_map(|(plan, card)| Start::Subscribed(plan, card)),
    ];
    (start, prop::collection::vec(step(), 1..10), any::<u64>())
        .prop_map(|(start, steps, seed)| History { start, steps, seed })
}
