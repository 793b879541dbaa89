//! Creates many customers with the handlers of the API, without HTTP.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::endpoint::call::Call;
use crate::endpoint::form;
use crate::endpoint::params::Params;
use crate::model::event::Cause;
use crate::resources;
use crate::values::errors::{ApiError, Result};
use crate::world::World;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    pub customers: u32,
    /// Price that each customer subscribes to.
    #[serde(default)]
    pub price: Option<String>,
    #[serde(default = "visa")]
    pub payment_method: String,
}

fn visa() -> String {
    "pm_card_visa".to_owned()
}

/// Creates the customers and returns the ID of the last one.
pub fn populate(world: &mut World, population: &Population) -> Result<Option<String>> {
    let card = &population.payment_method;
    let mut last = None;
    for number in 1..=population.customers {
        let form = format!(
            "name=Customer+{number}&email=customer-{number}@example.com&payment_method={card}\
             &invoice_settings[default_payment_method]={card}"
        );
        let id = create(world, "/v1/customers", &form)?;
        if let Some(price) = &population.price {
            create(world, "/v1/subscriptions", &format!("customer={id}&items[0][price]={price}"))?;
        }
        world.commit(Cause::default());
        last = Some(id);
    }
    Ok(last)
}

fn create(world: &mut World, path: &str, encoded: &str) -> Result<String> {
    let endpoint = resources::endpoints()
        .find(|endpoint| endpoint.matches("POST", path).is_some())
        .ok_or_else(|| ApiError::unknown_url("POST", path))?;
    let params = Params::new(form::tree(&form::pairs(encoded)?)?);
    let mut call = Call { world, ids: Vec::new(), path: path.to_owned(), params, started: false };
    let made = (endpoint.run)(&mut call)?;
    Ok(made.get("id").and_then(Value::as_str).unwrap_or_default().to_owned())
}
