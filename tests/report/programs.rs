//! What programs read of a run: an object that its schema describes, and a table.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::town::{HOSTILE, Town};

const DIALS: [(&str, u32); 5] =
    [("clones", 100), ("liars", 100), ("voids", 100), ("damaged", 200), ("clocks", 100)];

/// Says of each line whether the schema takes it, and of the schema whether it is one.
const JUDGE: &str = "import json, sys\n\
    from jsonschema import Draft202012Validator as Validator\n\
    schema = json.load(open(sys.argv[1]))\n\
    Validator.check_schema(schema)\n\
    for line in open(sys.argv[2]):\n    \
        found = [error.message[:200] for error in Validator(schema).iter_errors(json.loads(line))]\n    \
        print(json.dumps(found))\n";

/// What is wrong with each of these results by the schema.
fn judged(town: &Town, results: &[&Value]) -> Vec<Value> {
    let lines: Vec<String> = results.iter().map(ToString::to_string).collect();
    fs::write(town.path("results"), lines.join("\n")).unwrap();
    let python = std::env::var("SCRIP_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reconcile.schema.json");
    let output =
        Command::new(python).args(["-c", JUDGE, schema]).arg(town.path("results")).output();
    let output = output.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let hint = "./test installs what tests/readers/requirements.txt lists";
    assert!(output.status.success(), "{told}; {hint}");
    let out = String::from_utf8(output.stdout).unwrap();
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_schema_describes_what_is_told_and_nothing_else() {
    let town = Town::planted(40, &DIALS);
    town.add(HOSTILE, b"dear diary");
    let result = town.reconcile(&["--json", "--plan", "a.plan"]).result();
    assert_eq!(result["exit"], 4);
    let broken = town.reconcile(&["--json", "--plan", "a.plan"]).result();
    assert_eq!(broken["exit"], 5, "{broken}");
    assert_eq!(judged(&town, &[&result, &broken]), [json!([]), json!([])]);
    let mut wrong = vec![];
    for change in ["minor", "class", "state", "sides", "id"] {
        let mut other = result.clone();
        other["findings"][0][change] = json!(5);
        wrong.push(other);
    }
    for missing in ["skipped", "books", "findings", "exit"] {
        let mut other = result.clone();
        other.as_object_mut().unwrap().remove(missing);
        wrong.push(other);
    }
    let found = judged(&town, &wrong.iter().collect::<Vec<_>>());
    assert!(found.len() == 9 && found.iter().all(|errors| *errors != json!([])), "{found:?}");
}

#[test]
fn what_a_run_tells_adds_up() {
    let town = Town::planted(40, &DIALS);
    let result = town.reconcile(&["--json"]).result();
    let minor = |value: &Value| value.as_str().unwrap().parse::<i64>().unwrap();
    let findings = result["findings"].as_array().unwrap();
    let (mut count, mut sum) = (0, 0);
    for class in result["classes"].as_object().unwrap().values() {
        count += class["count"].as_u64().unwrap();
        sum += minor(&class["minor"]);
    }
    assert_eq!(count, findings.len() as u64);
    assert_eq!(sum, findings.iter().map(|finding| minor(&finding["minor"])).sum::<i64>());
    let states = result["states"].as_object().unwrap().values();
    assert_eq!(states.map(|count| count.as_u64().unwrap()).sum::<u64>(), count);
    let books = result["books"].as_object().unwrap();
    for moment in ["before", "after"] {
        let all = books.values().map(|sums| minor(&sums[moment]));
        assert_eq!(all.sum::<i64>(), 0, "{moment}: {books:?}");
    }
    let owed = |moment: &str| minor(&books["outstanding"][moment]);
    let moved = result["moves"].as_array().unwrap().iter().find(|one| one["from"] == "outstanding");
    assert_eq!(owed("after") - owed("before"), minor(&moved.unwrap()["minor"]));
}

#[test]
fn a_table_has_a_row_for_each_finding() {
    let town = Town::planted(40, &DIALS);
    let result = town.reconcile(&["--json", "--csv", "findings.csv"]).result();
    let findings = result["findings"].as_array().unwrap();
    let sheet = fs::read_to_string(town.path("findings.csv")).unwrap();
    let rows: Vec<&str> = sheet.lines().collect();
    assert!(rows[0].starts_with("number,class,medium,store,record,currency,amount,state,"));
    assert_eq!(rows.len(), findings.len() + 1);
    for (row, finding) in rows[1..].iter().zip(findings) {
        let text = |name: &str| finding[name].as_str().unwrap().to_owned();
        let medium = text("medium");
        let [one, two, three] = [&medium[..4], &medium[4..8], &medium[8..]];
        let begins = format!(
            "{},{},{one} {two} {three},{},{},JPY,{},{},",
            text("id"),
            text("class"),
            finding["store"],
            finding["seq"].as_u64().map(|seq| seq.to_string()).unwrap_or_default(),
            text("minor"),
            text("state"),
        );
        assert!(row.starts_with(&begins), "{row}: {begins}");
        for side in finding["sides"].as_array().unwrap() {
            assert!(row.contains(side["hash"].as_str().unwrap()), "{row}");
        }
    }
}

#[test]
fn a_terminal_shows_the_first_findings_and_says_how_many_more() {
    let town = Town::planted(40, &DIALS);
    let short = town.reconcile(&[]);
    let all = town.reconcile(&["--all"]);
    let findings = |text: &str| text.lines().filter(|line| line.starts_with("F-")).count();
    let count = findings(&all.stdout);
    assert!(count > 20, "{}", all.stdout);
    assert_eq!(findings(&short.stdout), 20);
    let more = format!("and {} more findings: --all shows them here", count - 20);
    short.says(3, &more);
    assert!(!all.stdout.contains(" more findings"), "{}", all.stdout);
}
