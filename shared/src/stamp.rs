//! Who is behind a write: what each object of Stripe's that we make or change carries in its metadata.

use stripe_client_core::RequestBuilder;

/// The metadata key by which Stripe's objects name our account.
pub const ACCOUNT: &str = "cantila_account";

/// The same for the request that made or changed the object last.
pub const REQUEST: &str = "cantila_request_id";

/// The same for the API key of that request.
pub const KEY: &str = "cantila_key_id";

/// The request that a write is made for.
///
/// What has to be sent again in the very same bytes carries the stamp of the request that began it,
/// whoever ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The id of the account that the request is about.
    pub account: String,
    /// The request's id.
    pub request_id: String,
    /// The id of the API key.
    pub key_id: String,
}

impl Stamp {
    /// Adds it to the body of a request, under `place`, such as `metadata`.
    ///
    /// async-stripe takes metadata as a hash map, which it writes in another order each time; an
    /// idempotency key is good for the same bytes only.
    pub fn write(&self, request: &mut RequestBuilder, place: &str) {
        let mut body = form_urlencoded::Serializer::new(request.body.take().unwrap_or_default());
        for (name, value) in
            [(ACCOUNT, &self.account), (REQUEST, &self.request_id), (KEY, &self.key_id)]
        {
            body.append_pair(&format!("{place}[{name}]"), value);
        }
        request.body = Some(body.finish());
    }
}

#[cfg(test)]
mod tests {
    use stripe_client_core::StripeMethod;

    use super::*;

    #[test]
    fn a_stamp_is_added_to_what_a_request_has_and_is_written_the_same_each_time() {
        let stamp = Stamp {
            account: "acc_1".to_owned(),
            request_id: "Jk+L=".to_owned(),
            key_id: "key_1".to_owned(),
        };
        let written = |body: Option<&str>| {
            let mut request = RequestBuilder::new(StripeMethod::Post, "/customers");
            request.body = body.map(str::to_owned);
            stamp.write(&mut request, "metadata");
            request.body.expect("a body")
        };
        let own = "metadata%5Bcantila_account%5D=acc_1&metadata%5Bcantila_request_id%5D=Jk%2BL%3D&metadata%5Bcantila_key_id%5D=key_1";
        assert_eq!(written(None), own);
        assert_eq!(written(Some("")), own);
        assert_eq!(written(Some("name=a")), format!("name=a&{own}"));
    }
}
