//! Programs of others that read our books, and what they make of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Run a program beside a file of books; what it printed.
fn read_by(books: &Path, program: &str, args: &[&str], hint: &str) -> String {
    let output = Command::new(program).args(args).current_dir(books.parent().unwrap()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; {hint}"));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{program} {args:?}: {out}{err}{hint}");
    out
}

fn beancount(books: &Path, args: &[&str]) -> String {
    let python = std::env::var("SCRIP_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    read_by(books, &python, args, "; ./test installs what tests/readers/requirements.txt lists")
}

/// What `hledger`, which checks the books, makes of each account, minor units.
pub(crate) fn by_hledger(books: &Path) -> BTreeMap<String, String> {
    let file = books.file_name().unwrap().to_str().unwrap();
    let args = ["-f", file, "balance", "--flat", "-N", "-E", "-O", "csv"];
    let hint = "; apt-get install hledger";
    read_by(books, "hledger", &["-f", file, "check"], hint);
    let table = read_by(books, "hledger", &args, hint);
    let row = |line: &str| {
        let (account, sum) = line.trim_matches('"').split_once("\",\"").unwrap();
        (account.to_owned(), sum.trim_end_matches(" JPY").to_owned())
    };
    table.lines().skip(1).map(row).collect()
}

/// What `beancount`, which checks the books, makes of each account, minor units.
pub(crate) fn by_beancount(books: &Path) -> BTreeMap<String, String> {
    const SUMS: &str = "import collections, sys\n\
        from beancount import loader\n\
        from beancount.core import data\n\
        entries, errors, _ = loader.load_file(sys.argv[1])\n\
        assert not errors, errors\n\
        sums = collections.Counter()\n\
        for entry in data.filter_txns(entries):\n    \
            for posting in entry.postings: sums[posting.account] += posting.units.number\n\
        for account, sum in sums.items(): print(account, sum)\n";
    let file = books.file_name().unwrap().to_str().unwrap();
    beancount(books, &["-m", "beancount.scripts.check", file]);
    let told = beancount(books, &["-c", SUMS, file]);
    let row = |line: &str| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
    told.lines().map(|line| row(line).unwrap()).collect()
}
