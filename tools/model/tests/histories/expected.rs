//! The model: expected responses of a request, from the account's state and a preview.

use model::Endpoint;
use serde_json::Value;

use crate::ensure;
use crate::ledger::Ledger;
use crate::run::{Applied, Asked, Begun, Checked, Keyed, Progress, Run, text};
use crate::steps::{Card, Quoted};

/// Expected responses.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Status and error code of each; the code of a success is empty.
    pub responses: Vec<(u16, &'static str)>,
    /// Rejections that may be replayed: the table stored them, but their responses were lost.
    pub lost: Vec<(u16, &'static str)>,
    /// Body of the response that must be replayed.
    pub replay: Option<String>,
    /// Cost of the change, as `prorationAmount`.
    pub amount: Option<String>,
    /// The change, if an earlier attempt applied it.
    pub applied: Option<Applied>,
}

fn only(status: u16, error: &'static str) -> Expected {
    Expected { responses: vec![(status, error)], ..Expected::default() }
}

const APPLIED: (u16, &str) = (200, "");
const DECLINED: (u16, &str) = (402, "payment_failed");
const AUTHENTICATE: (u16, &str) = (402, "payment_action_required");

impl Expected {
    pub async fn of(run: &Run<'_>, asked: &Asked, before: &Ledger) -> Checked<Self> {
        let request = &asked.request;
        let known = request.key.as_ref().and_then(|key| run.keyed.get(key));
        match known {
            Some(Keyed { progress: Progress::Done(first), asked: first_asked }) => {
                if (&first_asked.request.body, first_asked.request.endpoint)
                    != (&request.body, request.endpoint)
                {
                    return Ok(only(422, "idempotency_key_reused"));
                }
                let replay = Some(first.body.clone());
                Ok(Self { responses: vec![], replay, ..Self::default() })
            }
            Some(Keyed { progress: Progress::Open(begun), .. }) => {
                let lost = begun.lost.clone();
                if let Some(expected) = Self::of_begun(begun, before) {
                    return Ok(Self { lost, ..expected });
                }
                let mut expected = Self::of_new(run, asked, before).await?;
                // Stripe replays a decline for a day, whatever the card is now, also one whose response was lost.
                let is_known =
                    begun.response.as_ref().is_some_and(|body| body.contains(DECLINED.1));
                if is_known || lost.contains(&DECLINED) {
                    expected.responses.push(DECLINED);
                }
                Ok(Self { lost, ..expected })
            }
            None => Self::of_new(run, asked, before).await,
        }
    }

    /// Returns the expectation for the retry of an attempt that left an effect.
    fn of_begun(begun: &Begun, before: &Ledger) -> Option<Self> {
        if let Some(applied) = &begun.applied {
            return Some(Self { applied: Some(applied.clone()), ..only(200, "") });
        }
        let pending = begun.pending.as_ref()?;
        if before.pending.as_ref() == Some(pending) {
            // The customer has not authenticated yet, or has failed to.
            return Some(Self { responses: vec![DECLINED, AUTHENTICATE], ..Self::default() });
        }
        // The pending update expired, or another change replaced it.
        let responses = vec![
            APPLIED,
            DECLINED,
            AUTHENTICATE,
            (409, "already_on_plan"),
            (409, "quote_changed"),
            (410, "quote_expired"),
            (409, "subscription_not_changeable"),
            (409, "no_subscription"),
        ];
        Some(Self { responses, ..Self::default() })
    }

    async fn of_new(run: &Run<'_>, asked: &Asked, before: &Ledger) -> Checked<Self> {
        let Asked { request, plan, quoted, shown } = asked;
        let changeable = matches!(before.status.as_str(), "active" | "trialing");
        let base = &run.account.prices_of(*plan)[0];
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
        Self::of_change(run, asked, before).await
    }

    async fn of_change(run: &Run<'_>, asked: &Asked, before: &Ledger) -> Checked<Self> {
        let request = run.account.request(Endpoint::Preview, asked.plan, None);
        let reply = run.account.observer.send(&request, run.account.world.number()).await;
        ensure!(reply.status == 200, "no preview: {} {}", reply.status, reply.body);
        let preview = reply.json();
        let shown = asked.shown.as_ref().map(|(_, preview)| preview);
        let is_due = |preview: &Value| text(&preview["breakdown"]["amountDue"]) != "0.00";
        // The functions first restore the items on the invoice of a pending update, or of one that an interrupted change
        // has dropped.
        let is_unknown = before.pending.is_some() || run.account.is_change_left();
        let mut responses = match (is_due(&preview), run.card()) {
            _ if is_unknown => vec![APPLIED, DECLINED, AUTHENTICATE],
            (false, _) | (true, Some(Card::Good)) => vec![APPLIED],
            (true, Some(Card::Declined | Card::None)) => vec![DECLINED],
            (true, Some(Card::Authenticates)) => vec![AUTHENTICATE],
            (true, None) => vec![APPLIED, DECLINED, AUTHENTICATE],
        };
        // Without a test clock the amount changes within seconds.
        let exact = run.account.has_clock();
        let is_first = asked.request.key.as_ref().is_none_or(|key| !run.keyed.contains_key(key));
        let fresh = asked.quoted == Quoted::Fresh && exact && is_first;
        if shown.is_some() && (is_unknown || !fresh) {
            responses.push((409, "quote_changed"));
        }
        let amount = match shown {
            Some(shown) => Some(text(&shown["prorationAmount"])),
            None if exact && !is_unknown => Some(text(&preview["prorationAmount"])),
            None => None,
        };
        Ok(Self { responses, amount, ..Self::default() })
    }
}
