//! Customer portal: `/p/session/{token}`.

use super::authenticate::{AuthenticationPage, succeeded};
use super::card::{self, CardForm};
use super::layout::{Problem, message};
use super::portal_details::DetailsForm;
use super::portal_view::{self, Plan, Portal, View};
use super::request::{PageRequest, PageResponse};
use crate::lifecycle::checkout;
use crate::lifecycle::preview::{self, PreviewOptions};
use crate::lifecycle::self_service;
use crate::model::portal::{After, FlowType};
use crate::model::subscription::Subscription;
use crate::values::cards::TestCard;
use crate::values::failures::AUTHENTICATION_FAILED;
use crate::values::outcomes::Outcome;
use crate::world::World;

pub fn handle(world: &mut World, request: &PageRequest<'_>) -> PageResponse {
    let token = request.path.get(1).filter(|_| request.path[0] == "session");
    let found = token.and_then(|token| {
        world.portal_sessions.under(&format!("token={token}")).next_back().cloned()
    });
    let Some(mut session) = found else { return PageResponse::not_found("No such portal link") };
    let now = world.now(None);
    let gone = world.customer(&session.customer).deleted;
    if gone || !session.is_alive(now) {
        let text =
            "For your security, links to this page expire quickly. Go back and open it again.";
        let back = session.return_url.as_deref().map(|url| (url, "Go back"));
        return PageResponse::Page(410, message("This link has expired", text, back));
    }
    session.last_used = Some(now);
    world.portal_sessions.put(session.clone());
    let configuration = world.portal_configurations.get(&session.configuration).cloned();
    let configuration = configuration.expect("configurations are never deleted");
    let base = format!("/p/session/{}", session.token);
    Portal { session, configuration, base, request }.answer(world)
}

