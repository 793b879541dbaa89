//! Tables of objects in order of creation, with indexes.
//!
//! An object names its index keys (`customer=cus_1&status=open`). The table updates the indexes
//! with every change, so a list reads only the rows that it returns. It also keeps the previous
//! versions of changed objects until `take_changes`; events are derived from them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::changes::Change;
use crate::model::Entity;

#[derive(Serialize, Deserialize)]
#[serde(from = "Stored<T>", bound(deserialize = "T: Entity + Deserialize<'de>"))]
pub struct Table<T> {
    #[serde(serialize_with = "serialize_rows", bound(serialize = "T: Serialize"))]
    rows: BTreeMap<u64, Arc<T>>,
    #[serde(skip)]
    by_id: HashMap<String, u64>,
    #[serde(skip)]
    index: HashMap<String, BTreeSet<u64>>,
    next: u64,
    /// Previous versions of the rows that changed since `take_changes`; None for new rows.
    #[serde(skip)]
    changed: BTreeMap<u64, Option<Arc<T>>>,
}

fn serialize_rows<T: Serialize, S: Serializer>(
    rows: &BTreeMap<u64, Arc<T>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(rows.iter().map(|(row, object)| (row, &**object)))
}

/// Table in a snapshot. The indexes are rebuilt from the rows.
#[derive(Deserialize)]
struct Stored<T> {
    rows: BTreeMap<u64, T>,
    next: u64,
}

impl<T: Entity> From<Stored<T>> for Table<T> {
    fn from(stored: Stored<T>) -> Table<T> {
        let mut table = Table { next: stored.next, ..Table::default() };
        for (row, object) in stored.rows {
            table.by_id.insert(object.id().to_owned(), row);
            for key in object.keys() {
                table.index.entry(key).or_default().insert(row);
            }
            table.rows.insert(row, Arc::new(object));
        }
        table
    }
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table {
            rows: BTreeMap::new(),
            by_id: HashMap::new(),
            index: HashMap::new(),
            next: 0,
            changed: BTreeMap::new(),
        }
    }
}

impl<T: Entity> Table<T> {
    pub fn get(&self, id: &str) -> Option<&T> {
        self.rows.get(self.by_id.get(id)?).map(|object| &**object)
    }

    /// Returns the current version of an object.
    pub fn version(&self, id: &str) -> Option<Arc<T>> {
        self.rows.get(self.by_id.get(id)?).cloned()
    }

    /// Adds the object, or replaces the object with the same ID in its place.
    pub fn put(&mut self, object: T) {
        let row = if let Some(row) = self.by_id.get(object.id()) {
            *row
        } else {
            self.next += 1;
            self.by_id.insert(object.id().to_owned(), self.next);
            self.next
        };
        self.remember(row);
        let before = self.rows.get(&row).map(|before| before.keys()).unwrap_or_default();
        let after = object.keys();
        for key in before.iter().filter(|key| !after.contains(key)) {
            self.unindex(key, row);
        }
        for key in after {
            self.index.entry(key).or_default().insert(row);
        }
        self.rows.insert(row, Arc::new(object));
    }

    pub fn remove(&mut self, id: &str) -> Option<T> {
        let row = self.by_id.remove(id)?;
        self.remember(row);
        let object = self.rows.remove(&row)?;
        for key in object.keys() {
            self.unindex(&key, row);
        }
        Some(Arc::unwrap_or_clone(object))
    }

    fn remember(&mut self, row: u64) {
        self.changed.entry(row).or_insert_with(|| self.rows.get(&row).cloned());
    }

    /// Returns the changes since the last call, in order of the objects' creation.
    pub fn take_changes(&mut self) -> impl Iterator<Item = Change<T>> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        changed.map(|(row, before)| Change { before, after: self.rows.get(&row).cloned() })
    }

    fn unindex(&mut self, key: &str, row: u64) {
        if let Some(rows) = self.index.get_mut(key) {
            rows.remove(&row);
            if rows.is_empty() {
                self.index.remove(key);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns all objects, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.rows.values().map(|object| &**object)
    }

    /// Returns all objects with an index key, oldest first.
    pub fn under<'a>(&'a self, key: &str) -> impl DoubleEndedIterator<Item = &'a T> + use<'a, T> {
        let rows = self.index.get(key).into_iter().flatten();
        rows.filter_map(|row| self.rows.get(row)).map(|object| &**object)
    }

    /// Returns one page of the objects that have any of `keys` and satisfy `keep`, newest first.
    /// None if the cursor's object does not exist.
    pub fn page(
        &self,
        keys: &[String],
        cursor: &Cursor,
        keep: impl Fn(&T) -> bool,
    ) -> Option<Page<'_, T>> {
        let edge = match &cursor.edge {
            Edge::Start => None,
            Edge::After(id) | Edge::Before(id) => Some(*self.by_id.get(id)?),
        };
        let mut rows: Vec<u64> = Vec::new();
        for key in keys {
            let Some(entry) = self.index.get(key) else { continue };
            let wanted = |row: &&u64| self.rows.get(*row).is_some_and(|object| keep(object));
            // One more than the page, to compute `has_more`.
            let count = cursor.limit + 1;
            match (&cursor.edge, edge) {
                (Edge::Before(_), Some(edge)) => {
                    rows.extend(entry.range(edge + 1..).filter(wanted).take(count));
                }
                (_, Some(edge)) => {
                    rows.extend(entry.range(..edge).rev().filter(wanted).take(count));
                }
                (_, None) => rows.extend(entry.iter().rev().filter(wanted).take(count)),
            }
        }
        rows.sort_unstable();
        let backwards = matches!(cursor.edge, Edge::Before(_));
        if !backwards {
            rows.reverse();
        }
        let has_more = rows.len() > cursor.limit;
        rows.truncate(cursor.limit);
        if backwards {
            rows.reverse();
        }
        Some(Page { objects: rows.iter().map(|row| &*self.rows[row]).collect(), has_more })
    }
}

