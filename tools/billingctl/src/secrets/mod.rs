//! The secrets of a stack: set and rotated. None is ever printed, or taken from an argument.

mod finish;
mod input;
mod pepper;
mod status;
mod stripe;

use crate::cli::{Global, RotateSecret, SecretName, SetSecret};
use crate::error::{Failure, Result};

pub(crate) use finish::finish_pepper;
pub(crate) use status::pepper_status;

/// `secrets set`
pub(crate) async fn set(global: &Global, wanted: &SetSecret) -> Result<()> {
    match wanted.name {
        SecretName::Pepper => pepper::set(global, &wanted.source).await,
        name => stripe::set(global, name, &wanted.source, &wanted.stripe).await,
    }
}

/// `secrets rotate`
pub(crate) async fn rotate(global: &Global, wanted: &RotateSecret) -> Result<()> {
    match wanted.name {
        SecretName::Pepper => pepper::rotate(global, &wanted.source, wanted.until).await,
        _ if wanted.until.is_some() => Err(Failure::new(
            "--until is for the pepper alone; Stripe's old key ends when you end it in Stripe's dashboard",
        )),
        name => stripe::rotate(global, name, &wanted.source, &wanted.stripe).await,
    }
}
