//! The Lambda runtime: settings, clients, the request context, logs and metrics.

mod app;
mod call;
mod config;
mod log;
pub mod metrics;
mod respond;
mod route;
mod schedule;
mod serve;

pub use app::App;
pub use call::Call;
pub use config::{CheckoutForm, Config, ConfigError};
pub use route::Route;
pub use schedule::serve_schedule;
pub use serve::{answer, serve};
