//! Metadata in request bodies.

use stripe_client_core::RequestBuilder;

use crate::values::Attribution;

/// Adds the attribution to the body of a request, as [`add_metadata`] does.
pub fn add_attribution(request: &mut RequestBuilder, parameter: &str, attribution: &Attribution) {
    add_metadata(request, parameter, attribution.metadata());
}

/// Adds metadata to the body of a request, under `parameter`, such as `metadata`, in the given order.
///
/// async-stripe takes metadata as a hash map and so writes it in a random order, while Stripe accepts
/// an idempotency key again only with identical bytes.
pub fn add_metadata<'a>(
    request: &mut RequestBuilder,
    parameter: &str,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    let mut body = form_urlencoded::Serializer::new(request.body.take().unwrap_or_default());
    for (name, value) in pairs {
        body.append_pair(&format!("{parameter}[{name}]"), value);
    }
    request.body = Some(body.finish());
}

#[cfg(test)]
mod tests {
    use stripe_client_core::StripeMethod;

    use super::*;

    #[test]
    fn attribution_is_appended_in_a_fixed_order() {
        let attribution = Attribution {
            account: "acc_1".to_owned(),
            request_id: "Jk+L=".to_owned(),
            key_id: "key_1".to_owned(),
        };
        let body = |body: Option<&str>| {
            let mut request = RequestBuilder::new(StripeMethod::Post, "/customers");
            request.body = body.map(str::to_owned);
            add_attribution(&mut request, "metadata", &attribution);
            request.body.expect("a body")
        };
        let own = "metadata%5Bcantila_account%5D=acc_1&metadata%5Bcantila_request_id%5D=Jk%2BL%3D&metadata%5Bcantila_key_id%5D=key_1";
        assert_eq!(body(None), own);
        assert_eq!(body(Some("")), own);
        assert_eq!(body(Some("name=a")), format!("name=a&{own}"));
    }
}
