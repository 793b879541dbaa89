//! Cursors of the invoice list: the account and the last invoice of a page.
//!
//! A cursor needs no signature: the list contains the account's own invoices only, whatever the cursor
//! says.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Returns the cursor of the page after `invoice`.
pub fn encode(account: &str, invoice: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{account} {invoice}"))
}

/// Returns the invoice of a cursor for this account; `None` for a malformed or a foreign one.
pub fn decode(account: &str, cursor: &str) -> Option<String> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (owner, invoice) = text.split_once(' ')?;
    let is_invoice = invoice.starts_with("in_") && shared::values::is_path_segment(invoice);
    (owner == account && is_invoice).then(|| invoice.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cursor_is_valid_for_its_account_only() {
        let cursor = encode("acc_1", "in_1");
        assert_eq!(decode("acc_1", &cursor).as_deref(), Some("in_1"));
        assert_eq!(decode("acc_2", &cursor), None);
        for other in [encode("acc_1", "sub_1"), encode("acc_1", "in_1?a"), String::new()] {
            assert_eq!(decode("acc_1", &other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_no_cursor(text: String) {
            prop_assert_eq!(decode("acc_1", &text), None);
        }
    }
}
