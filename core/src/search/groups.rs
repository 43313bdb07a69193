//! Hits as groups: the best groups of each query, each with its best hits, all of one group together.
//!
//! A search that gives more hits than are wanted shows most groups at once. Where it does not show enough of them, or too few hits of some, it is
//! repeated with a longer list; where indexes did not help, or no more, among the rows of groups that are not full: those that have taken the places of others
//! are out of the way then, so that a few rounds are enough however the rows are spread over groups.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rayon::prelude::*;

use super::group_keys::GroupKeys;
use super::key::key_of;
use super::request::GroupBy;
use super::search::Search;
use super::top::Hit;
use super::visible::Visible;
use crate::failure::Outcome;
use crate::index::row_set::RowSet;
use crate::segment::Pick;
use crate::segment::schema::Schema;

/// Hits of the first round for each hit that is wanted, and how much longer each next list is.
const FIRST_SPARE: usize = 2;
const GROWTH: usize = 4;
const FIRST_MIN: usize = 64;
/// Rounds after the first among all rows, where parts have indexes.
const ROUNDS_WITH_INDEXES: usize = 2;
/// Hits of the queries that are answered together, which bounds the memory for them.
const HITS_AT_ONCE: usize = 4 << 20;
/// The group of rows that are not visible.
const NONE: u32 = u32::MAX;

pub struct Groups<'s, 'a> {
    search: &'s Search<'a>,
    by: &'s GroupBy,
    keys: GroupKeys<'s>,
    /// Groups by the bytes of their values.
    names: HashMap<Box<[u8]>, u32>,
    /// Group of each visible row, a list a part; made when it is needed.
    row_groups: Option<Vec<Vec<u32>>>,
    /// Groups of a query before the offset is cut off.
    wanted: usize,
}

/// The group of each row by number, and the numbers of the groups' keys.
type OwnGroups = (Vec<u32>, HashMap<Box<[u8]>, u32>);

/// The best hits of a group so far, best first.
struct Group {
    name: u32,
    hits: Vec<Hit>,
}

impl<'s, 'a> Groups<'s, 'a> {
    /// Kinds: those of `GroupKeys`.
    pub fn new(search: &'s Search<'a>, by: &'s GroupBy, schema: &'s Schema) -> Outcome<Groups<'s, 'a>> {
        Ok(Groups {
            search,
            by,
            keys: GroupKeys::new(by, schema)?,
            names: HashMap::new(),
            row_groups: None,
            wanted: search.request.offset.saturating_add(search.request.limit),
        })
    }

    /// The hits of each query, group by group, best group first, without the groups of the offset.
    pub fn answer(&mut self, queries: Range<usize>) -> Outcome<Vec<Vec<Hit>>> {
        let wanted = self.wanted.saturating_mul(self.by.size);
        let limit = wanted.saturating_mul(FIRST_SPARE).max(FIRST_MIN);
        let together = (HITS_AT_ONCE / limit).max(1);
        let mut answers = Vec::with_capacity(queries.len());
        for start in queries.clone().step_by(together) {
            let range = start..queries.end.min(start + together);
            let found = self.search.answer(range.clone(), limit);
            for (query, hits) in range.zip(found) {
                answers.push(self.complete(query, hits, limit)?);
            }
        }
        Ok(answers)
    }

    /// The values of these hits, one encoded FieldData a field.
    pub fn encode_values(&self, shown: &[&[Hit]]) -> Outcome<Vec<Vec<u8>>> {
        let hits = shown.iter().flat_map(|hits| hits.iter());
        let picks: Vec<Pick> = hits.map(|hit| self.search.order.pick(hit)).collect();
        self.keys.encode(&picks)
    }

    /// `hits`: the best `limit` of a query.
    fn complete(&mut self, query: usize, mut hits: Vec<Hit>, mut limit: usize) -> Outcome<Vec<Hit>> {
        let mut groups: Vec<Group> = Vec::new();
        let indexed = self.search.targets.iter().any(|target| target.walk.is_some());
        let mut rounds = 0;
        loop {
            let exhausted = hits.len() < limit;
            self.take(&mut groups, hits)?;
            if exhausted || self.are_complete(&groups) {
                let shown = groups.into_iter().skip(self.search.request.offset);
                return Ok(shown.flat_map(|group| group.hits).collect());
            }
            limit = limit.saturating_mul(GROWTH);
            let mut found = if indexed && rounds < ROUNDS_WITH_INDEXES {
                self.search.answer(query..query + 1, limit)
            } else {
                let open = self.open_rows(&groups)?;
                self.search.among(open).answer(query..query + 1, limit)
            };
            hits = found.pop().unwrap_or_default();
            rounds += 1;
        }
    }

