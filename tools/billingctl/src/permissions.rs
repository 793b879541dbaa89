//! Permissions of the two restricted Stripe keys.
//!
//! `billingctl doctor`, the keys of the local stack and docs/permissions.md all use this table. After a change run
//! `UPDATE=1 cargo test -p billingctl permissions`, which writes the page.

/// Access of a key to one type of object. `Write` includes `Read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    None,
    Read,
    Write,
}

impl Access {
    /// Returns the name in Stripe's dashboard.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Read => "Read",
            Self::Write => "Write",
        }
    }
}

/// Access that the two keys need to one type of object.
#[derive(Clone, Copy, Debug)]
pub struct Permission {
    /// Name in Stripe's error messages, between `rak_` and `_read` or `_write`.
    pub slug: &'static str,
    /// Name on the page of a key in Stripe's dashboard.
    pub dashboard: &'static str,
    /// Access of the key that the GET functions and the preview of plan changes use.
    pub read_key: Access,
    /// Access of the key that the other POST functions and follow use.
    pub write_key: Access,
    /// Reason for the access, as docs/permissions.md prints it.
    pub reason: &'static str,
}

/// All permissions that either key needs. Every other permission stays at None.
pub const PERMISSIONS: &[Permission] = &[
    Permission {
        slug: "customer",
        dashboard: "Customers",
        read_key: Access::Read,
        write_key: Access::Write,
        reason: "currency, balance and default payment method; an account's first checkout makes its customer",
    },
    Permission {
        slug: "payment_intent",
        dashboard: "PaymentIntents",
        read_key: Access::Read,
        write_key: Access::Read,
        reason: "why a payment failed, and where it is authenticated",
    },
    Permission {
        slug: "payment_method",
        dashboard: "PaymentMethods",
        read_key: Access::Read,
        write_key: Access::Read,
        reason: "the default payment method, which info shows and plan-change charges",
    },
    Permission {
        slug: "coupon",
        dashboard: "Coupons",
        read_key: Access::Read,
        write_key: Access::None,
        reason: "the discounts that summary shows",
    },
    Permission {
        slug: "promotion_code",
        dashboard: "Promotion codes",
        read_key: Access::None,
        write_key: Access::Read,
        reason: "the code of a checkout with `promotionCode`",
    },
    Permission {
        slug: "product",
        dashboard: "Products",
        read_key: Access::Read,
        write_key: Access::Read,
        reason: "which product is which plan",
    },
    Permission {
        slug: "plan",
        dashboard: "Prices",
        read_key: Access::Read,
        write_key: Access::Read,
        reason: "what a plan costs",
    },
    Permission {
        slug: "billing_meter",
        dashboard: "Billing meters",
        read_key: Access::Read,
        write_key: Access::None,
        reason: "the usage that usage shows",
    },
    Permission {
        slug: "subscription",
        dashboard: "Subscriptions",
        read_key: Access::Read,
        write_key: Access::Write,
        reason: "what an account is on; plan-change changes it",
    },
    Permission {
        slug: "invoice",
        dashboard: "Invoices",
        read_key: Access::Read,
        write_key: Access::Write,
        reason: "invoices and previews, which Stripe counts as reading; plan-change voids what it replaces",
    },
    Permission {
        slug: "customer_portal",
        dashboard: "Customer portal",
        read_key: Access::Read,
        write_key: Access::Write,
        reason: "whether the portal is set up; portal-session opens it",
    },
    Permission {
        slug: "checkout_session",
        dashboard: "Checkout Sessions",
        read_key: Access::None,
        write_key: Access::Write,
        reason: "checkout-session makes, finds again and expires them",
    },
    Permission {
        slug: "event",
        dashboard: "Events",
        read_key: Access::None,
        write_key: Access::Read,
        reason: "follow reads which customers, prices and settings have changed; plan-change, which request created a schedule",
    },
];

/// Returns Stripe's names of the permissions of one key, such as `rak_invoice_read`.
#[must_use]
pub fn slugs(key: impl Fn(&Permission) -> Access) -> Vec<String> {
    let name = |permission: &Permission| match key(permission) {
        Access::None => None,
        Access::Read => Some(format!("rak_{}_read", permission.slug)),
        Access::Write => Some(format!("rak_{}_write", permission.slug)),
    };
    PERMISSIONS.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use fixtures::WrittenPart;

    use super::*;

    /// Returns the table of docs/permissions.md.
    fn table() -> String {
        let row = |permission: &Permission| {
            format!(
                "| {} | `rak_{}` | {} | {} | {} |\n",
                permission.dashboard,
                permission.slug,
                permission.read_key.as_str(),
                permission.write_key.as_str(),
                permission.reason
            )
        };
        PERMISSIONS.iter().map(row).collect()
    }

    #[test]
    fn documentation_has_the_generated_table() {
        const TABLE: WrittenPart = WrittenPart {
            page: "permissions.md",
            begin: "| read key | write key | reason |\n|---|---|---|---|---|\n",
            end: "\nThe table was found",
        };
        TABLE.check(&table());
    }

    #[test]
    fn read_key_cannot_write() {
        for permission in PERMISSIONS {
            assert!(permission.read_key <= Access::Read, "{}", permission.slug);
        }
        assert!(slugs(|row| row.read_key).contains(&"rak_invoice_read".to_owned()));
        assert!(!slugs(|row| row.read_key).iter().any(|slug| slug.contains("checkout")));
    }
}
