//! Faults of single fields: (folder, subject, fault, path, value, words of the refusal).

use ciborium::Value;

use super::faults::edited;
use super::samples::Sample;

type Row = (&'static str, &'static str, &'static str, &'static [i64], Value, &'static str);

/// The payloads that these faults give for a sample.
pub(crate) fn payloads(sample: &Sample<'_>) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let rows = [certificates(), limits(), media(), journals(), wallets(), secrets()].concat();
    let own = rows.into_iter().filter(|row| (row.0, row.1) == (sample.folder, sample.subject));
    own.map(|(_, _, fault, path, value, words)| {
        (fault, words, edited(&sample.payload, path, value))
    })
    .collect()
}

fn hex(text: &str) -> Value {
    Value::Bytes(data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap())
}

fn zeros(count: usize) -> Value {
    Value::Bytes(vec![0; count])
}

/// The neutral point: anyone can sign under it.
fn identity() -> Value {
    hex("0100000000000000000000000000000000000000000000000000000000000000")
}

/// A point of order eight.
fn small_order() -> Value {
    hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
}

/// A second spelling of the neutral point.
fn second_spelling() -> Value {
    hex("0100000000000000000000000000000000000000000000000000000000000080")
}

/// The base point plus a point of order two.
fn mixed_order() -> Value {
    hex("9599999999999999999999999999999999999999999999999999999999999999")
}

fn off_the_curve() -> Value {
    hex("0200000000000000000000000000000000000000000000000000000000000000")
}

fn certificates() -> Vec<Row> {
    let key = &[8, 1, -2];
    let weak = "is a point of small order";
    vec![
        ("certificate", "store", "identity-key", key, identity(), weak),
        ("certificate", "store", "small-order-key", key, small_order(), weak),
        ("certificate", "store", "second-spelling", key, second_spelling(), "public key 0100"),
        ("certificate", "store", "mixed-order-key", key, mixed_order(), "prime-order group"),
        ("certificate", "store", "no-point", key, off_the_curve(), "is no point of the curve"),
        ("certificate", "store", "short-key", key, zeros(31), "31 bytes, expected 32"),
        ("certificate", "store", "empty-cnf", &[8], Value::Map(vec![]), "is not {1: COSE_Key}"),
        ("certificate", "store", "wrong-curve", &[8, 1, -1], 4.into(), "curve 4: expected 1"),
        ("certificate", "store", "no-role", &[-70_001], 6.into(), "6 is no known Role"),
        ("certificate", "store", "no-purpose", &[-70_002], 2.into(), "2 is no known Purpose"),
        ("certificate", "store", "late", &[4], 253_370_764_800_u64.into(), "after the year 9998"),
        ("certificate", "store", "no-store", &[-70_003, 1], 0.into(), "store number 0"),
        ("certificate", "store", "bad-quota", &[-70_003, 4], over_the_top(), "above the limit"),
        ("enrol-request", "store", "identity-key", &[2], identity(), weak),
        ("enrol-request", "store", "control", &[1], "a\u{85}b".into(), "control characters"),
        ("enrol-request", "store", "long-name", &[1], "n".repeat(1025).into(), "limit 1024"),
    ]
}

/// One minor unit more than any amount may be.
fn over_the_top() -> Value {
    1_000_000_000_001_u64.into()
}

fn limits() -> Vec<Row> {
    vec![
        ("policy", "plain", "bad-currency", &[3, 0, 0], "jpy".into(), "is not a currency code"),
        ("policy", "plain", "exponent", &[3, 1, 1], 5.into(), "currency exponent 5 is above 4"),
        ("policy", "plain", "amount", &[4], over_the_top(), "above the limit"),
        ("policy", "plain", "negative", &[5], (-1).into(), "expected an unsigned integer"),
        ("policy", "plain", "wide", &[7], 4_294_967_296_u64.into(), "above 2^32 - 1"),
        ("revocation", "full", "check-digits", &[3, 0], 196.into(), "check digits are 96"),
        ("revocation", "full", "thirteen", &[3, 0], 1_000_000_000_000_u64.into(), "12 digits"),
        ("revocation", "full", "short-map", &[5, 0, 4, 0, 2], zeros(12), "12 bytes, expected 13"),
        ("sheet", "five-slots", "amount", &[5, 0, 2], over_the_top(), "above the limit"),
        ("sheet", "five-slots", "medium", &[2], 482_109_376_528_u64.into(), "check digits are 28"),
        ("kit", "one-blank", "letters", &[5, 0, 3, 0, 2], Value::Bytes(vec![b'a'; 16]), "digits"),
        ("kit", "one-blank", "slot", &[5, 0, 3, 0, 1], 256.into(), "256 is above 255"),
        ("voucher", "plain", "short-id", &[1], zeros(15), "15 bytes, expected 16"),
        ("voucher", "plain", "negative", &[3], (-3_000).into(), "expected an unsigned integer"),
    ]
}

fn media() -> Vec<Row> {
    let rooted = |path: &str| Value::Array(vec![path.into(), 5.into(), zeros(31)]);
    let weak = "is a point of small order";
    vec![
        ("manifest", "four-files", "short-root", &[4, 0], rooted("/A"), "31 bytes, expected 32"),
        ("manifest", "four-files", "lone-path", &[4, 0], Value::Array(vec![]), "is not [path"),
        ("manifest", "four-files", "ram-kind", &[3, 5], 2.into(), "2 is no known RamKind"),
        ("edition-seal", "plain", "short-root", &[2], zeros(31), "31 bytes, expected 32"),
        ("medium-seal", "refreshed", "long-chain", &[10], long_chain(), "4 certificates, limit 3"),
        ("medium-certificate", "bound", "identity-key", &[8, 1, -2], identity(), weak),
        ("medium-certificate", "bound", "check-digits", &[-70_010], 1.into(), "check digits are"),
        ("settings", "plain", "exponent", &[3], 256.into(), "256 is above 255"),
        ("catalogue", "two-items", "item-kind", &[2, 1, 4], 5.into(), "5 is no known ItemKind"),
        ("user-information", "sold", "control", &[6], "a\nb".into(), "control characters"),
        ("chain", "store", "long", &[], long_chain(), "4 certificates, limit 3"),
        ("chain", "store", "text", &[0], "x".into(), "found text"),
        ("certificate-slot", "plain", "no-bytes", &[1], Value::Array(vec![]), "found an array"),
        ("voucher-file", "plain", "no-bytes", &[1], Value::Array(vec![]), "found an array"),
        ("voucher-file", "plain", "long-chain", &[2], long_chain(), "4 certificates, limit 3"),
        ("signed-manifest", "signed", "no-array", &[2], 5.into(), "expected an array"),
        ("edition-header", "plain", "no-map", &[6], Value::Array(vec![]), "expected a map"),
    ]
}

fn long_chain() -> Value {
    Value::Array(vec![Value::Bytes(vec![]); 4])
}

fn journals() -> Vec<Row> {
    let body = |form: u64| Value::Map(vec![(0.into(), form.into()), (1.into(), zeros(32))]);
    let two_to_63 = 9_223_372_036_854_775_808_u64;
    vec![
        ("record", "genesis", "no-form", &[8], body(20), "20 is no known form of body"),
        ("record", "genesis", "other-form", &[8], body(1), "32 bytes, expected 16"),
        ("record", "genesis", "kind", &[6, 3], 19.into(), "19 is no known RecordKind"),
        ("record", "topup-code", "letters", &[8, 3], Value::Bytes(vec![b'x'; 16]), "digits"),
        ("record", "topup-code", "wide", &[7, 3], two_to_63.into(), "an integer within 64 bits"),
        ("record", "topup-code", "claim", &[7, 4], (-1).into(), "expected an unsigned integer"),
        ("store-entry", "burnt", "event", &[5], 9.into(), "9 is no known StoreEvent"),
        ("store-entry", "code-sold", "amount", &[8, 1], over_the_top(), "above the limit"),
    ]
}

fn wallets() -> Vec<Row> {
    let weak = "is a point of small order";
    let items = |count, item: Value| Value::Array(vec![item; count]);
    let partner = |kind: u64, number: u64| Value::Array(vec![kind.into(), number.into()]);
    vec![
        ("record", "rekey", "identity-key", &[8, 1], identity(), weak),
        ("record", "rekey", "short-proof", &[8, 2], zeros(63), "63 bytes, expected 64"),
        ("record", "sale", "no-store", &[8, 1], 0.into(), "store number 0"),
        ("record", "connect", "short-pin", &[8, 1], zeros(31), "31 bytes, expected 32"),
        ("record", "download-start", "partner", &[8, 2], partner(2, 7), "kind of partner"),
        ("record", "download-start", "half-partner", &[8, 2], items(1, 7.into()), "is not [kind"),
        ("record", "download-start", "price", &[8, 1, 3], over_the_top(), "above the limit"),
        ("record", "download-end", "short-id", &[8, 1], zeros(15), "15 bytes, expected 16"),
        ("record", "upload-start", "small-order-key", &[8, 5], small_order(), weak),
        ("record", "earn", "no-bytes", &[8, 1], "receipt".into(), "found text"),
        ("record", "exception", "cause", &[8, 1], 4.into(), "4 is no known Cause"),
        ("record", "refund", "short-id", &[8, 3], zeros(15), "15 bytes, expected 16"),
        ("record", "merge", "no-array", &[8, 3], zeros(16), "expected an array"),
        ("checkpoint", "own", "identity-key", &[6], identity(), weak),
        ("checkpoint", "own", "settled", &[7], over_the_top(), "above the limit"),
        ("checkpoint", "own", "three-sheets", &[11], items(3, 0.into()), "3 items, limit 2"),
        ("checkpoint", "own", "many-counted", &[13], items(49, zeros(16)), "49 items, limit 48"),
        ("checkpoint", "foreign", "short-start", &[10, 0, 2], zeros(31), "31 bytes, expected 32"),
        ("receipt", "plain", "negative", &[6], (-1).into(), "expected an unsigned integer"),
        ("receipt", "plain", "check-digits", &[1], 1.into(), "check digits are"),
        ("funding", "first", "five-policies", &[3], items(5, zeros(9)), "5 items, limit 4"),
        ("funding", "first", "three-sheets", &[4], items(3, zeros(9)), "3 items, limit 2"),
        ("funding", "first", "long-chain", &[2], long_chain(), "4 certificates, limit 3"),
        ("funding", "settled", "many-starts", &[6, 3], items(17, zeros(9)), "17 items, limit 16"),
        ("offer", "plain", "no-store", &[1], 0.into(), "store number 0"),
        ("offer", "plain", "short-entry", &[5, 0], zeros(31), "31 bytes, expected 32"),
    ]
}

fn secrets() -> Vec<Row> {
    let weak = "is a point of small order";
    vec![
        ("access-slot", "plain", "identity-key", &[2], identity(), weak),
        ("access-slot", "plain", "short-nonce", &[5], zeros(11), "11 bytes, expected 12"),
        ("key-file", "locked", "short-salt", &[3], zeros(15), "15 bytes, expected 16"),
        ("sealed-kit", "one-blank", "no-bytes", &[3], "kit".into(), "found text"),
    ]
}