    /// Puts hits, best first, to those of earlier rounds.
    fn take(&mut self, groups: &mut Vec<Group>, hits: Vec<Hit>) -> Outcome<()> {
        let order = &self.search.order;
        let key = |hit: &Hit| key_of(&order.pick(hit), order.primary);
        let mut taken: HashSet<_> = groups.iter().flat_map(|group| &group.hits).map(key).collect();
        let mut places: HashMap<u32, usize> = groups.iter().enumerate().map(|(place, group)| (group.name, place)).collect();
        let mut bytes = Vec::new();
        for hit in hits {
            if !taken.insert(key(&hit)) {
                continue;
            }
            let pick = order.pick(&hit);
            bytes.clear();
            self.keys.write(pick.chunk, pick.row as usize, &mut bytes)?;
            let name = name_of(&mut self.names, &bytes);
            let place = *places.entry(name).or_insert_with(|| {
                groups.push(Group { name, hits: Vec::new() });
                groups.len() - 1
            });
            let held = &mut groups[place].hits;
            let at = held.partition_point(|other| order.compare(other, &hit).is_lt());
            if at < self.by.size {
                held.insert(at, hit);
                held.truncate(self.by.size);
            }
        }
        groups.sort_unstable_by(|left, right| order.compare(&left.hits[0], &right.hits[0]));
        groups.truncate(self.wanted);
        Ok(())
    }

    fn are_complete(&self, groups: &[Group]) -> bool {
        groups.len() == self.wanted && (!self.by.strict || groups.iter().all(|group| self.is_full(group)))
    }

    fn is_full(&self, group: &Group) -> bool {
        group.hits.len() == self.by.size
    }

    /// The visible rows of groups that may still take some, a set a part.
    fn open_rows(&mut self, groups: &[Group]) -> Outcome<Vec<Visible>> {
        self.name_rows()?;
        let all_found = groups.len() == self.wanted;
        let mut open = vec![!all_found; self.names.len()];
        for group in groups {
            open[group.name as usize] = !self.is_full(group);
        }
        let row_groups = self.row_groups.as_deref().unwrap_or_default();
        let is_open = |names: &[u32], row: usize| open.get(names[row] as usize).copied().unwrap_or(false);
        let rows = |(target, names): (&super::search::Target, &Vec<u32>)| match &target.visible {
            Visible::Few(rows) => Visible::Few(rows.iter().copied().filter(|&row| is_open(names, row as usize)).collect()),
            _ => Visible::Set(RowSet::from_fn(names.len(), |row| is_open(names, row))),
        };
        Ok(self.search.targets.par_iter().zip(row_groups).map(rows).collect())
    }

    /// Gives each visible row the name of its group.
    fn name_rows(&mut self) -> Outcome<()> {
        if self.row_groups.is_some() {
            return Ok(());
        }
        let parts = self.search.order.parts;
        let keys = &self.keys;
        let visible = self.search.targets.par_iter().map(|target| &target.visible);
        // Names of each part's own first, so that parts need not wait for one another.
        let own: Vec<OwnGroups> = parts
            .par_iter()
            .zip(visible)
            .map(|(part, visible)| {
                let mut rows = Vec::new();
                visible.take(0..part.chunk.row_count, usize::MAX, &mut rows);
                let mut names = HashMap::new();
                let mut bytes = Vec::new();
                let mut row_names = vec![NONE; part.chunk.row_count];
                for row in rows {
                    bytes.clear();
                    keys.write(part.chunk, row as usize, &mut bytes)?;
                    row_names[row as usize] = name_of(&mut names, &bytes);
                }
                Ok((row_names, names))
            })
            .collect::<Outcome<_>>()?;
        let mut row_groups = Vec::with_capacity(own.len());
        for (mut row_names, names) in own {
            let mut common = vec![NONE; names.len()];
            for (bytes, name) in names {
                common[name as usize] = name_of(&mut self.names, &bytes);
            }
            for name in &mut row_names {
                *name = common.get(*name as usize).copied().unwrap_or(NONE);
            }
            row_groups.push(row_names);
        }
        self.row_groups = Some(row_groups);
        Ok(())
    }
}

fn name_of(names: &mut HashMap<Box<[u8]>, u32>, bytes: &[u8]) -> u32 {
    if let Some(&name) = names.get(bytes) {
        return name;
    }
    let name = names.len() as u32;
    names.insert(bytes.into(), name);
    name
}
