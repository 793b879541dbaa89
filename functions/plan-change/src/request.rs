//! The fields of the request.

use shared::api::body::Fields;
use shared::billing::catalog::Offer;
use shared::billing::plan_change::{BadQuote, Effective, Quote, Target};
use shared::{ApiError, Call, Money, Timestamp};

/// The names of the fields.
pub const FIELDS: [&str; 5] = ["plan", "interval", "effective", "quote", "maxAmount"];

/// The fields of a request.
pub struct Request {
    pub target: Target,
    pub effective: Effective,
    quote: Option<String>,
    /// Largest amount due that is accepted if usage has moved the price.
    most: Option<String>,
}

/// A quote that is good for this account and plan.
pub struct Quoted {
    pub quote: Quote,
    /// Minor units.
    pub most: Option<i64>,
}

impl Request {
    /// Reads the fields.
    ///
    /// # Errors
    /// `validation`.
    pub fn read(fields: &Fields) -> Result<Self, ApiError> {
        let text = |name| fields.get(name).map(str::to_owned);
        let request = Self {
            target: fields.target()?,
            effective: fields.effective()?,
            quote: text("quote"),
            most: text("maxAmount"),
        };
        if request.most.is_some() && request.quote.is_none() {
            return Err(bad_most("\"maxAmount\" needs the \"quote\" of a preview beside it."));
        }
        Ok(request)
    }

    /// Checks that the quote is one of ours for this account, before anything is asked at Stripe. It may have expired: the
    /// request may be a retry, whose first attempt was in time.
    ///
    /// # Errors
    /// `validation`; `unavailable`.
    pub async fn check_quote(&self, call: &Call) -> Result<(), ApiError> {
        let Some(token) = &self.quote else { return Ok(()) };
        let keys = call.quote_keys_for(token).await?;
        match Quote::open(&keys, &call.caller.account.id, token, Timestamp::now()) {
            Ok(_) | Err(BadQuote::Expired) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the quote for the account and the offer.
    ///
    /// # Errors
    /// `validation` for another one's quote, and for a `maxAmount` that is no amount or below the quoted one;
    /// `quote_expired`; `unavailable`.
    pub async fn open_quote(&self, call: &Call, offer: &Offer) -> Result<Option<Quoted>, ApiError> {
        let Some(token) = &self.quote else { return Ok(None) };
        let keys = call.quote_keys_for(token).await?;
        let quote = Quote::open(&keys, &call.caller.account.id, token, Timestamp::now())?;
        quote.check_plan(&offer.tier, offer.interval, self.effective)?;
        let most = self.most.as_deref().map(|most| read_most(most, &quote)).transpose()?;
        Ok(Some(Quoted { quote, most }))
    }
}

fn read_most(text: &str, quote: &Quote) -> Result<i64, ApiError> {
    let due = quote.amount_due()?;
    let most = Money::parse(text, due.currency).ok_or_else(|| {
        bad_most(&format!(
            "\"maxAmount\" must be an amount in {}, such as \"{due}\".",
            due.currency
        ))
    })?;
    if most.minor < due.minor {
        return Err(bad_most(&format!("\"maxAmount\" must be at least the quoted amount, {due}.")));
    }
    Ok(most.minor)
}

fn bad_most(message: &str) -> ApiError {
    ApiError::validation("maxAmount", message)
}