impl Portal<'_> {
    fn answer(mut self, world: &mut World) -> PageResponse {
        let rest: Vec<&str> = self.request.path[2..].to_vec();
        let features = &self.configuration.features;
        match (self.request.post, rest.as_slice()) {
            (false, []) => self.home(world),
            (_, ["details"]) if features.customer_update.is_none() => feature_disabled(),
            (false, ["details"]) => self.details_page(world),
            (true, ["details"]) => self.save_details(world),
            (_, ["card", ..]) if !features.payment_method_update => feature_disabled(),
            (false, ["card"]) => self.card_page(200, &CardForm::default(), &[]),
            (true, ["card"]) => self.new_card(world),
            (false, ["card", "authenticate"]) => self.authentication_page(),
            (true, ["card", "authenticate"]) => self.authentication_submitted(world),
            (_, ["cancel" | "renew", _]) if !features.subscription_cancel => feature_disabled(),
            (post, [what @ ("cancel" | "renew"), id]) => match self.find_own(world, id) {
                None => PageResponse::not_found("No such subscription"),
                Some(sub) if *what == "cancel" && sub.cancel_at.is_some() => {
                    PageResponse::Redirect(self.base)
                }
                Some(sub) => match (post, *what) {
                    (false, "cancel") => {
                        let view = View { world, portal: &self };
                        PageResponse::ok(view.cancel(&sub))
                    }
                    (true, "cancel") => self.cancel(world, &sub),
                    (true, _) => self.undo_cancel(world, &sub),
                    (false, _) => PageResponse::Redirect(self.base),
                },
            },
            _ => PageResponse::not_found("No such page"),
        }
    }

    /// Returns a subscription of this customer that has not ended.
    fn find_own(&self, world: &World, id: &str) -> Option<Subscription> {
        let sub = world.subscriptions().get(id)?;
        let own = sub.customer == self.session.customer && !sub.status.is_terminal();
        own.then(|| sub.clone())
    }

    fn home(&self, world: &mut World) -> PageResponse {
        if let Some(flow) = &self.session.flow {
            match (self.session.flow_done, flow.kind, &flow.after) {
                (true, _, After::Confirmation(text)) => return self.confirmation(text.as_deref()),
                (true, ..) => {}
                (false, FlowType::SubscriptionCancel, _) => {
                    let id = flow.subscription.as_deref().unwrap_or_default();
                    if self.find_own(world, id).is_some_and(|sub| sub.cancel_at.is_none()) {
                        return PageResponse::Redirect(format!("{}/cancel/{id}", self.base));
                    }
                }
                (false, FlowType::CustomerUpdate, _) => {
                    return PageResponse::Redirect(format!("{}/details", self.base));
                }
                (false, ..) => return PageResponse::Redirect(format!("{}/card", self.base)),
            }
        }
        let plans: Vec<Plan> = self_service::live_subscriptions(world, &self.session.customer)
            .into_iter()
            .map(|sub| {
                let next =
                    preview::preview_subscription(world, &sub.id, &PreviewOptions::default()).ok();
                let next = next.map(|invoice| (invoice.period.1, invoice.amount_due));
                Plan { sub, next }
            })
            .collect();
        PageResponse::ok(
            View { world, portal: self }.home(&plans, self.request.query_value("done")),
        )
    }

    fn confirmation(&self, text: Option<&str>) -> PageResponse {
        let back = self.session.return_url.as_deref().map(|url| (url, "Return"));
        PageResponse::ok(message("Done", text.unwrap_or("Your change has been made."), back))
    }

    /// Redirects after a change: to the flow's target, or to the portal's home.
    fn finished(&mut self, world: &mut World, done: &str) -> PageResponse {
        self.session.authenticating = None;
        let in_flow = self.in_flow();
        self.session.flow_done |= in_flow;
        world.portal_sessions.put(self.session.clone());
        match self.session.flow.as_ref().map(|flow| &flow.after) {
            Some(After::Redirect(url)) if in_flow => PageResponse::Redirect(url.clone()),
            _ => PageResponse::Redirect(format!("{}?done={done}", self.base)),
        }
    }

    fn details_page(&self, world: &World) -> PageResponse {
        let form = DetailsForm::of(world.customer(&self.session.customer));
        PageResponse::ok(form.page(self, &[]))
    }

    fn save_details(&mut self, world: &mut World) -> PageResponse {
        let form = DetailsForm::read(self.request);
        let mut customer = world.customer(&self.session.customer).clone();
        let allowed = self.configuration.features.customer_update.clone().unwrap_or_default();
        if let Err(problems) = form.apply(world, &mut customer, &allowed) {
            return PageResponse::Page(422, form.page(self, &problems));
        }
        world.customers.put(customer);
        self.finished(world, "details")
    }

    fn card_page(&self, status: u16, form: &CardForm, problems: &[Problem]) -> PageResponse {
        PageResponse::Page(status, portal_view::card(self, form, problems))
    }

    fn new_card(&mut self, world: &mut World) -> PageResponse {
        let form = CardForm::read(self.request);
        let card = match form.check(world.now_of(&self.session.customer)) {
            Ok(card) => card,
            Err(problems) => return self.card_page(422, &form, &problems),
        };
        if let Err(failure) = card.save() {
            let problems = [(card::field_of(failure.code), failure.message.to_owned())];
            return self.card_page(402, &form, &problems);
        }
        if card.charge(false) == Outcome::RequiresAction {
            self.session.authenticating = Some(card);
            world.portal_sessions.put(self.session.clone());
            return PageResponse::Redirect(format!("{}/card/authenticate", self.base));
        }
        self.save_card(world, card, false)
    }

    fn save_card(
        &mut self,
        world: &mut World,
        card: TestCard,
        authenticated: bool,
    ) -> PageResponse {
        let customer = self.session.customer.clone();
        let id = checkout::save_card(world, card, &customer, authenticated).id;
        self_service::make_default(world, &customer, &id);
        self.finished(world, "card")
    }

    fn authentication_page(&self) -> PageResponse {
        let Some(card) = self.session.authenticating else {
            return PageResponse::Redirect(format!("{}/card", self.base));
        };
        let page = AuthenticationPage {
            card: &card::describe(card),
            amount: None,
            action: &format!("{}/card/authenticate", self.base),
        };
        PageResponse::ok(page.page())
    }

    fn authentication_submitted(&mut self, world: &mut World) -> PageResponse {
        let Some(card) = self.session.authenticating.take() else {
            return PageResponse::Redirect(format!("{}/card", self.base));
        };
        if succeeded(self.request) {
            return self.save_card(world, card, true);
        }
        world.portal_sessions.put(self.session.clone());
        let problems = [("number", AUTHENTICATION_FAILED.message.to_owned())];
        self.card_page(402, &CardForm::default(), &problems)
    }

    fn cancel(&mut self, world: &mut World, sub: &Subscription) -> PageResponse {
        let features = &self.configuration.features;
        let mut offered = features.cancel_reasons.iter().flatten();
        let given = self.request.form_value("feedback");
        let feedback = offered.find(|reason| *reason == given).cloned();
        let comment = self.request.form_value("comment");
        let comment = (!comment.is_empty()).then(|| comment.chars().take(500).collect());
        match self_service::cancel(world, &sub.id, features.cancel_mode, feedback, comment) {
            Ok(()) if world.subscription(&sub.id).status.is_terminal() => {
                self.finished(world, "ended")
            }
            Ok(()) => self.finished(world, "canceled"),
            Err(error) => PageResponse::Page(
                409,
                message("Not possible", error.message(), Some((&self.base, "Back to billing"))),
            ),
        }
    }

    fn undo_cancel(&mut self, world: &mut World, sub: &Subscription) -> PageResponse {
        match self_service::undo_cancel(world, &sub.id) {
            Ok(()) => self.finished(world, "renewed"),
            Err(error) => PageResponse::Page(
                409,
                message("Not possible", error.message(), Some((&self.base, "Back to billing"))),
            ),
        }
    }
}

fn feature_disabled() -> PageResponse {
    PageResponse::Page(
        403,
        message("Not available", "This feature is disabled in the portal’s configuration.", None),
    )
}
