//! What the model says that a request will be answered, from what there is and what a preview shows.

use model::Endpoint;
use serde_json::Value;

use crate::law;
use crate::ledger::Ledger;
use crate::life::{Asked, Begun, Keyed, Lawful, Life, Made, Progress, text};
use crate::steps::{Card, Quoted};

/// The answers that may be given.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Status and error code of each; an empty code is none.
    pub answers: Vec<(u16, &'static str)>,
    /// Those that may be given again, where they were kept and nobody has heard them.
    pub unheard: Vec<(u16, &'static str)>,
    /// The body of the first answer, word for word.
    pub replay: Option<String>,
    /// What the change costs, as `prorationAmount`.
    pub amount: Option<String>,
    /// The change, if it was made before.
    pub made: Option<Made>,
}

fn only(status: u16, error: &'static str) -> Expected {
    Expected { answers: vec![(status, error)], ..Expected::default() }
}

const APPLIED: (u16, &str) = (200, "");
const DECLINED: (u16, &str) = (402, "payment_failed");
const AUTHENTICATE: (u16, &str) = (402, "payment_action_required");

impl Expected {
    pub async fn of(life: &Life<'_>, asked: &Asked, before: &Ledger) -> Lawful<Self> {
        let request = &asked.request;
        let known = request.key.as_ref().and_then(|key| life.keyed.get(key));
        match known {
            Some(Keyed { progress: Progress::Done(first), asked: first_asked }) => {
                if (&first_asked.request.body, first_asked.request.endpoint)
                    != (&request.body, request.endpoint)
                {
                    return Ok(only(422, "idempotency_key_reused"));
                }
                let replay = Some(first.body.clone());
                Ok(Self { answers: vec![], replay, ..Self::default() })
            }
            Some(Keyed { progress: Progress::Open(begun), .. }) => {
                let unheard = begun.unheard.clone();
                if let Some(expected) = Self::of_begun(begun, before) {
                    return Ok(Self { unheard, ..expected });
                }
                let mut expected = Self::of_new(life, asked, before).await?;
                // Stripe refuses the same request again for a day, whatever card there is by now.
                if begun.told.as_ref().is_some_and(|told| told.contains(DECLINED.1)) {
                    expected.answers.push(DECLINED);
                }
                Ok(Self { unheard, ..expected })
            }
            None => Self::of_new(life, asked, before).await,
        }
    }

    /// Of one that has left something behind.
    fn of_begun(begun: &Begun, before: &Ledger) -> Option<Self> {
        if let Some(made) = &begun.made {
            return Some(Self { made: Some(made.clone()), ..only(200, "") });
        }
        let waits = begun.waits.as_ref()?;
        if before.pending.as_ref() == Some(waits) {
            // The bank has not answered yet, or has declined.
            return Some(Self { answers: vec![DECLINED, AUTHENTICATE], ..Self::default() });
        }
        // Dropped, by itself or for another one.
        let answers = vec![
            APPLIED,
            DECLINED,
            AUTHENTICATE,
            (409, "already_on_plan"),
            (409, "quote_changed"),
            (410, "quote_expired"),
            (409, "subscription_not_changeable"),
            (409, "no_subscription"),
        ];
        Some(Self { answers, ..Self::default() })
    }

    async fn of_new(life: &Life<'_>, asked: &Asked, before: &Ledger) -> Lawful<Self> {
        let Asked { request, plan, quoted, shown } = asked;
        let changeable = matches!(before.status.as_str(), "active" | "trialing");
        let base = &life.account.prices_of(*plan)[0];
        match request.endpoint {
            Endpoint::Checkout if before.live > 0 => return Ok(only(409, "already_subscribed")),
            Endpoint::Checkout => return Ok(only(201, "")),
            _ => {}
        }
        if *quoted == Quoted::Expired {
            return Ok(only(410, "quote_expired"));
        }
        if shown.as_ref().is_some_and(|(shown, _)| shown != plan) {
            return Ok(only(422, "validation"));
        }
        if before.live == 0 {
            return Ok(only(409, "no_subscription"));
        }
        if !changeable {
            return Ok(only(409, "subscription_not_changeable"));
        }
        if before.prices.contains(base) {
            return Ok(only(409, "already_on_plan"));
        }
        Self::of_change(life, asked, before).await
    }

    async fn of_change(life: &Life<'_>, asked: &Asked, before: &Ledger) -> Lawful<Self> {
        let ask = life.account.request(Endpoint::Preview, asked.plan, None);
        let reply = life.account.observer.ask(&ask, life.account.world.number()).await;
        law!(reply.status == 200, "no preview: {} {}", reply.status, reply.body);
        let preview = reply.json();
        let shown = asked.shown.as_ref().map(|(_, preview)| preview);
        let is_due = |preview: &Value| text(&preview["breakdown"]["amountDue"]) != "0.00";
        let mut answers = match (is_due(&preview), life.card()) {
            // What a change that waits has swept up comes back first.
            _ if before.pending.is_some() => vec![APPLIED, DECLINED, AUTHENTICATE],
            (false, _) | (true, Some(Card::Good)) => vec![APPLIED],
            (true, Some(Card::Declined | Card::None)) => vec![DECLINED],
            (true, Some(Card::Authenticates)) => vec![AUTHENTICATE],
            (true, None) => vec![APPLIED, DECLINED, AUTHENTICATE],
        };
        // Without a clock that stands still seconds pass.
        let exact = life.account.has_clock();
        let is_first = asked.request.key.as_ref().is_none_or(|key| !life.keyed.contains_key(key));
        let fresh = asked.quoted == Quoted::Fresh && exact && is_first;
        if shown.is_some() && !(fresh && before.pending.is_none()) {
            answers.push((409, "quote_changed"));
        }
        let amount = match shown {
            Some(shown) => Some(text(&shown["prorationAmount"])),
            None if exact && before.pending.is_none() => Some(text(&preview["prorationAmount"])),
            None => None,
        };
        Ok(Self { answers, amount, ..Self::default() })
    }
}
