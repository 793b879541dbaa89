//! `/c/pay/{session}` and `/c/embed/{client secret}`: subscribing.

use super::authenticate::{Question, succeeded};
use super::card;
use super::checkout_form::{Asked, Filled};
use super::checkout_view::{View, back, ended};
use super::layout::{message, money};
use super::visit::{Reply, Visit};
use crate::lifecycle::checkout::{self, Step, now_of};
use crate::model::checkout::{Payer, Redirect, Session, Status, UiMode};
use crate::values::errors::ApiError;
use crate::world::World;

pub fn visit(world: &mut World, visit: &Visit<'_>) -> Reply {
    let Some((session, base)) = find(world, &visit.path) else {
        return Reply::not_found("No such checkout session");
    };
    let gone = session.customer.as_ref().is_some_and(|id| world.customer(id).deleted);
    match session.status(now_of(world, &session)) {
        Status::Open if gone => return Reply::Page(410, ended(&session, Status::Expired)),
        Status::Complete => return completed(&session),
        Status::Expired => return Reply::Page(410, ended(&session, Status::Expired)),
        Status::Open => {}
    }
    match (visit.post, visit.path.get(2).copied()) {
        (false, None) => form(world, &session, &base, 200, &Filled::default()),
        (true, None) => submit(world, &session, &base, visit),
        (false, Some("authenticate")) => ask(world, &session, &base),
        (true, Some("authenticate")) => answered(world, &session, &base, visit),
        _ => Reply::not_found("No such page"),
    }
}

/// The session, and the path under which this page of it lives.
fn find(world: &World, path: &[&str]) -> Option<(Session, String)> {
    let (kind, key) = (*path.first()?, *path.get(1)?);
    let id = match kind {
        "pay" => key,
        "embed" => key.split_once("_secret_")?.0,
        _ => return None,
    };
    let session = world.checkout_sessions.get(id)?;
    let fits = match session.ui {
        UiMode::Hosted => kind == "pay",
        _ => kind == "embed" && key == session.client_secret(),
    };
    fits.then(|| (session.clone(), format!("/c/{kind}/{key}")))
}

fn form(world: &mut World, session: &Session, base: &str, status: u16, filled: &Filled) -> Reply {
    match checkout::quote(world, session) {
        Ok(due) => {
            let view = View { world, session, due: &due, action: base, filled };
            Reply::Page(status, view.page())
        }
        Err(error) => {
            let text = format!("This cannot be sold as it stands: {}", error.message());
            Reply::Page(409, message("Not available", &text, back(session)))
        }
    }
}

fn submit(world: &mut World, session: &Session, base: &str, visit: &Visit<'_>) -> Reply {
    let mut filled = Filled::read(visit);
    let due = match checkout::quote(world, session) {
        Ok(invoice) => invoice.amount_due,
        Err(_) => return form(world, session, base, 409, &filled),
    };
    let asks = Asked::of(session, due);
    let mut card = None;
    if asks.card {
        match filled.card.check(now_of(world, session)) {
            Ok(read) => card = Some(read),
            Err(problems) => filled.problems.extend(problems),
        }
    }
    filled.problems.extend(asks.check(&filled));
    if !filled.problems.is_empty() {
        return form(world, session, base, 422, &filled);
    }
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let payer = Payer {
        card,
        email: some(&filled.email),
        name: some(&filled.card.name),
        country: some(&filled.country.to_ascii_uppercase()),
        postal_code: some(&filled.postal_code),
    };
    match checkout::submit(world, session, payer) {
        Ok(Step::Authenticate) => Reply::Go(format!("{base}/authenticate")),
        Ok(Step::Done) => leave(world, session),
        Err(error) => refused(world, session, base, filled, &error),
    }
}

fn refused(
    world: &mut World,
    session: &Session,
    base: &str,
    mut filled: Filled,
    error: &ApiError,
) -> Reply {
    let field = card::field_of(error.code_word());
    filled.problems = vec![(field, error.message().to_owned())];
    form(world, session, base, error.status(), &filled)
}

fn ask(world: &mut World, session: &Session, base: &str) -> Reply {
    let waiting = session.authenticating.as_ref().and_then(|payer| payer.card);
    let (Some(card), Ok(invoice)) = (waiting, checkout::quote(world, session)) else {
        return Reply::Go(base.to_owned());
    };
    let due = invoice.amount_due;
    let question = Question {
        card: &card::describe(card),
        amount: (due > 0).then(|| money(session.currency, due)),
        action: &format!("{base}/authenticate"),
    };
    Reply::ok(question.page())
}

fn answered(world: &mut World, session: &Session, base: &str, visit: &Visit<'_>) -> Reply {
    match checkout::authenticated(world, session, succeeded(visit)) {
        Ok(()) => leave(world, session),
        Err(error) => {
            let session = Session { authenticating: None, ..session.clone() };
            refused(world, &session, base, Filled::default(), &error)
        }
    }
}

/// Back to the shop, with the session's id where its URL asks for it.
fn leave(world: &World, session: &Session) -> Reply {
    let session = world.checkout_sessions.get(&session.id).unwrap_or(session);
    let never = matches!(session.urls.redirect, Some(Redirect::Never | Redirect::IfRequired));
    match session.urls.success.as_ref().or(session.urls.back.as_ref()) {
        Some(url) if !never => Reply::Go(url.replace("{CHECKOUT_SESSION_ID}", &session.id)),
        _ => completed(session),
    }
}

fn completed(session: &Session) -> Reply {
    Reply::ok(ended(session, Status::Complete))
}
