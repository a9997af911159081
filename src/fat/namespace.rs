//! The tree of names: which directories the paths imply, what stands in each, under which names.

use std::collections::{BTreeSet, HashMap};

use super::name;
use super::plan::PlanError;
use super::record::{RECORD_BYTES, records_for};

/// Greatest number of files and directories of a volume together.
pub const ENTRIES_MAX: usize = 131_072;
/// Greatest number of names in a path.
pub const DEPTH_MAX: usize = 64;
/// Greatest length of a directory: FAT's limit of 65,536 records.
pub const DIRECTORY_BYTES_MAX: usize = 65_536 * RECORD_BYTES;

/// Index of the root among the directories.
pub(super) const ROOT: usize = 0;

/// All directories, each with what stands in it.
pub(super) struct Namespace {
    /// Root first, then sorted by path, so that a parent comes before its children.
    pub(super) directories: Vec<Directory>,
}

/// One directory.
pub(super) struct Directory {
    /// Its path; empty for the root.
    pub(super) path: String,
    /// Index of the directory it stands in; the root's own for the root.
    pub(super) parent: usize,
    /// What stands in it, sorted by name.
    pub(super) children: Vec<Child>,
    /// Length of its records, without the root's label.
    pub(super) len_bytes: usize,
}

/// One name in a directory.
pub(super) struct Child {
    pub(super) node: Node,
    pub(super) short: [u8; 11],
}

/// What a name stands for, by index.
#[derive(Clone, Copy)]
pub(super) enum Node {
    Directory(usize),
    File(usize),
}

/// The last name of a path.
pub(super) fn last_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The path of the directory that `path` stands in; empty for the root.
fn parent_path(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl Namespace {
    /// The tree of `files` (sorted) and of the `empty` directories asked for beside them.
    pub(super) fn build(files: &[&str], empty: &[String]) -> Result<Self, PlanError> {
        check_paths(files, empty)?;
        let paths = directory_paths(files, empty);
        if paths.len() + files.len() > ENTRIES_MAX {
            return Err(PlanError::TooManyEntries { count: paths.len() + files.len() });
        }
        let index: HashMap<&str, usize> = paths.iter().copied().zip(0..).collect();
        let mut nodes: Vec<Vec<Node>> = paths.iter().map(|_| Vec::new()).collect();
        for (at, path) in paths.iter().enumerate().skip(1) {
            nodes[index[parent_path(path)]].push(Node::Directory(at));
        }
        for (at, path) in files.iter().enumerate() {
            nodes[index[parent_path(path)]].push(Node::File(at));
        }
        let path_of = |node: Node| match node {
            Node::Directory(at) => paths[at],
            Node::File(at) => files[at],
        };
        let directories = paths.iter().zip(nodes).map(|(path, nodes)| {
            let children = named(path, nodes, &path_of)?;
            let records: usize = children
                .iter()
                .map(|child| records_for(last_name(path_of(child.node)), &child.short))
                .sum();
            Directory::checked(path, index[parent_path(path)], children, records)
        });
        Ok(Self { directories: directories.collect::<Result<_, _>>()? })
    }
}

impl Directory {
    fn checked(
        path: &str,
        parent: usize,
        children: Vec<Child>,
        records: usize,
    ) -> Result<Self, PlanError> {
        // `.` and `..` in a directory, room for the label in the root.
        let len_bytes = (records + 2) * RECORD_BYTES;
        if len_bytes > DIRECTORY_BYTES_MAX {
            return Err(PlanError::DirectoryTooLarge { path: path.to_owned(), len_bytes });
        }
        Ok(Self { path: path.to_owned(), parent, children, len_bytes })
    }
}

fn check_paths(files: &[&str], empty: &[String]) -> Result<(), PlanError> {
    for path in files.iter().copied().chain(empty.iter().map(String::as_str)) {
        if !path.starts_with('/') {
            return Err(PlanError::NotAbsolute { path: path.escape_default().to_string() });
        }
        let depth = path.matches('/').count();
        if depth > DEPTH_MAX {
            return Err(PlanError::TooDeep { path: path.escape_default().to_string(), depth });
        }
    }
    Ok(())
}

/// The paths of all directories, root first, sorted.
fn directory_paths<'a>(files: &[&'a str], empty: &'a [String]) -> Vec<&'a str> {
    let mut paths = BTreeSet::from([""]);
    let mut last = "";
    let leaves = files.iter().map(|path| parent_path(path));
    for mut path in leaves.chain(empty.iter().map(String::as_str)) {
        if path == last {
            continue;
        }
        last = path;
        while paths.insert(path) {
            path = parent_path(path);
        }
    }
    paths.into_iter().collect()
}

/// The `nodes` of the directory `path` as its children: sorted, checked, with 8.3 names.
fn named<'a>(
    path: &str,
    mut nodes: Vec<Node>,
    path_of: &impl Fn(Node) -> &'a str,
) -> Result<Vec<Child>, PlanError> {
    let name_of = |node: &Node| &path_of(*node)[path.len() + 1..];
    nodes.sort_by(|a, b| name_of(a).cmp(name_of(b)));
    let mut seen: HashMap<String, &str> = HashMap::with_capacity(nodes.len());
    for node in &nodes {
        let (whole, name) = (path_of(*node), name_of(node));
        if let Some(reason) = name::fault(name) {
            return Err(PlanError::Name { path: whole.escape_default().to_string(), reason });
        }
        match seen.insert(name::fold(name), whole) {
            Some(first) if first == whole => {
                return Err(PlanError::Twice { path: whole.to_owned() });
            }
            Some(first) => {
                let (first, second) = (first.to_owned(), whole.to_owned());
                return Err(PlanError::Collision { first, second });
            }
            None => {}
        }
    }
    let names: Vec<&str> = nodes.iter().map(name_of).collect();
    let shorts = name::short_names(&names);
    Ok(nodes.into_iter().zip(shorts).map(|(node, short)| Child { node, short }).collect())
}
