//! `/i/{invoice}.{token}`: the invoice as its customer sees it, and paying it.

use super::authenticate::{Question, succeeded};
use super::card::{self, CardForm};
use super::invoice_view::{Filled, View, is_payable, waiting};
use super::layout::money;
use super::visit::{Reply, Visit};
use crate::lifecycle::{authenticate, payments, self_service};
use crate::model::invoice::Invoice;
use crate::resources::invoices::charge;
use crate::values::cards::AUTHENTICATION_FAILED;
use crate::world::World;

pub fn visit(world: &mut World, visit: &Visit<'_>) -> Reply {
    let Some(invoice) = find(world, &visit.path) else {
        return Reply::not_found("No such invoice");
    };
    let base = format!("/i/{}.{}", invoice.id, invoice.token);
    match (visit.post, visit.path.get(1).copied()) {
        (false, None | Some("pdf")) => page(world, &invoice, 200, &Filled::default()),
        (true, None) if is_payable(world, &invoice) => pay(world, &invoice, &base, visit),
        (false, Some("authenticate")) => ask(world, &invoice, &base, visit),
        (true, Some("authenticate")) => answered(world, &invoice, &base, visit),
        (true, None) => Reply::Go(base),
        _ => Reply::not_found("No such page"),
    }
}

fn find(world: &World, path: &[&str]) -> Option<Invoice> {
    let (id, token) = path.first()?.split_once('.')?;
    world.invoices().get(id).filter(|invoice| invoice.token == token).cloned()
}

fn page(world: &World, invoice: &Invoice, status: u16, filled: &Filled) -> Reply {
    let action = format!("/i/{}.{}", invoice.id, invoice.token);
    Reply::Page(status, View { world, invoice, filled, action: &action }.page())
}

fn pay(world: &mut World, invoice: &Invoice, base: &str, visit: &Visit<'_>) -> Reply {
    let mut filled = Filled::default();
    let token = if visit.field("with") == "saved" {
        None
    } else {
        filled.card = CardForm::read(visit);
        match filled.card.check(world.now_of(&invoice.customer)) {
            Ok(read) => Some(card::token(read).to_owned()),
            Err(problems) => {
                filled.problems = problems;
                return page(world, invoice, 422, &filled);
            }
        }
    };
    let keep = token.is_some() && visit.field("keep") == "1";
    // The same attempt as `POST /v1/invoices/{id}/pay`.
    let Err(error) = charge(world, &invoice.id, token) else {
        return done(world, invoice, base, keep);
    };
    if waiting(world, invoice).is_some() {
        return Reply::Go(format!("{base}/authenticate?keep={}", u8::from(keep)));
    }
    filled.problems = vec![(card::field_of(error.code_word()), error.message().to_owned())];
    page(world, &world.invoice(&invoice.id), error.status(), &filled)
}

/// Paid: the card becomes the default if that was wanted.
fn done(world: &mut World, invoice: &Invoice, base: &str, keep: bool) -> Reply {
    let method = payments::intent_of(world, &invoice.id).and_then(|intent| intent.payment_method);
    let own = method.and_then(|id| world.payment_methods.get(&id));
    let own = own.filter(|method| method.customer.as_ref() == Some(&invoice.customer));
    if let Some(id) = own.filter(|_| keep).map(|method| method.id.clone()) {
        self_service::make_default(world, &invoice.customer, &id);
    }
    Reply::Go(base.to_owned())
}

fn action(base: &str, visit: &Visit<'_>) -> String {
    let keep = visit.asks("keep") == Some("1");
    format!("{base}/authenticate?keep={}", u8::from(keep))
}

fn ask(world: &World, invoice: &Invoice, base: &str, visit: &Visit<'_>) -> Reply {
    let Some(intent) = waiting(world, invoice) else { return Reply::Go(base.to_owned()) };
    let method = intent.payment_method.and_then(|id| world.payment_methods.get(&id));
    let question = Question {
        card: &method.map_or_else(|| "your card".to_owned(), |method| card::describe(method.card)),
        amount: Some(money(intent.currency, intent.amount)),
        action: &action(base, visit),
    };
    Reply::ok(question.page())
}

fn answered(world: &mut World, invoice: &Invoice, base: &str, visit: &Visit<'_>) -> Reply {
    let Some(intent) = waiting(world, invoice) else { return Reply::Go(base.to_owned()) };
    let succeed = succeeded(visit);
    // It waits, as was just seen, so there is nothing to refuse.
    let _ = authenticate::authenticate(world, &intent.id, succeed);
    if succeed {
        return done(world, invoice, base, visit.asks("keep") == Some("1"));
    }
    let problems = vec![("number", AUTHENTICATION_FAILED.message.to_owned())];
    let filled = Filled { problems, ..Filled::default() };
    page(world, &world.invoice(&invoice.id), 402, &filled)
}
