//! Accepted and refused values of each parameter type.

use super::*;
use crate::endpoint::form;
use crate::model::Metadata;

fn params(encoded: &str) -> Params {
    Params::new(form::tree(&form::pairs(encoded).unwrap()).unwrap())
}

fn message<T>(result: Result<T>) -> String {
    result.err().expect("a refusal").message().to_owned()
}

#[test]
fn unread_parameters_are_refused_with_their_full_name() {
    let mut p = params("a=1&items[0][price]=p&items[0][color]=red");
    assert_eq!(p.integer("a").unwrap(), Some(1));
    assert_eq!(
        message(p.list("items", |item| item.text("price"))),
        "Received unknown parameter: items[0][color]"
    );
    assert_eq!(message(params("foo=1").finish()), "Received unknown parameter: foo");
}

#[test]
fn empty_string_clears_optional_parameters_and_is_refused_elsewhere() {
    assert_eq!(params("cancel_at=").change("cancel_at").unwrap(), Some(None));
    assert_eq!(params("x=").strings("x").unwrap(), Some(vec![]));
    assert_eq!(params("metadata=").metadata().unwrap(), Some(MetadataChange::Clear));
    assert!(
        message(params("name=").text("name")).starts_with("You passed an empty string for 'name'.")
    );
}

#[test]
fn errors_name_the_invalid_value() {
    assert_eq!(message(params("n=1.5").integer("n")), "Invalid integer: 1.5");
    assert_eq!(message(params("b=yes").boolean("b")), "Invalid boolean: yes");
    assert_eq!(
        message(params("limit=0").integer_in("limit", 1..=100)),
        "This value must be greater than or equal to 1."
    );
    assert_eq!(
        message(params("s=x").choice("s", &[("open", 1), ("paid", 2), ("void", 3)])),
        "Invalid s: must be one of open, paid, or void"
    );
    assert_eq!(
        message(params("d=0.1234567890123").decimal("d")),
        "Invalid decimal: 0.1234567890123"
    );
    assert_eq!(message(params("").required("customer")), "Missing required param: customer.");
}

#[test]
fn range_is_one_time_or_bounds() {
    let range = |encoded: &str| params(encoded).range("created").unwrap();
    assert_eq!(range("created=5"), TimeRange { from: Some(5), to: Some(5) });
    assert_eq!(range("created[gt]=5&created[lte]=9"), TimeRange { from: Some(6), to: Some(9) });
    assert!(range("").holds(0));
}

#[test]
fn metadata_is_merged_and_empty_values_remove_keys() {
    let mut metadata =
        Metadata::from([("keep".to_owned(), "1".to_owned()), ("drop".to_owned(), "2".to_owned())]);
    params("metadata[drop]=&metadata[new]=3").metadata().unwrap().unwrap().apply(&mut metadata);
    assert_eq!(
        metadata,
        Metadata::from([("keep".to_owned(), "1".to_owned()), ("new".to_owned(), "3".to_owned())])
    );
}
