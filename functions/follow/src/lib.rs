//! Follows Stripe's events: raises the generation of whatever changed, and publishes the watermark.

mod follower;
mod handler;

pub use follower::{FollowError, Follower};
pub use handler::follow;
