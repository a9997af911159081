//! From paths and sizes to a plan of the whole volume.

use std::collections::HashMap;
use std::ops::Range;

use super::geometry::{ALIGN_BYTES, Geometry, ROOT_CLUSTER};
use super::layout::{Allocator, END_OF_CHAIN, Run, Source, reserve_runs};
use super::namespace::{Namespace, Node, ROOT, last_name};
use super::plan::{
    Entry, FILE_BYTES_MAX, Fill, Options, Placement, Plan, PlanError, PlannedDirectory,
    PlannedFile, Protection, RESERVE_BYTES_MAX, Role,
};
use super::record::{self, Facts};

/// Lay out `entries` in a volume.
///
/// A pure function of the geometry, the set of entries and the options; the order of entries,
/// directories and placements does not matter.
pub fn plan(
    geometry: &Geometry,
    mut entries: Vec<Entry>,
    options: &Options,
) -> Result<Plan, PlanError> {
    entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    if let Some(large) = entries.iter().find(|entry| entry.size_bytes > FILE_BYTES_MAX) {
        let (path, size_bytes) = (large.path.clone(), large.size_bytes);
        return Err(PlanError::FileTooLarge { path, size_bytes });
    }
    let mut reserves = 1;
    loop {
        let tree = Tree::build(&entries, options, reserves)?;
        let mut layout = Layout::of(geometry, &tree, options)?;
        let missing = layout.assign_left(geometry, &tree, options);
        if missing == 0 {
            return Ok(layout.into_plan(geometry, &tree, options));
        }
        reserves += missing;
    }
}

/// The names of a volume, reserve files included.
struct Tree<'a> {
    entries: &'a [Entry],
    reserves: Vec<String>,
    names: Namespace,
}

impl<'a> Tree<'a> {
    fn build(
        entries: &'a [Entry],
        options: &Options,
        reserve_count: usize,
    ) -> Result<Self, PlanError> {
        let reserves = match &options.fill {
            Fill::Reserve(path) => (0..reserve_count).map(|at| reserve_path(path, at)).collect(),
            Fill::Free => Vec::new(),
        };
        let paths: Vec<&str> =
            entries.iter().map(|entry| &*entry.path).chain(reserves.iter().map(|p| &**p)).collect();
        let names = Namespace::build(&paths, &options.directories)?;
        Ok(Self { entries, reserves, names })
    }

    fn file_path(&self, index: usize) -> &str {
        match self.entries.get(index) {
            Some(entry) => &entry.path,
            None => &self.reserves[index - self.entries.len()],
        }
    }

    /// Bytes of all files and directories in whole alignment blocks.
    fn needed_bytes(&self) -> u64 {
        let directories = self.names.directories.iter().map(|directory| directory.len_bytes as u64);
        let files = self.entries.iter().map(|entry| entry.size_bytes);
        directories.chain(files).map(|bytes| bytes.next_multiple_of(ALIGN_BYTES)).sum()
    }
}

