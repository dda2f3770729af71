//! Item sizes, by the "item sizes and formats" rules of the DynamoDB developer guide.

use super::{AttributeValue, Item, Number};

/// Largest item, names included: 400 KB.
pub const ITEM_SIZE_MAX: usize = 400 * 1024;

/// Bytes a list or map takes besides its content.
const CONTAINER_BYTES: usize = 3;

/// The size of an item: the sum of its names and values.
pub fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.size()).sum()
}

impl AttributeValue {
    /// Bytes this value counts for, without its name.
    pub fn size(&self) -> usize {
        match self {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => number_size(number),
            AttributeValue::B(bytes) => bytes.len(),
            AttributeValue::Bool(_) | AttributeValue::Null => 1,
            AttributeValue::M(map) => CONTAINER_BYTES + map.len() + item_size(map),
            AttributeValue::L(list) => CONTAINER_BYTES + list.iter().map(|value| 1 + value.size()).sum::<usize>(),
            AttributeValue::SS(set) => set.iter().map(String::len).sum(),
            AttributeValue::NS(set) => set.iter().map(number_size).sum(),
            AttributeValue::BS(set) => set.iter().map(Vec::len).sum(),
        }
    }
}

/// A byte for every two significant digits, one more, and one for a minus sign.
fn number_size(number: &Number) -> usize {
    number.digits().div_ceil(2) + 1 + usize::from(number.is_negative())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: AttributeValue, expected: usize) {
        assert_eq!(value.size(), expected, "{value:?}");
    }

    #[test]
    fn sizes_follow_the_guide() {
        check(AttributeValue::S("é".into()), 2);
        check(AttributeValue::N("1".parse().unwrap()), 2);
        check(AttributeValue::N("-123.45".parse().unwrap()), 5);
        check(AttributeValue::N("0".parse().unwrap()), 1);
        check(AttributeValue::B(vec![0; 9]), 9);
        check(AttributeValue::Null, 1);
        check(AttributeValue::L(vec![]), 3);
        check(AttributeValue::M(Item::from([("a".into(), AttributeValue::Bool(true))])), 6);
        check(AttributeValue::SS(["a".to_owned(), "bc".to_owned()].into()), 3);
    }

    #[test]
    fn debug_shows_no_content() {
        let text = format!("{:?}", AttributeValue::S("Jane Roe".into()));
        assert_eq!(text, "S(8 bytes)");
    }
}
