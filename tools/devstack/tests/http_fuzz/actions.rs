//! Random actions of a volley: what clients, the customer and the platform do at once.

use std::time::Duration;

use crate::dice::Dice;
use crate::record::Target;

const TIERS: [&str; 4] = ["hobby", "starter", "pro", "agency"];
const INTERVALS: [Option<&str>; 6] = [None, None, None, None, Some("month"), Some("year")];
pub const METERS: [&str; 5] = ["cpu", "ram", "egress", "storage", "database"];

/// Largest delay of an action within its volley, in milliseconds.
const STAGGER: i64 = 120;

/// Action, and how long after the volley's start.
#[derive(Clone, Debug)]
pub struct Timed<T> {
    pub after: Duration,
    pub action: T,
}

/// Request of a client.
#[derive(Clone, Debug)]
pub enum ClientAction {
    Change {
        to: Target,
        quote: Quote,
        key: Option<String>,
    },
    /// Sends an earlier request with an idempotency key again.
    Retry(u64),
    Preview(Target),
    Checkout {
        to: Target,
        key: Option<String>,
    },
}

#[derive(Clone, Copy, Debug)]
pub enum Quote {
    None,
    /// Of a preview immediately before the change.
    Fresh,
    /// Of an earlier preview, by anyone.
    Kept(u64),
}

/// Test card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    Good,
    Declined,
    /// Payments require the customer's authentication.
    Authenticates,
}

impl Card {
    pub fn token(self) -> &'static str {
        match self {
            Self::Good => "pm_card_visa",
            Self::Declined => "pm_card_chargeCustomerFail",
            Self::Authenticates => "pm_card_authenticationRequired",
        }
    }

    pub fn any(dice: &mut Dice) -> Self {
        dice.pick(&[
            Self::Good,
            Self::Good,
            Self::Declined,
            Self::Authenticates,
            Self::Authenticates,
        ])
    }
}

/// Action of the customer or the platform at Stripe.
#[derive(Clone, Debug)]
pub enum StripeAction {
    Usage {
        meter: &'static str,
        value: i64,
    },
    /// A pending invoice item in cents.
    Item(i64),
    /// A credit (negative) or debt in cents.
    Balance(i64),
    Card(Card),
    /// The customer authenticates a payment, successfully or not.
    Authenticate(bool),
    /// The customer pays at a checkout session.
    Pay(u64),
}

/// Everything that happens at once.
#[derive(Clone, Debug)]
pub struct Volley {
    pub clients: Vec<Timed<ClientAction>>,
    pub stripe: Vec<Timed<StripeAction>>,
}

/// Returns a random plan.
pub fn target(dice: &mut Dice) -> Target {
    Target { tier: dice.pick(&TIERS), interval: dice.pick(&INTERVALS) }
}

fn timed<T>(dice: &mut Dice, action: T) -> Timed<T> {
    let after = dice.between(0, STAGGER).unsigned_abs();
    // Half of the actions are as simultaneous as possible.
    Timed { after: Duration::from_millis(if dice.one_in(2) { 0 } else { after }), action }
}

/// Returns the actions of a volley. `name` makes its idempotency keys unique.
pub fn volley(dice: &mut Dice, name: &str, clients: u64, is_subscribed: bool) -> Volley {
    let mut actions: Vec<Timed<ClientAction>> = Vec::new();
    for client in 0..clients {
        let key = (!dice.one_in(3)).then(|| format!("{name}-{client}"));
        let action = match actions.last().map(|last| &last.action) {
            // Two clients send the same request with the same key.
            Some(twin @ ClientAction::Change { quote: Quote::None, key: Some(_), .. })
                if dice.one_in(6) =>
            {
                twin.clone()
            }
            _ => client_action(dice, key, is_subscribed),
        };
        actions.push(timed(dice, action));
    }
    let mut stripe = Vec::new();
    for _ in 0..dice.below(3) {
        let action = stripe_action(dice, is_subscribed);
        stripe.push(timed(dice, action));
    }
    Volley { clients: actions, stripe }
}

fn client_action(dice: &mut Dice, key: Option<String>, is_subscribed: bool) -> ClientAction {
    let to = target(dice);
    let roll = if is_subscribed { dice.below(17) } else { 16 + dice.below(10) };
    match roll {
        0..=11 => {
            let quote = match dice.below(5) {
                0..=1 => Quote::None,
                2..=3 => Quote::Fresh,
                _ => Quote::Kept(dice.below(1_000)),
            };
            ClientAction::Change { to, quote, key }
        }
        12..=14 | 25 => ClientAction::Retry(dice.below(1_000)),
        15 => ClientAction::Preview(to),
        24 => ClientAction::Change { to, quote: Quote::None, key },
        _ => ClientAction::Checkout { to, key },
    }
}

fn stripe_action(dice: &mut Dice, is_subscribed: bool) -> StripeAction {
    if !is_subscribed && !dice.one_in(3) {
        return StripeAction::Pay(dice.below(1_000));
    }
    match dice.below(12) {
        0..=2 => StripeAction::Usage { meter: dice.pick(&METERS), value: dice.between(1, 6_000) },
        3..=4 => StripeAction::Item(dice.between(1, 5_000)),
        5 => StripeAction::Balance(match dice.between(-6_000, 3_000) {
            // Stripe refuses a transaction of 0.
            0 => 1,
            balance => balance,
        }),
        6..=8 => StripeAction::Card(Card::any(dice)),
        _ => StripeAction::Authenticate(!dice.one_in(4)),
    }
}
