//! Parser of `application/x-www-form-urlencoded` with Stripe's nesting.
//!
//! Accepts both array notations: `items[0][price]=…` (async-stripe) and `items[][price]=…` (curl,
//! Stripe's documentation). Bodies and query strings use the same format.

use crate::values::errors::ApiError;

/// Value of a parameter: text, or a hash or array with its entries in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Text(String),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Returns the entries of a hash or an array; none for text.
    pub fn entries(&self) -> &[(String, Node)] {
        match self {
            Node::Text(_) => &[],
            Node::Map(entries) => entries,
        }
    }
}

/// Returns the decoded pairs in order.
pub fn pairs(encoded: &str) -> Result<Vec<(String, String)>, ApiError> {
    encoded
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        })
        .collect()
}

/// Builds the tree. Refuses a name that occurs both as text and as a hash.
pub fn tree(pairs: &[(String, String)]) -> Result<Vec<(String, Node)>, ApiError> {
    let mut root = Vec::new();
    for (key, value) in pairs {
        let segments = segments(key)
            .ok_or_else(|| ApiError::invalid(format!("Invalid parameter name: {key}")))?;
        if !insert(&mut root, &segments, value) {
            return Err(ApiError::invalid(format!(
                "Parameter {key} is given twice or with two different types"
            ))
            .param(key));
        }
    }
    Ok(root)
}

/// Splits `a[b][0]` into `a`, `b`, `0`.
fn segments(key: &str) -> Option<Vec<&str>> {
    let Some((first, mut rest)) = key.split_once('[') else {
        return (!key.is_empty() && !key.contains(']')).then(|| vec![key]);
    };
    let mut segments = vec![first];
    loop {
        let (segment, after) = rest.split_once(']')?;
        segments.push(segment);
        if after.is_empty() {
            return (!first.is_empty()).then_some(segments);
        }
        rest = after.strip_prefix('[')?;
    }
}

fn insert(entries: &mut Vec<(String, Node)>, segments: &[&str], value: &str) -> bool {
    let (first, rest) = segments.split_first().expect("a key has at least one segment");
    let name = if first.is_empty() { next_index(entries, rest) } else { (*first).to_owned() };
    let existing = entries.iter().position(|(key, _)| *key == name);
    if rest.is_empty() {
        if existing.is_some() {
            return false;
        }
        entries.push((name, Node::Text(value.to_owned())));
        return true;
    }
    let index = existing.unwrap_or_else(|| {
        entries.push((name, Node::Map(Vec::new())));
        entries.len() - 1
    });
    match &mut entries[index].1 {
        Node::Map(inner) => insert(inner, rest, value),
        Node::Text(_) => false,
    }
}

/// Returns the index of an element without a number. `x[]=a&x[]=b` are two elements, and so are
/// `x[][p]=1&x[][q]=2&x[][p]=3`: a repeated key starts a new element.
fn next_index(entries: &[(String, Node)], rest: &[&str]) -> String {
    match (entries.last(), rest.first()) {
        (Some((name, Node::Map(last))), Some(key)) if !last.iter().any(|(seen, _)| seen == key) => {
            name.clone()
        }
        _ => {
            let numbers = entries.iter().filter_map(|(name, _)| name.parse::<u32>().ok());
            numbers.max().map_or(0, |last| last.saturating_add(1)).to_string()
        }
    }
}

/// Decodes a path segment, in which a plus sign is literal. None if the encoding is invalid.
pub fn decode_path(part: &str) -> Option<String> {
    if part.contains('%') { decode(&part.replace('+', "%2B")).ok() } else { Some(part.to_owned()) }
}

fn decode(text: &str) -> Result<String, ApiError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next(), rest.next())
                .ok_or_else(|| ApiError::invalid("Invalid percent-encoding"))?,
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| ApiError::invalid("Invalid UTF-8 in a parameter"))
}

fn hex(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit =
        |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(encoded: &str) -> Vec<(String, Node)> {
        tree(&pairs(encoded).unwrap()).unwrap()
    }

    #[test]
    fn both_array_notations_give_the_same_tree() {
        let indexed =
            "items[0][price]=p1&items[0][quantity]=2&items[1][price]=p2&expand[0]=a&expand[1]=b";
        let bare = "items[][price]=p1&items[][quantity]=2&items[][price]=p2&expand[]=a&expand[]=b";
        assert_eq!(parse(indexed), parse(bare));
    }

    #[test]
    fn percent_encoding_and_plus_signs_are_decoded() {
        let expected = Node::Map(vec![("k e".into(), Node::Text("a+b c".into()))]);
        assert_eq!(parse("metadata%5Bk+e%5D=a%2Bb+c"), vec![("metadata".into(), expected)]);
        assert_eq!(parse(""), vec![]);
    }

    #[test]
    fn name_with_two_types_is_refused() {
        for encoded in ["a=1&a[b]=2", "a[b]=2&a=1", "a=1&a=2", "a[b=1", "[a]=1", "a=%zz"] {
            assert!(pairs(encoded).and_then(|pairs| tree(&pairs)).is_err(), "{encoded}");
        }
    }

    fn encode(text: &str) -> String {
        text.bytes().map(|b| format!("%{b:02X}")).collect::<Vec<_>>().concat()
    }

    fn flatten(prefix: &str, node: &Node, out: &mut Vec<String>) {
        match node {
            Node::Text(text) => out.push(format!("{prefix}={}", encode(text))),
            Node::Map(entries) => {
                for (key, inner) in entries {
                    flatten(&format!("{prefix}[{}]", encode(key)), inner, out);
                }
            }
        }
    }

    fn nodes() -> impl Strategy<Value = Node> {
        let text = "\\PC{0,8}".prop_map(Node::Text);
        text.prop_recursive(3, 20, 4, |inner| {
            prop::collection::btree_map("[a-z0-9_ é]{1,6}", inner, 1..4)
                .prop_map(|m| Node::Map(m.into_iter().collect()))
        })
    }

    proptest! {
        #[test]
        fn encoded_tree_is_parsed_back(tree in prop::collection::btree_map("[a-z_]{1,6}", nodes(), 0..5)) {
            let tree: Vec<(String, Node)> = tree.into_iter().collect();
            let mut encoded = Vec::new();
            for (key, node) in &tree {
                flatten(key, node, &mut encoded);
            }
            prop_assert_eq!(parse(&encoded.join("&")), tree);
        }

        #[test]
        fn parser_never_panics(encoded in "[a-c\\[\\]=&%0-9+]{0,30}") {
            let _ = pairs(&encoded).and_then(|pairs| tree(&pairs));
        }
    }
}
