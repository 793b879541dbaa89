//! Recordings of Stripe: each test sends the recorded requests, in our figures where the recording
//! allows it, and expects what Stripe returned.
//!
//! The public recordings, by the names that the tests use. File names of `stripe_world` are below
//! `tests/conformance/cassettes`, those of `pay` below `test/vcr_cassettes`.
//!
//! | name | repository and commit | API version |
//! |---|---|---|
//! | proration | Kiln-AI/stripe_world@a17ed3df, `01_proration_half_cent.json` | 2026-08-26.dahlia |
//! | settlement | Kiln-AI/stripe_world@a17ed3df, `probe_proration_settlement.json` | 2026-08-26.dahlia |
//! | anchor | Kiln-AI/stripe_world@a17ed3df, `probe_proration_invoices.json` | 2026-08-26.dahlia |
//! | subscriptions | Kiln-AI/stripe_world@e66b42df, `12_subscriptions.json` | 2026-08-26.dahlia |
//! | invoices | Kiln-AI/stripe_world@e66b42df, `13_invoices.json` | 2026-08-26.dahlia |
//! | envelope | Kiln-AI/stripe_world@29c55bb4, `09_error_envelope_400s.json` | 2026-08-26.dahlia |
//! | swap | pay-rails/pay@5b018bc1, `test_stripe_can_swap_a_subscription.yml` | 2025-10-29.clover |
//! | swap and reset | pay-rails/pay@5b018bc1, `test_stripe_can_swap_a_subscription_and_reset_billing_cycle.yml` | 2025-10-29.clover |
//! | authentication | pay-rails/pay@5b018bc1, `test_stripe_fails_when_subscribing_with_SCA_card.yml` | 2026-03-25.dahlia |
//! | coupons | pay-rails/pay@5b018bc1, `test_stripe_handles_coupons.yml` | 2025-10-29.clover |
//! | declined | pay-rails/pay@5b018bc1, `test_stripe_handles_card_declined.yml` | 2025-10-29.clover |
//! | scheduled | pay-rails/pay@5b018bc1, `test_cancel_now_when_scheduled_for_cancellation.yml` | 2025-10-29.clover |
//! | grace period | pay-rails/pay@5b018bc1, `test_stripe_resume_on_grace_period.yml` | 2025-10-29.clover |
//!
//! Versions before endive take `billing_cycle_anchor=now` as a text; the tests send the object.

mod anchors;
mod cancellations;
mod invoices;
mod prorations;
mod refusals;
mod replay;
mod subscriptions;