/// Position and length of a page.
#[derive(Clone, Debug)]
pub struct Cursor {
    pub limit: usize,
    pub edge: Edge,
}

#[derive(Clone, Debug)]
pub enum Edge {
    Start,
    After(String),
    Before(String),
}

pub struct Page<'a, T> {
    pub objects: Vec<&'a T>,
    pub has_more: bool,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Thing(String, &'static str);

    impl Entity for Thing {
        const KIND: &'static str = "thing";

        fn id(&self) -> &str {
            &self.0
        }

        fn keys(&self) -> Vec<String> {
            vec![self.1.to_owned()]
        }
    }

    fn ids(page: &Page<'_, Thing>) -> Vec<String> {
        page.objects.iter().map(|thing| thing.0.clone()).collect()
    }

    fn table(colors: &[&'static str]) -> Table<Thing> {
        let mut table = Table::default();
        for (n, color) in colors.iter().enumerate() {
            table.put(Thing(format!("t{n}"), color));
        }
        table
    }

    #[test]
    fn changed_object_moves_to_its_new_index_keys() {
        let mut table = table(&["open", "open"]);
        table.put(Thing("t0".into(), "paid"));
        assert_eq!(table.under("open").map(Entity::id).collect::<Vec<_>>(), ["t1"]);
        assert_eq!(table.under("paid").map(Entity::id).collect::<Vec<_>>(), ["t0"]);
        assert_eq!(table.remove("t0").map(|t| t.0), Some("t0".into()));
        assert_eq!(table.under("paid").count(), 0);
    }

    #[test]
    fn changes_have_the_first_and_the_last_version() {
        let mut table = table(&["open", "open"]);
        assert_eq!(table.take_changes().count(), 2);
        table.put(Thing("t0".into(), "paid"));
        table.put(Thing("t0".into(), "void"));
        table.put(Thing("t2".into(), "open"));
        table.remove("t1");
        table.put(Thing("t3".into(), "open"));
        table.remove("t3");
        let word = |thing: Option<Arc<Thing>>| thing.map(|thing| thing.1);
        let changes: Vec<_> =
            table.take_changes().map(|change| (word(change.before), word(change.after))).collect();
        let expected = [
            (Some("open"), Some("void")),
            (Some("open"), None),
            (None, Some("open")),
            (None, None),
        ];
        assert_eq!(changes, expected);
        assert_eq!(table.take_changes().count(), 0);
    }

    proptest! {
        #[test]
        fn pages_together_contain_the_whole_list_in_order(
            colors in prop::collection::vec(prop::sample::select(vec!["red", "blue", "grey"]), 0..60), limit in 1..12_usize,
        ) {
            let table = table(&colors);
            let keys = ["red".to_owned(), "blue".to_owned()];
            let expected: Vec<String> =
                (0..colors.len()).rev().filter(|n| colors[*n] != "grey").map(|n| format!("t{n}")).collect();

            let mut forwards = Vec::new();
            let mut edge = Edge::Start;
            loop {
                let page = table.page(&keys, &Cursor { limit, edge }, |_| true).unwrap();
                forwards.extend(ids(&page));
                prop_assert!(page.objects.len() <= limit);
                if !page.has_more { break; }
                edge = Edge::After(forwards.last().unwrap().clone());
            }
            prop_assert_eq!(&forwards, &expected);

            if let Some(oldest) = expected.last() {
                let mut backwards = vec![oldest.clone()];
                loop {
                    let cursor = Cursor { limit, edge: Edge::Before(backwards[0].clone()) };
                    let page = table.page(&keys, &cursor, |_| true).unwrap();
                    backwards.splice(0..0, ids(&page));
                    if !page.has_more { break; }
                }
                prop_assert_eq!(&backwards, &expected);
            }
        }
    }
}
