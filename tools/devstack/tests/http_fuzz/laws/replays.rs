//! The same idempotency key has the same result.

use std::collections::HashMap;

use crate::laws::Violations;
use crate::record::Exchange;

pub fn check(exchanges: &[Exchange], violations: &mut Violations) {
    let mut first: HashMap<&str, &Exchange> = HashMap::new();
    for exchange in exchanges.iter().filter(|exchange| exchange.is_final()) {
        let Some(key) = exchange.key.as_deref() else { continue };
        let earlier = first.entry(key).or_insert(exchange);
        if (earlier.status(), earlier.json()) != (exchange.status(), exchange.json()) {
            let (was, is) = (earlier.json(), exchange.json());
            let text =
                format!("{key}: {} {was}, then {} {is}", earlier.status(), exchange.status());
            violations.add("same key, same result", text);
        }
    }
    // A result is never withdrawn.
    for exchange in
        exchanges.iter().filter(|exchange| exchange.error() == "idempotency_in_progress")
    {
        let earlier = exchange.key.as_deref().and_then(|key| first.get(key));
        if earlier.is_some_and(|earlier| earlier.ended < exchange.sent) {
            violations
                .add("same key, same result", format!("{:?} is in progress again", exchange.key));
        }
    }
}
