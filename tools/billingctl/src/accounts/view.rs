//! Accounts as commands print them.

use serde::Serialize;
use shared::aws::table::Account;

use crate::output::or_dash;
use crate::values::timestamp;

/// Hint after a change of an account that processes of the functions may have cached.
pub(super) const CACHE_HINT: &str = "functions may use the previous value for up to 60 s";

/// An account in a result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountView<'a> {
    id: &'a str,
    handle: &'a str,
    parent: Option<&'a str>,
    customer: Option<&'a str>,
    created_at: String,
}

impl<'a> From<&'a Account> for AccountView<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            id: &account.id,
            handle: &account.handle,
            parent: account.parent.as_deref(),
            customer: account.customer.as_deref(),
            created_at: timestamp::format(account.created_at),
        }
    }
}

impl AccountView<'_> {
    /// Returns one line per field.
    pub(super) fn text(&self) -> String {
        self.text_with(&or_dash(self.customer))
    }

    /// Returns one line per field, with this text for the customer.
    pub(super) fn text_with(&self, customer: &str) -> String {
        format!(
            "handle    {}\nid        {}\nparent    {}\ncustomer  {customer}\ncreated   {}\n",
            self.handle,
            self.id,
            or_dash(self.parent),
            self.created_at
        )
    }

    /// Returns the cells of a row in a list.
    pub(super) fn row(&self) -> [String; 5] {
        [
            self.handle.to_owned(),
            self.id.to_owned(),
            or_dash(self.parent),
            or_dash(self.customer),
            timestamp::day(&self.created_at),
        ]
    }
}
