//! Diagnostic notation (RFC 8949 section 8) of CBOR values, on one line.

use ciborium::Value;
use data_encoding::HEXLOWER;

/// The value as `{1: "text", 2: h'00ff', -1: [true, 5]}`.
pub(crate) fn notation(value: &Value) -> String {
    match value {
        Value::Integer(integer) => i128::from(*integer).to_string(),
        Value::Bytes(bytes) => format!("h'{}'", HEXLOWER.encode(bytes)),
        Value::Text(text) => serde_json::to_string(text).expect("text is JSON"),
        Value::Bool(truth) => truth.to_string(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(notation).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(pairs) => {
            let pair =
                |(key, value): &(Value, Value)| format!("{}: {}", notation(key), notation(value));
            let pairs: Vec<_> = pairs.iter().map(pair).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => panic!("{other:?} stands in no object"),
    }
}
