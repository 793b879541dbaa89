//! Prints the reference page.

fn main() -> Result<(), String> {
    let page = devstack::docs::page().map_err(|error| format!("{error}; run `make setup`"))?;
    print!("{page}");
    Ok(())
}
