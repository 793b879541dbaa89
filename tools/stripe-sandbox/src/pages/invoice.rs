//! Invoice page: `/i/{invoice}.{token}`.

use super::authenticate::{AuthenticationPage, succeeded};
use super::card::{self, CardForm};
use super::invoice_view::{PaymentForm, View, is_payable, waiting};
use super::layout::money;
use super::method;
use super::request::{PageRequest, PageResponse};
use crate::lifecycle::{authenticate, payments, self_service};
use crate::model::invoice::Invoice;
use crate::resources::invoices::charge;
use crate::values::failures::AUTHENTICATION_FAILED;
use crate::world::World;

pub fn handle(world: &mut World, request: &PageRequest<'_>) -> PageResponse {
    let Some(invoice) = find(world, &request.path) else {
        return PageResponse::not_found("No such invoice");
    };
    let base = format!("/i/{}.{}", invoice.id, invoice.token);
    match (request.post, request.path.get(1).copied()) {
        (false, None | Some("pdf")) => page(world, &invoice, 200, &PaymentForm::default()),
        (true, None) if is_payable(world, &invoice) => pay(world, &invoice, &base, request),
        (false, Some("authenticate")) => authentication_page(world, &invoice, &base, request),
        (true, Some("authenticate")) => authentication_submitted(world, &invoice, &base, request),
        (true, None) => PageResponse::Redirect(base),
        _ => PageResponse::not_found("No such page"),
    }
}

fn find(world: &World, path: &[&str]) -> Option<Invoice> {
    let (id, token) = path.first()?.split_once('.')?;
    world.invoices().get(id).filter(|invoice| invoice.token == token).cloned()
}

fn page(world: &World, invoice: &Invoice, status: u16, form: &PaymentForm) -> PageResponse {
    let action = format!("/i/{}.{}", invoice.id, invoice.token);
    PageResponse::Page(status, View { world, invoice, form, action: &action }.page())
}

fn pay(
    world: &mut World,
    invoice: &Invoice,
    base: &str,
    request: &PageRequest<'_>,
) -> PageResponse {
    let mut form = PaymentForm::default();
    let token = if request.form_value("with") == "saved" {
        None
    } else {
        form.card = CardForm::read(request);
        match form.card.check(world.now_of(&invoice.customer)) {
            Ok(read) => Some(card::token(read).to_owned()),
            Err(problems) => {
                form.problems = problems;
                return page(world, invoice, 422, &form);
            }
        }
    };
    let keep = token.is_some() && request.form_value("keep") == "1";
    // Same attempt as `POST /v1/invoices/{id}/pay`.
    let Err(error) = charge(world, &invoice.id, token) else {
        return after_payment(world, invoice, base, keep);
    };
    if waiting(world, invoice).is_some() {
        return PageResponse::Redirect(format!("{base}/authenticate?keep={}", u8::from(keep)));
    }
    form.problems = vec![(card::field_of(error.code_word()), error.message().to_owned())];
    page(world, &world.invoice(&invoice.id), error.status(), &form)
}

/// Makes the card the default if requested, and redirects to the paid invoice.
fn after_payment(world: &mut World, invoice: &Invoice, base: &str, keep: bool) -> PageResponse {
    let method =
        payments::payment_intent_of(world, &invoice.id).and_then(|intent| intent.payment_method);
    let own = method.and_then(|id| world.payment_methods.get(&id));
    let own = own.filter(|method| method.customer.as_ref() == Some(&invoice.customer));
    if let Some(id) = own.filter(|_| keep).map(|method| method.id.clone()) {
        self_service::make_default(world, &invoice.customer, &id);
    }
    PageResponse::Redirect(base.to_owned())
}

fn action(base: &str, request: &PageRequest<'_>) -> String {
    let keep = request.query_value("keep") == Some("1");
    format!("{base}/authenticate?keep={}", u8::from(keep))
}

fn authentication_page(
    world: &World,
    invoice: &Invoice,
    base: &str,
    request: &PageRequest<'_>,
) -> PageResponse {
    let Some(intent) = waiting(world, invoice) else {
        return PageResponse::Redirect(base.to_owned());
    };
    let charged = intent.payment_method.and_then(|id| world.payment_methods.get(&id));
    let page = AuthenticationPage {
        card: &charged
            .map_or_else(|| "your card".to_owned(), |charged| method::describe(charged.instrument)),
        amount: Some(money(intent.currency, intent.amount)),
        action: &action(base, request),
    };
    PageResponse::ok(page.page())
}

fn authentication_submitted(
    world: &mut World,
    invoice: &Invoice,
    base: &str,
    request: &PageRequest<'_>,
) -> PageResponse {
    let Some(intent) = waiting(world, invoice) else {
        return PageResponse::Redirect(base.to_owned());
    };
    let succeed = succeeded(request);
    // Cannot fail: the intent requires action.
    let _ = authenticate::authenticate(world, &intent.id, succeed);
    if succeed {
        return after_payment(world, invoice, base, request.query_value("keep") == Some("1"));
    }
    let problems = vec![("number", AUTHENTICATION_FAILED.message.to_owned())];
    let form = PaymentForm { problems, ..PaymentForm::default() };
    page(world, &world.invoice(&invoice.id), 402, &form)
}
