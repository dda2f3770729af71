//! Behaviour of the expression language as tables of text and outcome.

use proptest::prelude::*;

use super::*;
use crate::item::key::Type;
use crate::item::{AttributeValue, Item, decode};

/// Every `:value` and `#name` the cases below use.
fn context() -> Context {
    let names = [("#n", "name"), ("#dot", "a.b"), ("#m", "map"), ("#l", "list")];
    let values = br#"{
        ":one": {"N": "1"}, ":two": {"N": "2"}, ":five": {"N": "5.0"}, ":big": {"N": "9e125"},
        ":s": {"S": "x"}, ":ab": {"S": "ab"}, ":str": {"S": "S"}, ":empty": {"S": ""}, ":b": {"B": "AQI="},
        ":t": {"BOOL": true}, ":null": {"NULL": true}, ":list": {"L": [{"N": "3"}]}, ":none": {"L": []},
        ":map": {"M": {"k": {"N": "1"}}}, ":ss": {"SS": ["x", "y"]}, ":ns": {"NS": ["1"]}, ":all": {"SS": ["x", "z"]}
    }"#;
    let names = names.map(|(key, name)| (key.to_owned(), name.to_owned())).into();
    Context::new(Some(names), Some(decode(values).unwrap())).unwrap()
}

fn item() -> Item {
    decode(
        br#"{
        "id": {"S": "abc"}, "name": {"S": "J"}, "a": {"N": "5"}, "b": {"N": "1"}, "bin": {"B": "AQID"}, "flag": {"BOOL": true},
        "a.b": {"S": "dotted"}, "nothing": {"NULL": true}, "tags": {"SS": ["x", "z"]}, "nums": {"NS": ["1", "2"]},
        "list": {"L": [{"S": "x"}, {"N": "2"}, {"M": {"deep": {"N": "7"}}}]}, "map": {"M": {"k": {"N": "1"}, "j": {"N": "2"}}}
    }"#,
    )
    .unwrap()
}

fn json(item: &Item) -> String {
    serde_json::to_string(item).unwrap()
}

fn check_condition(text: &str, expected: bool) {
    let condition = Condition::parse(Kind::Condition, text, &mut context()).unwrap();
    assert_eq!(condition.matches(&item()), expected, "{text}");
}

#[test]
fn conditions_hold() {
    for text in [
        "a = :five",
        "a=:five",
        ":five = a",
        "a <> :one",
        "absent <> :one",
        "a <> :s",
        "a > b",
        "b < :two and a >= :five",
        "a <= :five",
        "id > :ab",
        "bin > :b",
        "#n <> :s",
        "#dot = #dot2 OR #dot <> :s",
        "a BETWEEN :two AND :five",
        "a between b and :five AND flag = :t",
        "a IN (:one, :five)",
        "a IN (:one, a2, a3, :five)",
        "NOT a = :one",
        "NOT NOT a = :five",
        "a = :one OR b = :one AND flag = :t",
        "NOT (a = :one OR b = :two)",
        "NOT a = :one AND b = :one",
        "(a = :one AND b = :two) OR (a = :five AND (b = :one OR b = :two))",
        "attribute_exists(id) AND attribute_not_exists(absent)",
        "attribute_exists(#l[2].deep) AND attribute_not_exists(#l[3]) AND attribute_not_exists(id.x)",
        "attribute_type(id, :str)",
        "begins_with(id, :ab) AND begins_with(bin, :b)",
        "begins_with(id, :empty)",
        "contains(id, :ab) AND contains(tags, :s) AND contains(nums, :one) AND contains(#l, :two) AND contains(bin, :b)",
        "size(id) > :two AND size(tags) = :two AND size(#l) > size(#m)",
        "size(:ab) = :two",
        "#l[2].deep > a",
        "nothing = :null",
    ] {
        let text = text.replace("#dot2", "#dot.x");
        check_condition(&text, true);
    }
}

