//! HTML of the checkout page.

use maud::{Markup, html};

use super::address::render_tax_id;
use super::card::test_cards;
use super::checkout_form::{CheckoutForm, RequiredFields};
use super::layout::{Document, Field, date, interval_name, message, money, summary};
use crate::model::catalog::{Price, Product, RequestedDiscount};
use crate::model::checkout::{LineItem, Session, Status};
use crate::model::invoice::Invoice;
use crate::values::pricing::Amount;
use crate::world::World;

pub struct View<'a> {
    pub world: &'a World,
    pub session: &'a Session,
    /// Preview of the first invoice.
    pub due: &'a Invoice,
    pub action: &'a str,
    pub form: &'a CheckoutForm,
}

impl View<'_> {
    pub fn page(&self) -> Markup {
        let title = format!("Subscribe to {}", self.plan());
        let body = html! {
            div.columns {
                section aria-labelledby="order" { (self.order(&title)) }
                section.card aria-labelledby="pay" { (self.form()) }
            }
        };
        Document { title: &title, narrow: false, back: back(self.session) }.render(&body)
    }

    fn plan(&self) -> &str {
        let licensed = self.session.lines.iter().find(|line| line.quantity.is_some());
        self.name(licensed.unwrap_or(&self.session.lines[0]))
    }

    fn price(&self, line: &LineItem) -> &Price {
        self.world.price(&line.price)
    }

    fn product(&self, price: &Price) -> &Product {
        self.world.product(&price.product)
    }

    fn name(&self, line: &LineItem) -> &str {
        &self.product(self.price(line)).name
    }

    fn order(&self, title: &str) -> Markup {
        let totals = &self.due.totals;
        let cash = |minor: i64| money(self.session.currency, minor);
        let balance = self.due.amount_due - totals.total;
        html! {
            h1 id="order" { (title) }
            p.price { (cash(self.due.amount_due)) }
            p.soft { (self.billing_interval()) }
            ul.sums {
                @for line in &self.session.lines { (self.line(line)) }
                @if totals.total != totals.subtotal {
                    li { span { "Subtotal" } span { (cash(totals.subtotal)) } }
                }
                @if let Some((_, off)) = totals.discounts.first() {
                    li { span { "Discount" (self.coupon()) } span { (cash(-off)) } }
                }
                @for tax in &totals.taxes {
                    li {
                        span { (self.tax_name(&tax.rate)) @if tax.inclusive { " (included)" } }
                        span { (cash(tax.amount)) }
                    }
                }
                @if balance < 0 {
                    li { span { "Credit from your balance" } span { (cash(balance)) } }
                } @else if balance > 0 {
                    li { span { "Previous balance" } span { (cash(balance)) } }
                }
                li.total { span { "Total due today" } span { (cash(self.due.amount_due)) } }
            }
            @if self.session.allow_promotion_codes == Some(true) { (self.promotion()) }
        }
    }

    fn line(&self, line: &LineItem) -> Markup {
        let price = self.price(line);
        let amount: i64 = self
            .due
            .lines
            .iter()
            .filter(|due| due.price.as_ref().is_some_and(|(id, _)| *id == line.price))
            .map(|due| due.amount)
            .sum();
        html! {
            li {
                span {
                    (self.name(line))
                    small {
                        @if let Some(quantity) = line.quantity.filter(|quantity| *quantity != 1) {
                            "Quantity " (quantity) ", "
                        }
                        (self.rate(price))
                    }
                }
                span {
                    @if line.quantity.is_some() { (money(self.session.currency, amount)) }
                    @else { span.soft { "billed by usage" } }
                }
            }
        }
    }

    /// Returns "$35.00 per month" or "$0.02 per GB used".
    fn rate(&self, price: &Price) -> String {
        let interval = price.recurring.as_ref().map(|recurring| interval_name(recurring.interval));
        let every = interval.map(|interval| format!(" per {interval}")).unwrap_or_default();
        let unit = match price.amount_in(self.session.currency) {
            Some(Amount::PerUnit(unit)) => self.session.currency.format(*unit),
            _ => return format!("Price depends on quantity{}", every.replace(" per ", ", each ")),
        };
        let label = self.product(price).unit_label.as_deref().unwrap_or("unit");
        if price.is_metered() {
            format!("{unit} per {label} used")
        } else {
            format!("{unit}{every}")
        }
    }

    fn billing_interval(&self) -> String {
        let licensed = self.session.lines.iter().find(|line| line.quantity.is_some());
        let price = self.price(licensed.unwrap_or(&self.session.lines[0]));
        let trial = self.due.lines.iter().find(|_| self.session.subscription_data.trial.is_some());
        match (trial, &price.recurring) {
            (Some(line), _) => {
                format!("Free until {}, then {}", date(line.period.1), self.rate(price))
            }
            (None, Some(recurring)) => {
                format!("Renews every {} until you cancel", interval_name(recurring.interval))
            }
            (None, None) => String::new(),
        }
    }

    fn coupon(&self) -> String {
        let discount = self.due.discounts.first().and_then(|id| self.world.discounts.get(id));
        let coupon = discount.and_then(|discount| self.world.coupons.get(&discount.coupon));
        coupon.map_or_else(String::new, |coupon| {
            format!(" ({})", coupon.name.as_ref().unwrap_or(&coupon.id))
        })
    }

    fn tax_name(&self, rate: &str) -> String {
        self.world.tax_rates.get(rate).map_or_else(
            || "Tax".to_owned(),
            |rate| format!("{} {} %", rate.display_name, rate.percentage.normalize()),
        )
    }

    fn form(&self) -> Markup {
        let required = RequiredFields::of(self.session, self.due.amount_due);
        let form = self.form;
        let trial = self.session.subscription_data.trial.is_some();
        let label = match (self.due.amount_due, trial) {
            (0, true) => "Start trial".to_owned(),
            (0, false) => "Start plan".to_owned(),
            (due, _) => format!("Subscribe and pay {}", money(self.session.currency, due)),
        };
        html! {
            h2 id="pay" {
                @if !required.card { "No payment needed today" }
                @else if self.due.amount_due == 0 { "Card for later payments" }
                @else { "Pay with card" }
            }
            (summary(&form.problems))
            form method="post" action=(self.action) novalidate {
                @if required.email { (self.email()) } @else { (self.known_email()) }
                @if required.card { (form.card.render(&form.problems)) }
                @if required.address { (form.address.render(&form.problems)) }
                @if self.session.tax.ids { (self.business()) }
                button.wide type="submit" { (label) }
            }
            @if required.card {
                p.small.soft.after {
                    "The card is saved for the payments that follow. You can cancel at any time."
                }
                (test_cards())
            }
        }
    }

    fn business(&self) -> Markup {
        let name = text("business_name", "Business name", &self.form.business_name);
        let hint = Some("If you buy for a business");
        html! {
            (Field { hint, autocomplete: "organization", ..name }.render(&self.form.problems))
            (render_tax_id(&self.form.tax_id, &self.form.problems))
        }
    }

    /// Returns the form for a promotion code, or the redeemed code with a button to remove it.
    fn promotion(&self) -> Markup {
        let redeemed = self.session.discounts.iter().find_map(|discount| match discount {
            RequestedDiscount::PromotionCode(id) => self.world.promotion_codes.get(id),
            _ => None,
        });
        let action = format!("{}/promotion", self.action);
        let code = text("promotion_code", "Promotion code", &self.form.promotion_code);
        html! {
            form.after method="post" action=(action) novalidate {
                @if let Some(code) = redeemed {
                    p.soft { "Promotion code " strong { (code.code) } }
                    button.second type="submit" { "Remove code" }
                } @else {
                    (code.render(&self.form.problems))
                    button.second type="submit" { "Apply" }
                }
            }
        }
    }

    fn known_email(&self) -> Markup {
        let customer = self.session.customer.as_ref().map(|id| self.world.customer(id));
        let email = customer.and_then(|customer| customer.email.as_ref());
        html! {
            @if let Some(email) = email.or(self.session.customer_email.as_ref()) {
                p.soft { "Subscribing as " strong { (email) } }
            }
        }
    }

    fn email(&self) -> Markup {
        let field = text("email", "Email", &self.form.email);
        Field { kind: "email", autocomplete: "email", ..field }.render(&self.form.problems)
    }
}

fn text<'a>(id: &'static str, label: &'a str, value: &'a str) -> Field<'a> {
    let (kind, autocomplete) = ("text", "off");
    Field { id, label, hint: None, value, kind, autocomplete, numeric: false, placeholder: None }
}

pub fn back(session: &Session) -> Option<(&str, &str)> {
    session.urls.cancel.as_deref().map(|url| (url, "Back"))
}

/// Returns the page of a completed or expired session.
pub fn session_over(session: &Session, status: Status) -> Markup {
    if status == Status::Expired {
        let text = "This checkout page was open for too long or has been replaced by another one. Nothing was charged. Go back and start again.";
        return message("This page has expired", text, back(session));
    }
    let url = session.urls.success.as_ref().or(session.urls.back.as_ref());
    let url = url.map(|url| url.replace("{CHECKOUT_SESSION_ID}", &session.id));
    let text = "Your subscription has been set up. There is nothing left to do here.";
    message("All done", text, url.as_deref().map(|url| (url, "Continue")))
}
