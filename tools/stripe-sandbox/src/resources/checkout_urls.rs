//! URLs of checkout sessions, depending on `ui_mode`.

use crate::endpoint::params::{Change, Params};
use crate::model::checkout::{Redirect, UiMode, Urls};
use crate::values::errors::{ApiError, Result};

pub fn read_urls(p: &mut Params, ui: UiMode) -> Result<Urls> {
    let urls = Urls {
        success: url(p, "success_url")?,
        cancel: url(p, "cancel_url")?,
        back: url(p, "return_url")?,
        redirect: p.choice("redirect_on_completion", Redirect::NAMES)?,
    };
    match ui {
        UiMode::Hosted => {
            refuse_if_given(ui, "return_url", urls.back.is_some())?;
            refuse_if_given(ui, "redirect_on_completion", urls.redirect.is_some())?;
            if urls.success.is_none() {
                return Err(ApiError::missing_param("success_url"));
            }
        }
        UiMode::Embedded => {
            refuse_if_given(ui, "success_url", urls.success.is_some())?;
            refuse_if_given(ui, "cancel_url", urls.cancel.is_some())?;
            match (urls.redirect, &urls.back) {
                (Some(Redirect::Never), Some(_)) => {
                    return Err(ApiError::invalid(
                        "`return_url` cannot be used with `redirect_on_completion: never`.",
                    )
                    .param("return_url"));
                }
                (Some(Redirect::Never), None) | (_, Some(_)) => {}
                (_, None) => return Err(ApiError::missing_param("return_url")),
            }
        }
        UiMode::Elements | UiMode::Form => {
            return Err(ApiError::not_imitated(&format!("ui_mode={}", ui.as_str())));
        }
    }
    Ok(urls)
}

fn refuse_if_given(ui: UiMode, param: &str, given: bool) -> Result<()> {
    if !given {
        return Ok(());
    }
    let message = format!("`{param}` cannot be used with `ui_mode: {}`.", ui.as_str());
    Err(ApiError::invalid(message).param(param))
}

/// Reads an absolute http(s) URL. It can contain `{CHECKOUT_SESSION_ID}`.
pub fn url(p: &mut Params, key: &str) -> Result<Option<String>> {
    let name = p.name(key);
    p.text(key)?.map(|url| check_url(url, &name)).transpose()
}

/// Reads a URL that an empty string clears.
pub fn url_change(p: &mut Params, key: &str) -> Result<Change<String>> {
    let name = p.name(key);
    let Some(change) = p.change(key)? else { return Ok(None) };
    Ok(Some(change.map(|url| check_url(url, &name)).transpose()?))
}

fn check_url(url: String, param: &str) -> Result<String> {
    let host = ["https://", "http://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let starts_well = |c: char| c.is_ascii_alphanumeric() || c == '[';
    let fine = host.is_some_and(|host| host.starts_with(starts_well))
        && url.len() <= 5000
        && !url.contains(|c: char| c.is_whitespace() || c.is_control());
    if fine {
        Ok(url)
    } else {
        Err(ApiError::invalid("Not a valid URL").code("url_invalid").param(param))
    }
}
