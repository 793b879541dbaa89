//! Fields of the body.

use serde::Serialize;
use shared::api::body::Fields;
use shared::api::urls::Origins;
use shared::billing::plan_change::Target;
use shared::{ApiError, Config};

/// The page on which the customer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UiMode {
    /// Stripe's page.
    Hosted,
    /// The caller's page with Stripe's form.
    Embedded,
}

/// The fields of a request.
#[derive(Debug)]
pub struct Params {
    pub target: Target,
    pub ui_mode: UiMode,
    success_url: Option<String>,
    cancel_url: Option<String>,
    return_url: Option<String>,
    /// Letters of a promotion code, as the customer enters them.
    pub promotion_code: Option<String>,
}

/// URLs to which Stripe returns the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Urls {
    Hosted { success: String, cancel: Option<String> },
    Embedded { back: String },
}

const SUCCESS_URL: &str = "successUrl";
const CANCEL_URL: &str = "cancelUrl";
const RETURN_URL: &str = "returnUrl";
pub const PROMOTION_CODE: &str = "promotionCode";

impl Params {
    /// Names of the fields.
    pub const NAMES: [&str; 7] =
        ["plan", "interval", "uiMode", SUCCESS_URL, CANCEL_URL, RETURN_URL, PROMOTION_CODE];

    /// Reads the fields.
    pub fn of(fields: &Fields) -> Result<Self, ApiError> {
        let target = fields.target()?;
        let modes = [("hosted", UiMode::Hosted), ("embedded", UiMode::Embedded)];
        let ui_mode = fields.one_of("uiMode", &modes)?.unwrap_or(UiMode::Hosted);
        let foreign: &[&str] = match ui_mode {
            UiMode::Hosted => &[RETURN_URL],
            UiMode::Embedded => &[SUCCESS_URL, CANCEL_URL],
        };
        if let Some(field) = foreign.iter().find(|field| fields.get(field).is_some()) {
            let message = format!(
                "\"{field}\" does not apply to this uiMode. Use {SUCCESS_URL} and {CANCEL_URL} with hosted, {RETURN_URL} with embedded."
            );
            return Err(ApiError::validation(*field, message));
        }
        let url = |field: &'static str| {
            let url = fields.get(field);
            url.map(|url| Origins::well_formed(field, url).map(|()| url.to_owned())).transpose()
        };
        Ok(Self {
            target,
            ui_mode,
            success_url: url(SUCCESS_URL)?,
            cancel_url: url(CANCEL_URL)?,
            return_url: url(RETURN_URL)?,
            promotion_code: fields.get(PROMOTION_CODE).map(str::to_owned),
        })
    }

    /// Returns the caller's URLs, or the operator's defaults.
    pub fn urls(&self, config: &Config) -> Result<Urls, ApiError> {
        let given = [
            (SUCCESS_URL, &self.success_url),
            (CANCEL_URL, &self.cancel_url),
            (RETURN_URL, &self.return_url),
        ];
        for (field, url) in given {
            if let Some(url) = url {
                config.allowed_origins.check(field, url)?;
            }
        }
        let or = |given: &Option<String>, default: &Option<String>| {
            given.clone().or_else(|| default.clone())
        };
        match self.ui_mode {
            UiMode::Hosted => Ok(Urls::Hosted {
                success: or(&self.success_url, &config.checkout_success_url)
                    .ok_or_else(|| missing(SUCCESS_URL))?,
                cancel: or(&self.cancel_url, &config.checkout_cancel_url),
            }),
            UiMode::Embedded => Ok(Urls::Embedded {
                back: or(&self.return_url, &config.return_url)
                    .ok_or_else(|| missing(RETURN_URL))?,
            }),
        }
    }
}

fn missing(field: &str) -> ApiError {
    ApiError::validation(
        field,
        format!("\"{field}\" is missing, and the operator has set no default. Add it to the body."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Fields {
        let mut headers = lambda_http::http::HeaderMap::new();
        headers.insert(
            "content-type",
            lambda_http::http::HeaderValue::from_static("application/json"),
        );
        Fields::read(&headers, body.as_bytes(), &Params::NAMES).expect("well formed")
    }

    #[test]
    fn each_mode_accepts_its_own_urls() {
        let cases = [
            (r#"{"plan":"pro"}"#, None),
            (
                r#"{"plan":"pro","interval":"year","uiMode":"embedded","returnUrl":"https://a.example/"}"#,
                None,
            ),
            (
                r#"{"plan":"pro","successUrl":"https://a.example/","cancelUrl":"https://a.example/"}"#,
                None,
            ),
            (r#"{"plan":"pro","promotionCode":"SPRING"}"#, None),
            (r"{}", Some("plan")),
            (r#"{"plan":"pro","interval":"week"}"#, Some("interval")),
            (r#"{"plan":"pro","uiMode":"elements"}"#, Some("uiMode")),
            (r#"{"plan":"pro","returnUrl":"https://a.example/"}"#, Some("returnUrl")),
            (
                r#"{"plan":"pro","uiMode":"embedded","successUrl":"https://a.example/"}"#,
                Some("successUrl"),
            ),
            (
                r#"{"plan":"pro","uiMode":"embedded","cancelUrl":"https://a.example/"}"#,
                Some("cancelUrl"),
            ),
            (r#"{"plan":"pro","successUrl":"/done"}"#, Some("successUrl")),
        ];
        for (body, field) in cases {
            let refused = Params::of(&fields(body)).err().map(|error| match error {
                ApiError::Validation { field, .. } => field,
                other => panic!("{body}: {other}"),
            });
            assert_eq!(refused.as_deref(), field, "{body}");
        }
    }
}