/// `path` for the first reserve file, then its extension replaced by `1`, `2` and so on.
fn reserve_path(path: &str, at: usize) -> String {
    if at == 0 {
        return path.to_owned();
    }
    let name = last_name(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{}{stem}.{at}", &path[..path.len() - name.len()])
}

/// First clusters of everything, and the runs of the FAT.
struct Layout {
    directories: Vec<u32>,
    files: Vec<u32>,
    reserves: Vec<ReserveFile>,
    runs: Vec<Run>,
    left: Vec<Range<u32>>,
}

#[derive(Clone, Copy, Default)]
struct ReserveFile {
    first_cluster: u32,
    size_bytes: u64,
}

impl Layout {
    fn of(geometry: &Geometry, tree: &Tree, options: &Options) -> Result<Self, PlanError> {
        let placed = placed_runs(geometry, tree, options)?;
        let stretches: Vec<_> = placed.iter().map(|run| run.first..run.end).collect();
        let fixed: HashMap<Source, u32> = placed.iter().map(|r| (r.source, r.first)).collect();
        let mut clusters = Allocator::around(geometry, &stretches);
        let mut runs = placed;
        let mut take = |source, bytes: u64| {
            if let Some(first) = fixed.get(&source) {
                return Ok(*first);
            }
            let count = u32::try_from(geometry.clusters_for(bytes)).ok().filter(|n| *n > 0);
            let Some(count) = count else { return Ok(0) };
            let first = clusters.take(count).ok_or_else(|| no_room(geometry, tree, source))?;
            runs.push(Run { first, end: first + count, next: END_OF_CHAIN, source });
            Ok(first)
        };
        let directories: Vec<u32> = (0..)
            .zip(&tree.names.directories)
            .map(|(at, directory)| take(Source::Directory(at), directory.len_bytes as u64))
            .collect::<Result<_, _>>()?;
        let files = (0..)
            .zip(tree.entries)
            .map(|(at, entry)| take(Source::File(at), entry.size_bytes))
            .collect::<Result<_, _>>()?;
        if directories[ROOT] != ROOT_CLUSTER {
            return Err(on_root(options));
        }
        Ok(Self { directories, files, reserves: Vec::new(), runs, left: clusters.left() })
    }

    /// Give what is left to the reserve files; returns how many of those are missing.
    fn assign_left(&mut self, geometry: &Geometry, tree: &Tree, options: &Options) -> usize {
        if options.fill == Fill::Free {
            return 0;
        }
        let clusters_max = u32::try_from(RESERVE_BYTES_MAX / geometry.cluster_bytes());
        let (runs, sizes) = reserve_runs(&self.left, clusters_max.expect("below 2^23"));
        self.reserves = vec![ReserveFile::default(); tree.reserves.len().max(sizes.len())];
        for (reserve, clusters) in self.reserves.iter_mut().zip(&sizes) {
            reserve.size_bytes = u64::from(*clusters) * geometry.cluster_bytes();
        }
        for run in runs.iter().rev() {
            if let Source::Reserve(at) = run.source {
                self.reserves[at].first_cluster = run.first;
            }
        }
        self.runs.extend(runs);
        self.left.clear();
        self.reserves.len() - tree.reserves.len()
    }

    fn into_plan(mut self, geometry: &Geometry, tree: &Tree, options: &Options) -> Plan {
        self.runs.sort_unstable_by_key(|run| run.first);
        let free_clusters = self.left.iter().map(|range| range.end - range.start).sum();
        let next_free = self.left.first().map(|range| range.start);
        let mut records = Vec::new();
        let mut directories = Vec::with_capacity(self.directories.len());
        for (at, (directory, first)) in
            tree.names.directories.iter().zip(&self.directories).enumerate()
        {
            let begin = records.len();
            self.push_directory(&mut records, geometry, tree, options, at);
            let start = geometry.cluster_offset(*first);
            let clusters = geometry.clusters_for(directory.len_bytes as u64);
            directories.push(PlannedDirectory {
                path: directory.path.clone(),
                range: start..start + clusters * geometry.cluster_bytes(),
                records: begin..records.len(),
            });
        }
        Plan {
            geometry: geometry.clone(),
            reserved: geometry.reserved_area(free_clusters, next_free),
            records,
            files: self.planned_files(geometry, tree),
            runs: self.runs,
            directories,
            free_clusters,
        }
    }

    fn planned_files(&self, geometry: &Geometry, tree: &Tree) -> Vec<PlannedFile> {
        let contents = tree.entries.iter().zip(&self.files).map(|(entry, first)| PlannedFile {
            path: entry.path.clone(),
            size_bytes: entry.size_bytes,
            offset_bytes: (*first != 0).then(|| geometry.cluster_offset(*first)),
            role: Role::Content,
        });
        let reserves = tree.reserves.iter().zip(&self.reserves).map(|(path, file)| PlannedFile {
            path: path.clone(),
            size_bytes: file.size_bytes,
            offset_bytes: None,
            role: Role::Reserve,
        });
        contents.chain(reserves).collect()
    }

    /// Append the records of the directory of index `at`.
    fn push_directory(
        &self,
        records: &mut Vec<u8>,
        geometry: &Geometry,
        tree: &Tree,
        options: &Options,
        at: usize,
    ) {
        let facts = |attributes, first_cluster| Facts {
            attributes,
            first_cluster,
            size_bytes: 0,
            at: options.at,
        };
        let directory = &tree.names.directories[at];
        if at != ROOT {
            let up = if directory.parent == ROOT { 0 } else { self.directories[directory.parent] };
            let own = facts(record::DIRECTORY, self.directories[at]);
            record::push_short(records, b".          ", own);
            record::push_short(records, b"..         ", facts(record::DIRECTORY, up));
        } else if let Some(label) = geometry.label().bytes() {
            record::push_short(records, &label, facts(record::VOLUME_LABEL, 0));
        }
        for child in &directory.children {
            let (path, facts) = match child.node {
                Node::Directory(at) => {
                    let path = tree.names.directories[at].path.as_str();
                    (path, facts(record::DIRECTORY, self.directories[at]))
                }
                Node::File(at) => (tree.file_path(at), self.file_facts(tree, options, at)),
            };
            record::push(records, last_name(path), &child.short, facts);
        }
    }

    fn file_facts(&self, tree: &Tree, options: &Options, at: usize) -> Facts {
        let (first_cluster, size) = if let Some(entry) = tree.entries.get(at) {
            (self.files[at], entry.size_bytes)
        } else {
            let reserve = self.reserves[at - tree.entries.len()];
            (reserve.first_cluster, reserve.size_bytes)
        };
        let attributes = match options.protection {
            Protection::ReadOnly => record::READ_ONLY,
            Protection::Writable => record::ARCHIVE,
        };
        let size_bytes = u32::try_from(size).expect("sizes are checked before layout");
        Facts { attributes, first_cluster, size_bytes, at: options.at }
    }
}

/// The runs of the placed files, sorted and checked.
fn placed_runs(geometry: &Geometry, tree: &Tree, options: &Options) -> Result<Vec<Run>, PlanError> {
    let mut placed: Vec<&Placement> = options.placed.iter().collect();
    placed.sort_unstable_by(|a, b| (a.offset_bytes, &a.path).cmp(&(b.offset_bytes, &b.path)));
    let mut runs: Vec<Run> = Vec::with_capacity(placed.len());
    for placement in placed {
        let run = placed_run(geometry, tree, placement)
            .and_then(|run| match runs.last() {
                Some(before) if before.end > run.first => Err("another placed file lies there"),
                _ if runs.iter().any(|other| other.source == run.source) => {
                    Err("it is placed twice")
                }
                _ => Ok(run),
            })
            .map_err(|reason| misplaced(placement, reason))?;
        runs.push(run);
    }
    Ok(runs)
}

fn placed_run(geometry: &Geometry, tree: &Tree, place: &Placement) -> Result<Run, &'static str> {
    let at = tree.entries.binary_search_by(|entry| entry.path.cmp(&place.path));
    let at = at.map_err(|_| "there is no file of this path")?;
    let size_bytes = tree.entries[at].size_bytes;
    if size_bytes == 0 {
        return Err("it is empty");
    }
    if !place.offset_bytes.is_multiple_of(ALIGN_BYTES) {
        return Err("the offset is not a multiple of 4096");
    }
    let within = place.offset_bytes.checked_sub(geometry.data_offset());
    let within = within.ok_or("the data area begins after it")?;
    let first = within / geometry.cluster_bytes() + u64::from(ROOT_CLUSTER);
    let end = first + geometry.clusters_for(size_bytes);
    match (u32::try_from(first), u32::try_from(end)) {
        (Ok(first), Ok(end)) if end <= geometry.cluster_end() => {
            Ok(Run { first, end, next: END_OF_CHAIN, source: Source::File(at) })
        }
        _ => Err("the data area ends before its end"),
    }
}

