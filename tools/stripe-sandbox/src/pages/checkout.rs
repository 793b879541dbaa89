//! Checkout page: `/c/pay/{session}` and `/c/embed/{client secret}`.

use super::authenticate::{AuthenticationPage, succeeded};
use super::card;
use super::checkout_form::{self, CheckoutForm, RequiredFields};
use super::checkout_view::{View, back, session_over};
use super::layout::{message, money};
use super::request::{PageRequest, PageResponse};
use crate::lifecycle::checkout::{self, SubmitOutcome, session_now};
use crate::model::checkout::{Payer, Redirect, Session, Status, UiMode};
use crate::values::errors::ApiError;
use crate::world::World;

pub fn handle(world: &mut World, request: &PageRequest<'_>) -> PageResponse {
    let Some((session, base)) = find(world, &request.path) else {
        return PageResponse::not_found("No such checkout session");
    };
    let gone = session.customer.as_ref().is_some_and(|id| world.customer(id).deleted);
    match session.status(session_now(world, &session)) {
        Status::Open if gone => {
            return PageResponse::Page(410, session_over(&session, Status::Expired));
        }
        Status::Complete => return completed(&session),
        Status::Expired => return PageResponse::Page(410, session_over(&session, Status::Expired)),
        Status::Open => {}
    }
    match (request.post, request.path.get(2).copied()) {
        (false, None) => form_page(world, &session, &base, 200, &CheckoutForm::default()),
        (true, None) => submit(world, &session, &base, request),
        (true, Some("promotion")) if session.allow_promotion_codes == Some(true) => {
            redeem_code(world, &session, &base, request)
        }
        (false, Some("authenticate")) => authentication_page(world, &session, &base),
        (true, Some("authenticate")) => authentication_submitted(world, &session, &base, request),
        _ => PageResponse::not_found("No such page"),
    }
}

/// Returns the session and the path of its page.
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

fn form_page(
    world: &mut World,
    session: &Session,
    base: &str,
    status: u16,
    form: &CheckoutForm,
) -> PageResponse {
    match checkout::preview_first_invoice(world, session) {
        Ok(due) => {
            let view = View { world, session, due: &due, action: base, form };
            PageResponse::Page(status, view.page())
        }
        Err(error) => {
            let text = format!("This plan is not available: {}", error.message());
            PageResponse::Page(409, message("Not available", &text, back(session)))
        }
    }
}

/// Applies the entered promotion code; an empty field removes it.
fn redeem_code(
    world: &mut World,
    session: &Session,
    base: &str,
    request: &PageRequest<'_>,
) -> PageResponse {
    let mut form = CheckoutForm::read(request);
    let code = (!form.promotion_code.is_empty()).then_some(form.promotion_code.as_str());
    if checkout::redeem_code(world, session, code).is_ok() {
        return PageResponse::Redirect(base.to_owned());
    }
    form.problems = vec![("promotion_code", "This code is invalid.".to_owned())];
    form_page(world, session, base, 422, &form)
}

fn submit(
    world: &mut World,
    session: &Session,
    base: &str,
    request: &PageRequest<'_>,
) -> PageResponse {
    let mut form = CheckoutForm::read(request);
    let due = match checkout::preview_first_invoice(world, session) {
        Ok(invoice) => invoice.amount_due,
        Err(_) => return form_page(world, session, base, 409, &form),
    };
    let required = RequiredFields::of(session, due);
    let mut card = None;
    if required.card {
        match form.card.check(session_now(world, session)) {
            Ok(read) => card = Some(read),
            Err(problems) => form.problems.extend(problems),
        }
    }
    form.problems.extend(required.check(&form));
    let tax_id = checkout_form::tax_id(session, &form).unwrap_or_else(|problem| {
        form.problems.push(problem);
        None
    });
    if !form.problems.is_empty() {
        return form_page(world, session, base, 422, &form);
    }
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let payer = Payer {
        card,
        email: some(&form.email),
        name: some(&form.card.name),
        business_name: some(&form.business_name),
        address: form.address.address(),
        tax_id,
    };
    match checkout::submit(world, session, payer) {
        Ok(SubmitOutcome::Authenticate) => PageResponse::Redirect(format!("{base}/authenticate")),
        Ok(SubmitOutcome::Done) => redirect_to_shop(world, session),
        Err(error) => refused(world, session, base, form, &error),
    }
}

fn refused(
    world: &mut World,
    session: &Session,
    base: &str,
    mut form: CheckoutForm,
    error: &ApiError,
) -> PageResponse {
    let field = card::field_of(error.code_word());
    form.problems = vec![(field, error.message().to_owned())];
    form_page(world, session, base, error.status(), &form)
}

fn authentication_page(world: &mut World, session: &Session, base: &str) -> PageResponse {
    let waiting = session.authenticating.as_ref().and_then(|payer| payer.card);
    let (Some(card), Ok(invoice)) = (waiting, checkout::preview_first_invoice(world, session))
    else {
        return PageResponse::Redirect(base.to_owned());
    };
    let due = invoice.amount_due;
    let page = AuthenticationPage {
        card: &card::describe(card),
        amount: (due > 0).then(|| money(session.currency, due)),
        action: &format!("{base}/authenticate"),
    };
    PageResponse::ok(page.page())
}

fn authentication_submitted(
    world: &mut World,
    session: &Session,
    base: &str,
    request: &PageRequest<'_>,
) -> PageResponse {
    match checkout::complete_authentication(world, session, succeeded(request)) {
        Ok(()) => redirect_to_shop(world, session),
        Err(error) => {
            let session = Session { authenticating: None, ..session.clone() };
            refused(world, &session, base, CheckoutForm::default(), &error)
        }
    }
}

/// Redirects to the shop. `{CHECKOUT_SESSION_ID}` in the URL is replaced.
fn redirect_to_shop(world: &World, session: &Session) -> PageResponse {
    let session = world.checkout_sessions.get(&session.id).unwrap_or(session);
    let never = matches!(session.urls.redirect, Some(Redirect::Never | Redirect::IfRequired));
    match session.urls.success.as_ref().or(session.urls.back.as_ref()) {
        Some(url) if !never => {
            PageResponse::Redirect(url.replace("{CHECKOUT_SESSION_ID}", &session.id))
        }
        _ => completed(session),
    }
}

fn completed(session: &Session) -> PageResponse {
    PageResponse::ok(session_over(session, Status::Complete))
}
