//! What the two restricted Stripe keys have to be allowed, and nothing besides: the one table that
//! the local stack's keys, `billingctl doctor` and docs/permissions.md go by.

/// What a key may do with one kind of object. Writing includes reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    None,
    Read,
    Write,
}

impl Access {
    /// As Stripe's dashboard has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Read => "Read",
            Self::Write => "Write",
        }
    }
}

/// One row: a kind of object.
#[derive(Clone, Copy, Debug)]
pub struct Permission {
    /// Stripe's name for it in a refusal, between `rak_` and `_read` or `_write`.
    pub slug: &'static str,
    /// Its name on the page of a key in Stripe's dashboard.
    pub dashboard: &'static str,
    /// For the key of the four GET functions.
    pub read_key: Access,
    /// For the key of the four POST functions.
    pub write_key: Access,
    /// What for.
    pub reason: &'static str,
}

/// Everything that either key needs; whatever is not here stays at None.
pub const PERMISSIONS: &[Permission] = &[
    Permission {
        slug: "customer",
        dashboard: "Customers",
        read_key: Access::Read,
        write_key: Access::Write,
        reason: "currency and payment method; an account's first checkout makes its customer",
    },
    Permission {
        slug: "payment_intent",
        dashboard: "PaymentIntents",
        read_key: Access::Read,
        write_key: Access::Read,
        reason: "why a payment failed, and where it is authenticated",
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
        reason: "invoices and previews; plan-change voids what it replaces",
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
];

/// Stripe's names of the permissions of one key, such as `rak_invoice_read`.
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
    use super::*;

    #[test]
    fn the_documentation_has_the_same_table() {
        let page = include_str!("../../../docs/permissions.md");
        let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains("`rak_"));
        let row = |permission: &Permission| {
            format!(
                "| {} | `rak_{}` | {} | {} | {} |",
                permission.dashboard,
                permission.slug,
                permission.read_key.as_str(),
                permission.write_key.as_str(),
                permission.reason
            )
        };
        let expected: Vec<String> = PERMISSIONS.iter().map(row).collect();
        assert_eq!(rows.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_read_key_writes_nothing_and_has_nothing_that_the_write_key_lacks() {
        for permission in PERMISSIONS {
            assert!(permission.read_key <= Access::Read, "{}", permission.slug);
            assert!(permission.read_key <= permission.write_key, "{}", permission.slug);
        }
        assert!(slugs(|row| row.read_key).contains(&"rak_invoice_read".to_owned()));
        assert!(!slugs(|row| row.read_key).iter().any(|slug| slug.contains("checkout")));
    }
}
