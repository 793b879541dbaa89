//! The promotion code of a request.

use serde::{Deserialize, Serialize};
use shared::stripe::MAX_PAGE;
use shared::stripe::views::List;
use shared::{ApiError, Call, StripeError};
use stripe_product::promotion_code::ListPromotionCode;

use crate::params::PROMOTION_CODE;

/// A promotion code that is active.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct PromotionCode {
    id: String,
    /// ID of the only customer who may redeem it; none for anybody.
    customer: Option<String>,
}

/// Returns the ID of the promotion code that `customer` may redeem under `code`.
///
/// # Errors
/// `validation` if there is none; those of Stripe.
pub async fn find(call: &Call, code: &str, customer: Option<&str>) -> Result<String, ApiError> {
    // Stripe allows several active codes of the same letters for different customers.
    let list = ListPromotionCode::new().active(true).code(code).limit(MAX_PAGE);
    let codes = call.stripe.send::<List<PromotionCode>>(&list).await?.data;
    of(&codes, customer).map(str::to_owned).ok_or_else(unknown)
}

/// Returns the ID of the code that is for `customer`, or for anybody.
fn of<'a>(codes: &'a [PromotionCode], customer: Option<&str>) -> Option<&'a str> {
    let for_anybody = || codes.iter().find(|code| code.customer.is_none());
    let own =
        codes.iter().find(|code| code.customer.is_some() && code.customer.as_deref() == customer);
    own.or_else(for_anybody).map(|code| code.id.as_str())
}

/// Returns the error of the request if Stripe refuses a session because of its promotion code, such as one for new
/// customers only.
pub fn refusal(error: &StripeError) -> Option<ApiError> {
    let param = error.view()?.param.as_deref()?;
    param.starts_with("discounts").then(unknown)
}

fn unknown() -> ApiError {
    ApiError::validation(
        PROMOTION_CODE,
        format!(
            "\"{PROMOTION_CODE}\" is not a code that this account can redeem. Check its spelling, or leave it out."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_code_comes_before_one_for_anybody() {
        let code = |id: &str, customer: Option<&str>| PromotionCode {
            id: id.to_owned(),
            customer: customer.map(str::to_owned),
        };
        let codes = [code("theirs", Some("cus_2")), code("all", None), code("own", Some("cus_1"))];
        let cases = [
            (&codes[..], Some("cus_1"), Some("own")),
            (&codes[..2], Some("cus_1"), Some("all")),
            (&codes[..], None, Some("all")),
            (&codes[..1], Some("cus_1"), None),
            (&codes[..1], None, None),
            (&[], Some("cus_1"), None),
        ];
        for (codes, customer, expected) in cases {
            assert_eq!(of(codes, customer), expected, "{customer:?} of {codes:?}");
        }
    }
}
