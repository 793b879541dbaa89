//! Requests of a function to Stripe and AWS.

/// Service that a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Stripe,
    DynamoDb,
    Secrets,
}

/// Request of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceRequest {
    pub(crate) service: Service,
    /// `GET /v1/customers/cus_1` (without query) or `GetItem`.
    pub(crate) operation: String,
    /// Identifies the call: equal for each attempt at one call.
    pub(super) call: String,
    /// Stripe's idempotency key.
    pub(super) key: Option<String>,
    /// Whether the body is empty, as that of a request which only uses up an idempotency key.
    is_empty: bool,
    /// Unix time in the signature of an AWS request.
    pub(crate) signed: Option<i64>,
}

impl ServiceRequest {
    /// Returns the document's name for the effect of a request; `None` if it has none.
    pub(super) fn effect(&self) -> Option<String> {
        let is_second = self.key.as_deref().is_some_and(|key| key.contains("-meters-"));
        let name = match self.operation.as_str() {
            "POST /v1/customers" => "customer",
            "POST /v1/checkout/sessions" => "session",
            "POST /v1/billing_portal/sessions" => "portal link",
            path if path.starts_with("POST /v1/subscription_schedules/") => "release",
            path if path.starts_with("POST /v1/subscriptions/") => match () {
                () if self.is_empty => return None,
                () if is_second => "metered prices",
                () => "change",
            },
            other => other,
        };
        Some(name.to_owned())
    }

    pub(super) fn of(head: &[String], body: &[u8]) -> Self {
        let header = |name: &str| {
            let fields = head[1..].iter().filter_map(|line| line.split_once(':'));
            let mut fields = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
            fields.next().map(|(_, value)| value.trim().to_owned())
        };
        let line = head[0].trim_end_matches(" HTTP/1.1").to_owned();
        let key = header("idempotency-key");
        let Some((service, operation)) = header("x-amz-target").as_deref().and_then(|target| {
            let (service, operation) = target.split_once('.')?;
            Some((service.to_owned(), operation.to_owned()))
        }) else {
            // A request that only uses up a key is another call than the one that the key was for.
            let call = format!("{line} {} {}", key.clone().unwrap_or_default(), body.is_empty());
            let operation = line.split('?').next().unwrap_or_default().to_owned();
            let (service, is_empty) = (Service::Stripe, body.is_empty());
            return Self { service, operation, call, key, is_empty, signed: None };
        };
        let service =
            if service == "secretsmanager" { Service::Secrets } else { Service::DynamoDb };
        // The generation rises twice with the same body; the SDK's ID is the same for the attempts at one call only.
        let invocation = header("amz-sdk-invocation-id").unwrap_or_default();
        let call = format!("{operation} {invocation} {}", String::from_utf8_lossy(body));
        let signed = header("x-amz-date").as_deref().and_then(seconds);
        Self { service, operation, call, key: None, is_empty: body.is_empty(), signed }
    }

    /// Returns whether the request only opens a connection while the function starts; such requests are not counted.
    pub(super) fn is_warm_up(&self) -> bool {
        self.operation.starts_with("HEAD") || self.call.contains("ACCOUNT#warm-up")
    }

    /// Returns whether the request changes anything at Stripe.
    pub(crate) fn changes(&self) -> bool {
        self.service == Service::Stripe
            && !self.operation.starts_with("GET")
            && !self.operation.ends_with("/create_preview")
    }
}

/// Parses `20260628T093000Z` as Unix time.
fn seconds(text: &str) -> Option<i64> {
    let part = |range: std::ops::Range<usize>| text.get(range);
    let rfc = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(9..11)?,
        part(11..13)?,
        part(13..15)?
    );
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(&rfc, format).ok().map(time::OffsetDateTime::unix_timestamp)
}
