//! What can happen, and how it is made up.

use model::Trouble;
use model::plans::Plan;
use proptest::prelude::*;

/// A life of one account.
#[derive(Clone, Debug)]
pub struct History {
    pub start: Start,
    pub steps: Vec<Step>,
    /// Decides how long requests to Stripe take.
    pub seed: u64,
}

/// What the account has at first.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// Not even a customer at Stripe.
    Fresh,
    /// A customer with a card, on a clock of its own.
    Customer(Card),
    /// The same, subscribed days ago.
    Subscribed(Plan, Card),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    Good,
    Declined,
    /// The bank wants the customer to authenticate.
    Authenticates,
    None,
}

#[derive(Clone, Debug)]
pub enum Step {
    Change {
        to: Plan,
        quote: Quoted,
        key: Option<u8>,
        trouble: Troubles,
    },
    Checkout {
        to: Plan,
        key: Option<u8>,
        trouble: Troubles,
    },
    /// An earlier request with a key again, with the same body or another.
    Again {
        nth: u8,
        other: Option<Plan>,
        trouble: Troubles,
    },
    /// The customer fills in the page of the open session.
    Pay(Card),
    Card(Card),
    /// The customer answers the bank.
    Authenticate(bool),
    /// Hours.
    Pass(u16),
    Usage {
        meter: u8,
        value: u16,
    },
    /// Something to be billed with the next invoice, in cents.
    Item(i16),
    /// A credit (negative) or a debt.
    Balance(i16),
}

/// With which quote a change is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoted {
    None,
    Fresh,
    /// The one of an earlier preview, whatever has happened since.
    Kept,
    Expired,
}

/// What goes wrong meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Troubles {
    /// How many more processes are sent the same at once.
    pub twins: u8,
    /// After so many polls the (first) process is gone.
    pub crash: Option<u8>,
    pub faults: Vec<Fault>,
    pub table: Option<Trouble>,
}

/// How Stripe fails.
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
    /// A 500 that the idempotency key remembers.
    Stored,
    HangUp,
    Cut,
    Garbage,
    /// Milliseconds.
    Latency(u16),
}

fn plan() -> impl Strategy<Value = Plan> {
    prop::sample::select(Plan::ALL.to_vec())
}

fn card() -> impl Strategy<Value = Card> {
    prop_oneof![
        4 => Just(Card::Good),
        3 => Just(Card::Declined),
        3 => Just(Card::Authenticates),
        1 => Just(Card::None),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    let places = vec![
        ("/v1/", "GET"),
        ("/v1/", "POST"),
        ("/v1/subscriptions/", "POST"),
        ("/v1/invoices/in_", "POST"),
        ("/v1/invoices/in_", "GET"),
        ("/v1/invoice_payments", "GET"),
        ("/v1/invoiceitems", "POST"),
        ("/v1/checkout", "POST"),
        ("/v1/customers", "POST"),
    ];
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

fn table() -> impl Strategy<Value = Trouble> {
    let done = any::<bool>();
    (0..6_u8, 1..5_u8, done).prop_map(|(after, calls, done)| Trouble { after, calls, done })
}

fn troubles() -> impl Strategy<Value = Troubles> {
    let rough = (
        prop_oneof![3 => Just(0_u8), 1 => 1..3_u8],
        prop::option::weighted(0.5, 1..90_u8),
        prop::collection::vec(fault(), 0..3),
        prop::option::weighted(0.15, table()),
    );
    let rough =
        rough.prop_map(|(twins, crash, faults, table)| Troubles { twins, crash, faults, table });
    prop_oneof![3 => Just(Troubles::default()), 4 => rough]
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
        10 => (plan(), quoted(), key(), troubles())
            .prop_map(|(to, quote, key, trouble)| Step::Change { to, quote, key, trouble }),
        2 => (plan(), key(), troubles())
            .prop_map(|(to, key, trouble)| Step::Checkout { to, key, trouble }),
        4 => (any::<u8>(), prop::option::weighted(0.2, plan()), troubles())
            .prop_map(|(nth, other, trouble)| Step::Again { nth, other, trouble }),
        1 => card().prop_map(Step::Pay),
        3 => card().prop_map(Step::Card),
        2 => any::<bool>().prop_map(Step::Authenticate),
        2 => prop_oneof![3 => 1..20_u16, 1 => 20..1_500_u16].prop_map(Step::Pass),
        1 => (0..2_u8, 0..3_000_u16).prop_map(|(meter, value)| Step::Usage { meter, value }),
        1 => (-900..2_000_i16).prop_map(Step::Item),
        1 => (-9_000..9_000_i16).prop_map(Step::Balance),
    ]
}

/// Any history.
pub fn history() -> impl Strategy<Value = History> {
    let start = prop_oneof![
        1 => Just(Start::Fresh),
        1 => card().prop_map(Start::Customer),
        8 => (plan(), card()).prop_map(|(plan, card)| Start::Subscribed(plan, card)),
    ];
    (start, prop::collection::vec(step(), 1..10), any::<u64>())
        .prop_map(|(start, steps, seed)| History { start, steps, seed })
}
