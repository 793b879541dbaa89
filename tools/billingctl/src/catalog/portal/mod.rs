//! The Billing Portal's configuration, which is a part of the catalogue: what customers may do there
//! has to be what the API allows.

mod check;
mod requests;
mod view;

pub(super) use check::check;
pub(super) use requests::{create, update};
pub(super) use view::PortalView;

use super::now::PortalConfiguration;
use super::wanted::{Cancel, Portal};

/// The metadata key that marks our one configuration.
pub(super) const MARK: &str = "cantila_portal";

/// The configuration that the file speaks of: the one that has our mark, of several the default one;
/// else the default one, which the dashboard made and which is ours from then on.
pub(crate) fn ours(all: &[PortalConfiguration]) -> Option<&PortalConfiguration> {
    let marked = || all.iter().filter(|one| one.is_ours);
    marked()
        .find(|one| one.is_default)
        .or_else(|| marked().find(|one| one.active))
        .or_else(|| marked().next())
        .or_else(|| all.iter().find(|one| one.is_default))
}

impl Portal {
    /// Its settings by the names that the file has for them, as text.
    pub(crate) fn settings(&self) -> Vec<(&'static str, Option<String>)> {
        let quoted = |text: &Option<String>| text.as_ref().map(|text| format!("\"{text}\""));
        let switch = |on: bool| Some(if on { "on" } else { "off" }.to_owned());
        let list = |words: &[String]| (!words.is_empty()).then(|| words.join(", "));
        vec![
            ("headline", quoted(&self.headline)),
            ("privacy_policy_url", quoted(&self.privacy_policy_url)),
            ("terms_of_service_url", quoted(&self.terms_of_service_url)),
            ("default_return_url", quoted(&self.default_return_url)),
            ("invoice_history", switch(self.invoice_history)),
            ("payment_method_update", switch(self.payment_method_update)),
            (
                "subscription_cancel",
                Some(self.subscription_cancel.map_or("off", Cancel::as_str).to_owned()),
            ),
            ("cancellation_reasons", list(&self.cancellation_reasons)),
            ("customer_update", list(&self.customer_update)),
            ("subscription_update", switch(self.subscription_update)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: &str, active: bool, is_default: bool, is_ours: bool) -> PortalConfiguration {
        PortalConfiguration {
            id: id.to_owned(),
            active,
            is_default,
            is_ours,
            portal: Portal::default(),
        }
    }

    #[test]
    fn the_marked_configuration_is_ours_and_else_the_default_one() {
        let cases = [
            (vec![], None),
            (vec![one("a", true, false, false)], None),
            (vec![one("a", true, false, false), one("b", true, true, false)], Some("b")),
            (vec![one("a", true, false, true), one("b", true, true, false)], Some("a")),
            (vec![one("a", true, false, true), one("b", true, true, true)], Some("b")),
            (vec![one("a", false, false, true), one("b", true, false, true)], Some("b")),
            (vec![one("a", false, false, true)], Some("a")),
        ];
        for (all, expected) in cases {
            assert_eq!(ours(&all).map(|one| one.id.as_str()), expected, "{all:?}");
        }
    }
}
