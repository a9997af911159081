//! What can't be laid out, and how that is said.

use scrip::fat::{Entry, Options, Placement, PlanError, plan};

use super::{MIB, geometry};

/// A plan over files of the given paths and sizes is refused with `message`.
fn assert_refused(files: &[(&str, u64)], options: &Options, message: &str) {
    let entry =
        |(path, size_bytes): &(&str, u64)| Entry { path: (*path).into(), size_bytes: *size_bytes };
    let entries = files.iter().map(entry).collect();
    let refused = plan(&geometry(34 * MIB), entries, options).expect_err(message);
    assert_eq!(refused.to_string(), message);
}

#[test]
fn paths_that_fat_cannot_hold_are_refused_by_name() {
    let one_name = "are one name on FAT, which does not tell case apart";
    let table: &[(&[&str], &str)] = &[
        (&["a"], "path \"a\" does not begin with /"),
        (&["/a//b"], "the last name of \"/a/\" is empty, `.` or `..`"),
        (&["/a/../b"], "the last name of \"/a/..\" is empty, `.` or `..`"),
        (
            &["/x/NUL.txt"],
            "the last name of \"/x/NUL.txt\" is a name that Windows reserves for a device",
        ),
        (
            &["/tab\t"],
            "the last name of \"/tab\\t\" holds a control character or one of \"*/:<>?\\|",
        ),
        (&["/Docs/a", "/docs/b"], &format!("/Docs and /docs {one_name}")),
        (&["/É", "/é"], &format!("/É and /é {one_name}")),
        (&["/reserve.bin"], &format!("/RESERVE.BIN and /reserve.bin {one_name}")),
        (&["/a", "/a"], "/a is given twice, or as a file and as a directory"),
        (&["/a", "/a/b"], "/a is given twice, or as a file and as a directory"),
    ];
    for (paths, message) in table {
        let files: Vec<_> = paths.iter().map(|path| (*path, 1)).collect();
        assert_refused(&files, &Options::sealed("/RESERVE.BIN"), message);
    }
}

#[test]
fn sizes_and_places_that_do_not_fit_are_refused_with_both_values() {
    let sealed = Options::sealed("/RESERVE.BIN");
    assert_refused(
        &[("/a", 4 << 30)],
        &sealed,
        "/a has 4294967296 bytes, FAT holds at most 4294967295",
    );
    assert_refused(
        &[("/a", 40 << 20)],
        &sealed,
        "the tree takes 41947136 bytes, the volume holds 35086336",
    );
    let placed = |path: &str, offset_bytes| Options {
        placed: vec![Placement { path: path.to_owned(), offset_bytes }],
        ..Options::writable()
    };
    assert_refused(
        &[("/a", 1), ("/b", 20 << 20)],
        &placed("/a", 17 << 20),
        "no free stretch holds the 20971520 bytes of /b",
    );
    for (path, offset, reason) in [
        ("/b", 8_388_608, "there is no file of this path"),
        ("/c", 8_388_608, "it is empty"),
        ("/a", 512, "the offset is not a multiple of 4096"),
        ("/a", 4_096, "the data area begins after it"),
        ("/a", 35_647_488, "the data area ends before its end"),
        ("/a", 565_248, "the root directory lies there"),
    ] {
        let message = format!("{path} can't be placed at {offset}: {reason}");
        assert_refused(&[("/a", 5_000), ("/c", 0)], &placed(path, offset), &message);
    }
    let mut twice = placed("/a", 8_388_608);
    twice.placed.push(Placement { path: "/b".into(), offset_bytes: 8_392_704 });
    let files = [("/a", 5_000), ("/b", 1)];
    let message = "/b can't be placed at 8392704: another placed file lies there";
    assert_refused(&files, &twice, message);
}

#[test]
fn limits_on_depth_directories_and_counts_hold() {
    let attempt = |paths: Vec<String>| {
        let entries = paths.into_iter().map(|path| Entry { path, size_bytes: 0 }).collect();
        plan(&geometry(300 * MIB), entries, &Options::writable()).map(|_| ())
    };
    assert_eq!(attempt(vec!["/d".repeat(64)]), Ok(()));
    assert!(matches!(attempt(vec!["/d".repeat(65)]), Err(PlanError::TooDeep { depth: 65, .. })));
    // A long name takes two records, the two of a directory's head come on top.
    let full = |count| (0..count).map(|n| format!("/d/long-{n:05}")).collect();
    assert_eq!(attempt(full(32_767)), Ok(()));
    let refused = attempt(full(32_768));
    assert!(matches!(refused, Err(PlanError::DirectoryTooLarge { len_bytes: 2_097_216, .. })));
    let many = (0..131_072).map(|n| format!("/{:03}/{n}", n / 1_000)).collect();
    assert!(matches!(attempt(many), Err(PlanError::TooManyEntries { count: 131_205 })));
}
