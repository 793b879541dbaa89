//! Small plan catalog: with and without meters, free and paid, monthly and yearly. Most metered prices are on
//! products of their meters; those of one plan are on its own product, as in older catalogs.

use serde_json::Value;

use crate::stripe::Stripe;

/// Meters: name, and name of the events.
pub const METERS: [(&str, &str); 2] = [("cpu", "cantila_cpu"), ("egress", "cantila_egress")];

/// Plans: tier, interval, base fee in cents, and meters.
const PLANS: [(&str, &str, &str, &[&str]); 5] = [
    ("hobby", "month", "0", &["cpu"]),
    ("pro", "month", "3500", &["cpu", "egress"]),
    ("pro", "year", "35000", &["cpu", "egress"]),
    ("agency", "month", "9900", &["cpu", "egress"]),
    ("plain", "month", "5000", &[]),
];

/// Tier whose metered prices are on its own product.
const OLDER: &str = "agency";

/// Plan in an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub tier: &'static str,
    pub interval: &'static str,
}

impl Plan {
    /// All plans of the catalog.
    pub const ALL: [Self; 5] = [of(0), of(1), of(2), of(3), of(4)];
}

const fn of(index: usize) -> Plan {
    Plan { tier: PLANS[index].0, interval: PLANS[index].1 }
}

/// IDs of each plan's prices at Stripe, the base price first.
pub type Prices = Vec<(Plan, Vec<String>)>;

/// Creates the catalog at Stripe.
pub async fn create(stripe: &Stripe) -> Prices {
    let mut meters = Vec::new();
    for (name, event) in METERS {
        let meter = [
            ("display_name", name),
            ("event_name", event),
            ("default_aggregation[formula]", "sum"),
            ("customer_mapping[type]", "by_id"),
            ("customer_mapping[event_payload_key]", "stripe_customer_id"),
            ("value_settings[event_payload_key]", "value"),
        ];
        let meter = id(&stripe.post("/billing/meters", &meter).await);
        let product = [("name", name), ("metadata[cantila_meter]", name)];
        meters.push((name, meter, id(&stripe.post("/products", &product).await)));
    }
    let mut products: Vec<(&str, String)> = Vec::new();
    let mut all = Vec::new();
    for (plan, (tier, interval, fee, metered)) in Plan::ALL.into_iter().zip(PLANS) {
        let known = products.iter().find(|(name, _)| *name == tier).map(|(_, id)| id.clone());
        let product = if let Some(product) = known {
            product
        } else {
            let form = [("name", tier), ("metadata[cantila_plan]", tier)];
            let created = id(&stripe.post("/products", &form).await);
            products.push((tier, created.clone()));
            created
        };
        let common = [("currency", "usd"), ("recurring[interval]", interval)];
        let lookup_key = format!("cantila_{tier}_{interval}");
        let base = [("product", &*product), ("unit_amount", fee), ("lookup_key", &lookup_key)];
        let mut prices = vec![id(&stripe.post("/prices", &[&common[..], &base].concat()).await)];
        for (name, meter, own) in meters.iter().filter(|(name, ..)| metered.contains(name)) {
            let product = if tier == OLDER {
                [("product", &*product), ("metadata[cantila_unit]", "unit")]
            } else {
                [("product", &**own), ("metadata[cantila_plan]", tier)]
            };
            let usage = [
                ("recurring[usage_type]", "metered"),
                ("recurring[meter]", &**meter),
                ("metadata[cantila_meter]", name),
                ("billing_scheme", "tiered"),
                ("tiers_mode", "graduated"),
                ("tiers[0][up_to]", "100"),
                ("tiers[0][unit_amount]", "0"),
                ("tiers[1][up_to]", "inf"),
                ("tiers[1][unit_amount_decimal]", "1.2"),
            ];
            let form = [&common[..], &product, &usage].concat();
            prices.push(id(&stripe.post("/prices", &form).await));
        }
        all.push((plan, prices));
    }
    all
}

fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}