fn misplaced(placement: &Placement, reason: &'static str) -> PlanError {
    let (path, offset_bytes) = (placement.path.clone(), placement.offset_bytes);
    PlanError::Placement { path, offset_bytes, reason }
}

/// The error for placements that leave no room for the root directory where it has to begin.
fn on_root(options: &Options) -> PlanError {
    let first = options.placed.iter().min_by_key(|placement| placement.offset_bytes);
    let first = first.expect("without placed files the root directory is taken first");
    misplaced(first, "the root directory lies there")
}

fn no_room(geometry: &Geometry, tree: &Tree, source: Source) -> PlanError {
    let (needed_bytes, capacity_bytes) = (tree.needed_bytes(), geometry.data_bytes());
    if needed_bytes > capacity_bytes {
        return PlanError::TreeTooLarge { needed_bytes, capacity_bytes };
    }
    let (path, size_bytes) = match source {
        Source::Directory(at) => {
            let directory = &tree.names.directories[at];
            (format!("{}/", directory.path), directory.len_bytes as u64)
        }
        Source::File(at) | Source::Reserve(at) => {
            (tree.file_path(at).to_owned(), tree.entries.get(at).map_or(0, |e| e.size_bytes))
        }
    };
    PlanError::NoStretch { path, size_bytes }
}