#[test]
fn conditions_do_not_hold() {
    for text in [
        "absent = :one",
        "absent < :one",
        "absent = absent2",
        "a < :s",
        "id = :five",
        "a BETWEEN :one AND :two",
        "absent IN (:one)",
        "a = :five AND b = :two OR flag = :null",
        "contains(a, :one)",
        "contains(id, :one)",
        "begins_with(a, :s)",
        "size(a) = :one",
        "size(absent) <> size(absent2) AND a = :one",
        "attribute_type(a, :str)",
        "attribute_exists(#m[0])",
    ] {
        check_condition(text, false);
    }
}

fn check_refused(kind: Kind, text: &str, expected: &str) {
    let context = &mut context();
    let error = match kind {
        Kind::Update => Update::parse(text, context).map(drop),
        Kind::Projection => Projection::parse(text, context).map(drop),
        kind => Condition::parse(kind, text, context).map(drop),
    };
    let expected = format!("Invalid {kind}: {expected}");
    let shown: String = text.chars().take(60).collect();
    assert_eq!(error.unwrap_err().to_string(), expected, "{shown}");
}

#[test]
fn conditions_are_refused_with_the_messages_of_aws() {
    for (text, message) in [
        ("", "The expression can not be empty;"),
        ("  ", "The expression can not be empty;"),
        ("a", r#"Syntax error; token: "<EOF>", near: "a""#),
        ("a = ", r#"Syntax error; token: "<EOF>", near: "=""#),
        ("a = = b", r#"Syntax error; token: "=", near: "= = b""#),
        ("a = :one b = :two", r#"Syntax error; token: "b", near: ":one b =""#),
        ("a = :one AND", r#"Syntax error; token: "<EOF>", near: "AND""#),
        ("(a = :one", r#"Syntax error; token: "<EOF>", near: ":one""#),
        ("a = :one)", r#"Syntax error; token: ")", near: ":one)""#),
        ("a ; b", r#"Syntax error; token: ";", near: "a ;""#),
        ("a = :one é", r#"Syntax error; token: "é", near: ":one é""#),
        ("a[x] = :one", r#"Syntax error; token: "x", near: "[x]""#),
        ("AND = :one", r#"Syntax error; token: "AND", near: "AND =""#),
        ("((a = :one))", "The expression has redundant parentheses;"),
        ("name = :one", "Attribute name is a reserved keyword; reserved keyword: name"),
        ("a.Status = :one", "Attribute name is a reserved keyword; reserved keyword: Status"),
        ("#x = :one", "An expression attribute name used in the document path is not defined; attribute name: #x"),
        ("a = :x", "An expression attribute value used in expression is not defined; attribute value: :x"),
        ("foo(a)", "Invalid function name; function: foo"),
        (
            "a = attribute_exists(b)",
            "The function is not allowed to be used this way in an expression; function: attribute_exists",
        ),
        (
            "attribute_exists(:one)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "begins_with(a)",
            "Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 1",
        ),
        (
            "begins_with(a, :one)",
            "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
        ),
        ("a < :t", "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL"),
        (
            "size(size(a)) = :one",
            "Incorrect operand type for operator or function; operator or function: size, operand type: N",
        ),
        (
            "size(:one) = :one",
            "Incorrect operand type for operator or function; operator or function: size, operand type: N",
        ),
        ("a[2147483648] = :one", "List index is not within the allowable range; index: [2147483648]"),
        (
            "attribute_type(a, :s)",
            "Invalid attribute type name found; type: x, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        (
            "a = a",
            "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [a]",
        ),
        (
            "a BETWEEN :two AND :one",
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound",
        ),
        ("a BETWEEN :one AND :s", "The BETWEEN operator requires same data type for lower and upper bounds"),
    ] {
        check_refused(Kind::Condition, text, message);
        check_refused(Kind::Filter, text, message);
    }
}

#[test]
fn hostile_expressions_are_refused_without_deep_recursion() {
    let size =
        |bytes: usize| format!("Expression size has exceeded the maximum allowed size; expression size: {bytes}");
    check_refused(Kind::Condition, &"(".repeat(100_000), &size(100_000));
    check_refused(Kind::Condition, &"(".repeat(4000), r#"Syntax error; token: "<EOF>", near: "(""#);
    let operators = "The expression contains too many operators; operator count: 301";
    check_refused(Kind::Condition, &"NOT ".repeat(1000), operators);
    check_refused(Kind::Condition, &format!("a=b{}", " OR a=b".repeat(150)), operators);
    let deep = "The expression is nested too deeply; maximum nesting of functions: 32";
    check_refused(Kind::Update, &format!("SET a = {}", "(".repeat(4000)), deep);
    check_refused(Kind::Update, &format!("SET a = {}", "list_append(b,".repeat(200)), deep);
    let path = "The document path has too many nesting levels; nesting levels: 33";
    check_refused(Kind::Projection, &format!("a{}", "[0]".repeat(32)), path);
    // As deep as the grammar allows is fine.
    check_condition(&format!("{}a = :five{}", "(b = :one AND ".repeat(99), ")".repeat(99)), true);
}

fn check_update(text: &str, expected: Result<&str, &str>) {
    let update = Update::parse(text, &mut context()).unwrap();
    let old = item();
    let result = update.apply(&old).map(|new| json(&update.touched(&new))).map_err(|error| error.to_string());
    assert_eq!(result, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
}

#[test]
fn updates_change_what_they_say() {
    for (text, expected) in [
        ("SET a = :one", r#"{"a":{"N":"1"}}"#),
        ("set #n = :s, fresh = b", r##"{"fresh":{"N":"1"},"name":{"S":"x"}}"##),
        ("SET a = b, b = a", r#"{"a":{"N":"1"},"b":{"N":"5"}}"#),
        ("SET a = a + :one", r#"{"a":{"N":"6"}}"#),
        ("SET a = :one - a", r#"{"a":{"N":"-4"}}"#),
        ("SET c = if_not_exists(c, :one) + :two", r#"{"c":{"N":"3"}}"#),
        ("SET a = if_not_exists(a, :one)", r#"{"a":{"N":"5"}}"#),
        ("SET c = if_not_exists(c, if_not_exists(b, :two))", r#"{"c":{"N":"1"}}"#),
        ("SET c = list_append(:list, if_not_exists(c, :none))", r#"{"c":{"L":[{"N":"3"}]}}"#),
        ("SET #m.k = :two", r#"{"map":{"M":{"k":{"N":"2"}}}}"#),
        ("SET #m.z = :two REMOVE #m.k", r#"{"map":{"M":{"z":{"N":"2"}}}}"#),
        ("SET #l[0] = :one", r#"{"list":{"L":[{"N":"1"}]}}"#),
        ("SET #l[2].deep = #l[2].deep + :one", r#"{"list":{"L":[{"M":{"deep":{"N":"8"}}}]}}"#),
        ("REMOVE a, absent", "{}"),
        ("ADD a :one, fresh :two", r#"{"a":{"N":"6"},"fresh":{"N":"2"}}"#),
        ("ADD tags :ss, more :ss", r#"{"more":{"SS":["x","y"]},"tags":{"SS":["x","y","z"]}}"#),
        ("DELETE tags :ss", r#"{"tags":{"SS":["z"]}}"#),
        ("DELETE tags :all, absent :ss", "{}"),
        (
            "REMOVE b SET a = :one ADD nums :ns DELETE tags :ss",
            r#"{"a":{"N":"1"},"nums":{"NS":["1","2"]},"tags":{"SS":["z"]}}"#,
        ),
    ] {
        check_update(text, Ok(expected));
    }
}

#[test]
fn list_indexes_are_those_of_the_old_item() {
    let check = |text: &str, expected: &str| {
        let new = Update::parse(text, &mut context()).unwrap().apply(&item()).unwrap();
        assert_eq!(serde_json::to_string(&new["list"]).unwrap(), expected, "{text}");
    };
    check("REMOVE #l[0], #l[1]", r#"{"L":[{"M":{"deep":{"N":"7"}}}]}"#);
    check("REMOVE #l[0] SET #l[1] = :s", r#"{"L":[{"S":"x"},{"M":{"deep":{"N":"7"}}}]}"#);
    check("REMOVE #l[0], #l[1] ADD #l[2].deep :one", r#"{"L":[{"M":{"deep":{"N":"8"}}}]}"#);
    check(
        "SET #l[10] = :one, #l[9] = :s",
        r#"{"L":[{"S":"x"},{"N":"2"},{"M":{"deep":{"N":"7"}}},{"S":"x"},{"N":"1"}]}"#,
    );
    check("REMOVE #l[9]", r#"{"L":[{"S":"x"},{"N":"2"},{"M":{"deep":{"N":"7"}}}]}"#);
}

#[test]
fn updates_fail_on_what_the_item_holds() {
    let path = "The document path provided in the update expression is invalid for update";
    let wrong = "An operand in the update expression has an incorrect data type";
    for (text, message) in [
        ("SET a = absent", "The provided expression refers to an attribute that does not exist in the item"),
        ("SET a = absent + :one", "The provided expression refers to an attribute that does not exist in the item"),
        ("SET a = id + :one", wrong),
        ("SET a = list_append(id, :list)", wrong),
        ("ADD id :one", wrong),
        ("ADD tags :ns", wrong),
        ("DELETE nums :ss", wrong),
        ("SET absent.x = :one", path),
        ("SET id.x = :one", path),
        ("SET #m[0] = :one", path),
        ("REMOVE absent.x", path),
        ("ADD absent.x :one", path),
        (
            "SET a = :big + :big",
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
        ("SET a = :big + :one", "Attempting to store more than 38 significant digits in a Number"),
    ] {
        check_update(text, Err(message));
    }
}

#[test]
fn updates_are_refused_with_the_messages_of_aws() {
    let operand = "Incorrect operand type for operator or function;";
    for (text, message) in [
        ("", "The expression can not be empty;".to_owned()),
        ("SET", r#"Syntax error; token: "<EOF>", near: "SET""#.into()),
        ("a = :one", r#"Syntax error; token: "a", near: "a =""#.into()),
        ("SET a = :one SET b = :two", r#"The "SET" section can only be used once in an update expression;"#.into()),
        ("SET a = :one + :two + :five", r#"Syntax error; token: "+", near: ":two + :five""#.into()),
        ("SET a = :one,", r#"Syntax error; token: "<EOF>", near: ",""#.into()),
        ("ADD a b", r#"Syntax error; token: "b", near: "a b""#.into()),
        ("SET a = :s + :one", format!("{operand} operator or function: +, operand type: S")),
        ("SET a = b - :list", format!("{operand} operator or function: -, operand type: L")),
        ("SET a = list_append(b, :s)", format!("{operand} operator or function: list_append, operand type: S")),
        ("ADD a :s", format!("{operand} operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND")),
        ("ADD a :map", format!("{operand} operator: ADD, operand type: MAP, typeSet: ALLOWED_FOR_ADD_OPERAND")),
        ("DELETE a :one", format!("{operand} operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND")),
        ("SET a = size(b)", "The function is not allowed in an update expression; function: size".into()),
        ("SET a = foo(b)", "Invalid function name; function: foo".into()),
        ("SET a = if_not_exists(:one, :two)", "Operator or function requires a document path; operator or function: if_not_exists".into()),
        ("SET name = :s", "Attribute name is a reserved keyword; reserved keyword: name".into()),
        (
            "SET a = :one REMOVE a",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]".into(),
        ),
        (
            "SET a.b[1] = :one, a.b = :two",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a, b, [1]], path two: [a, b]".into(),
        ),
        (
            "SET a.b = :one, a[0] = :two",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [0]]".into(),
        ),
    ] {
        check_refused(Kind::Update, text, &message);
    }
}

#[test]
fn nesting_is_limited_after_an_update() {
    let mut item = Item::from([("a".to_owned(), AttributeValue::L(vec![]))]);
    let update = Update::parse("SET a = list_append(:none, :wrapped)", &mut {
        let mut value = AttributeValue::Null;
        for _ in 0..33 {
            value = AttributeValue::L(vec![value]);
        }
        let values = [(":none".to_owned(), AttributeValue::L(vec![])), (":wrapped".to_owned(), value)];
        Context::new(None, Some(values.into())).unwrap()
    });
    let error = update.unwrap().apply(&item).unwrap_err();
    assert_eq!(error.to_string(), "Nesting Levels have exceeded supported limits");
    assert_eq!(item.remove("a"), Some(AttributeValue::L(vec![])));
}

#[test]
fn projections_keep_the_structure() {
    for (text, expected) in [
        ("id, absent", r#"{"id":{"S":"abc"}}"#),
        ("#m.k", r#"{"map":{"M":{"k":{"N":"1"}}}}"#),
        ("#m.k, #m.j, #m.z", r#"{"map":{"M":{"j":{"N":"2"},"k":{"N":"1"}}}}"#),
        ("#l[2].deep, #l[0]", r#"{"list":{"L":[{"S":"x"},{"M":{"deep":{"N":"7"}}}]}}"#),
        ("#l[7], id.x, #m[0]", "{}"),
        ("#dot", r#"{"a.b":{"S":"dotted"}}"#),
    ] {
        let projection = Projection::parse(text, &mut context()).unwrap();
        assert_eq!(json(&projection.apply(&item())), expected, "{text}");
    }
    check_refused(Kind::Projection, "a,", r#"Syntax error; token: "<EOF>", near: ",""#);
    check_refused(Kind::Projection, "a b", r#"Syntax error; token: "b", near: "a b""#);
    check_refused(Kind::Projection, "id, name", "Attribute name is a reserved keyword; reserved keyword: name");
    check_refused(
        Kind::Projection,
        "a, a.b",
        "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]",
    );
}

fn check_key(text: &str, expected: Result<Option<RangeCondition>, &str>) {
    let parsed = KeyCondition::parse(text, &mut context(), ("id", Type::S), Some(("visit", Type::N)));
    let expected = expected.map_err(str::to_owned);
    assert_eq!(parsed.map(|key| key.range).map_err(|error| error.to_string()), expected, "{text}");
}

#[test]
fn key_conditions_are_a_hash_key_and_an_interval() {
    let number = |value: u64| AttributeValue::N(value.into());
    check_key("id = :s", Ok(None));
    check_key(":s = id", Ok(None));
    check_key("id = :s AND visit > :one", Ok(Some(RangeCondition::Greater(number(1)))));
    check_key("(visit <= :five) AND (id = :s)", Ok(Some(RangeCondition::LessOrEqual(number(5)))));
    check_key("id = :s AND :one < visit", Ok(Some(RangeCondition::Greater(number(1)))));
    check_key("id = :s AND visit BETWEEN :one AND :two", Ok(Some(RangeCondition::Between(number(1), number(2)))));
    for (text, message) in [
        ("id > :s", "Query key condition not supported"),
        ("visit = :one", "Query condition missed key schema element: id"),
        ("id = :s AND elsewhere = :one", "Query condition missed key schema element: visit"),
        ("id = :s AND visit = :one AND elsewhere = :two", "Conditions can be of length 1 or 2 only"),
        ("id = :s AND id = :ab", "KeyConditionExpressions must only contain one condition per key"),
        ("id = :s OR visit = :one", "Invalid operator used in KeyConditionExpression: OR"),
        ("NOT id = :s", "Invalid operator used in KeyConditionExpression: NOT"),
        ("id <> :s", "Invalid operator used in KeyConditionExpression: <>"),
        ("id IN (:s)", "Invalid operator used in KeyConditionExpression: IN"),
        ("attribute_exists(id)", "Invalid operator used in KeyConditionExpression: attribute_exists"),
        ("id.x = :s", "KeyConditionExpressions cannot have conditions on nested attributes"),
        (
            "id = :empty",
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id",
        ),
        ("size(id) = :one", "Invalid operator used in KeyConditionExpression: size"),
        ("id = :one", "One or more parameter values were invalid: Condition parameter type does not match schema type"),
    ] {
        check_key(text, Err(message));
    }
}

#[test]
fn key_intervals_cover_what_they_say() {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let bytes = |text: &str| text.as_bytes().to_vec();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    assert_eq!(RangeCondition::BeginsWith(text("ab")).bounds(), (Included(bytes("ab")), Excluded(bytes("ac"))));
    assert_eq!(RangeCondition::BeginsWith(AttributeValue::B(vec![255])).bounds(), (Included(vec![255]), Unbounded));
    assert_eq!(RangeCondition::Less(text("a")).bounds(), (Unbounded, Excluded(bytes("a"))));
    assert_eq!(RangeCondition::Between(text("a"), text("b")).bounds(), (Included(bytes("a")), Included(bytes("b"))));
}

#[test]
fn used_placeholders_are_tracked_across_expressions() {
    let values = decode(br#"{":a": {"N": "1"}, ":b": {"N": "2"}}"#).unwrap();
    let mut context = Context::new(None, Some(values)).unwrap();
    Update::parse("SET x = :a", &mut context).unwrap();
    let message = "Value provided in ExpressionAttributeValues unused in expressions: keys: {:b}";
    assert_eq!(context.finish().unwrap_err().to_string(), message);
    Condition::parse(Kind::Condition, "x = :b", &mut context).unwrap();
    assert_eq!(context.finish(), Ok(()));
}

/// Text made of the words of the grammar, which gets further than random characters.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "a",
        "#l",
        ":one",
        ":ss",
        ":list",
        "[",
        "]",
        "0",
        "2",
        ".",
        "(",
        ")",
        ",",
        "=",
        "<>",
        "<",
        "+",
        "-",
        "AND",
        "OR",
        "NOT",
        "IN",
        "BETWEEN",
        "SET",
        "REMOVE",
        "ADD",
        "DELETE",
        "size",
        "contains",
        "attribute_exists",
        "begins_with",
        "if_not_exists",
        "list_append",
        "é",
        ";",
    ]);
    prop::collection::vec(word, 0..40).prop_map(|words| words.join(" "))
}

/// A condition with full parentheses and what it comes to.
fn known() -> impl Strategy<Value = (String, bool)> {
    let leaf = prop_oneof![Just(("a = :five".to_owned(), true)), Just(("a = :one".to_owned(), false))];
    leaf.prop_recursive(5, 40, 2, |inner| {
        let not = inner.clone().prop_map(|(text, value)| (format!("NOT ({text})"), !value));
        let and = (inner.clone(), inner.clone()).prop_map(|(a, b)| (format!("({}) AND ({})", a.0, b.0), a.1 && b.1));
        let or = (inner.clone(), inner).prop_map(|(a, b)| (format!("({}) OR ({})", a.0, b.0), a.1 || b.1));
        prop_oneof![not, and, or]
    })
}

proptest! {
    #[test]
    fn parsers_never_panic(text in prop_oneof![words(), ".{0,80}"]) {
        let context = &mut context();
        for kind in [Kind::Condition, Kind::Filter] {
            if let Ok(condition) = Condition::parse(kind, &text, context) {
                condition.matches(&item());
            }
        }
        let _ = KeyCondition::parse(&text, context, ("a", Type::N), None);
        let _ = Projection::parse(&text, context).map(|projection| projection.apply(&item()));
        let _ = Update::parse(&text, context).map(|update| update.apply(&item()).map(|new| update.touched(&new)));
    }

    #[test]
    fn conditions_follow_boolean_logic((text, expected) in known()) {
        let condition = Condition::parse(Kind::Condition, &text, &mut context()).unwrap();
        prop_assert_eq!(condition.matches(&item()), expected);
    }
}
