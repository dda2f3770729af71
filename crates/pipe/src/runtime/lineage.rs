//! Which shards may be read: those whose parent is read to its end, or no longer there; and which were lost: gone before
//! they were read. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use event::Shard;

/// What has been started and finished since the worker began, and before.
#[derive(Default)]
pub(crate) struct Lineage {
    started: BTreeSet<Arc<str>>,
    finished: BTreeSet<Arc<str>>,
    /// Begun and not known to be read to its end when the worker began.
    unread: BTreeSet<Arc<str>>,
    /// Read to its end, or given up as lost.
    settled: BTreeSet<Arc<str>>,
}

impl Lineage {
    /// Goes on from `begun` shards, of which those in `ended` were read to their end.
    pub fn resume<'a>(begun: impl IntoIterator<Item = &'a String>, ended: &BTreeSet<String>) -> Lineage {
        let unread = begun.into_iter().filter(|shard| !ended.contains(*shard));
        Lineage {
            unread: unread.map(|shard| shard.as_str().into()).collect(),
            settled: ended.iter().map(|shard| shard.as_str().into()).collect(),
            ..Lineage::default()
        }
    }

    /// Shards that aged out unread: begun ones that are no longer listed, and parents nobody ever saw. Each is answered
    /// once.
    pub fn lost(&mut self, known: &[Shard]) -> Vec<Arc<str>> {
        let listed: BTreeSet<&Arc<str>> = known.iter().map(|shard| &shard.id).collect();
        let begun = self.unread.iter().filter(|shard| !listed.contains(shard) && !self.started.contains(*shard));
        let parents =
            known.iter().filter(|shard| !self.started.contains(&shard.id) && !self.unread.contains(&shard.id));
        let parents = parents.filter_map(|shard| shard.parent.as_ref()).filter(|parent| {
            !listed.contains(parent) && !self.started.contains(*parent) && !self.unread.contains(*parent)
        });
        let lost: BTreeSet<Arc<str>> = begun.chain(parents).filter(|id| !self.settled.contains(*id)).cloned().collect();
        self.settled.extend(lost.iter().cloned());
        lost.into_iter().collect()
    }

    /// The shards to start now; each is answered once.
    pub fn ready(&mut self, known: &[Shard]) -> Vec<Arc<str>> {
        let listed: BTreeSet<&str> = known.iter().map(|shard| shard.id.as_ref()).collect();
        let mut ready = Vec::new();
        for shard in known {
            let parent_done = shard.parent.as_ref().is_none_or(|parent| {
                // A parent that is being read holds its children back even when it drops out of the listing.
                self.finished.contains(parent) || (!listed.contains(parent.as_ref()) && !self.started.contains(parent))
            });
            if parent_done && self.started.insert(shard.id.clone()) {
                ready.push(shard.id.clone());
            }
        }
        ready
    }

    /// Lets the children of a shard start.
    pub fn finished(&mut self, shard: Arc<str>) {
        self.finished.insert(shard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_and_is_gone_is_lost_unless_it_was_read() {
        let begun = ["a".to_owned(), "b".into(), "c".into()];
        let mut lineage = Lineage::resume(&begun, &["a".to_owned()].into());
        let known = [shard("c", None), shard("d", Some("a"))];
        assert_eq!(names(&lineage.lost(&known)), ["b"]);
        assert!(lineage.lost(&known).is_empty(), "each is told once");
        lineage.ready(&known);
        assert!(lineage.lost(&[]).is_empty(), "what is being read tells itself what it misses");
    }

    #[test]
    fn a_parent_that_nobody_saw_is_lost() {
        let mut lineage = Lineage::resume(&["a".to_owned()], &["a".to_owned()].into());
        // b, the child of a, came and went.
        let known = [shard("c", Some("b")), shard("d", Some("a"))];
        assert_eq!(names(&lineage.lost(&known)), ["b"]);
        assert_eq!(names(&lineage.ready(&known)), ["c", "d"]);
        assert!(lineage.lost(&known).is_empty());
        // The parent of a shard that was begun had its turn.
        let mut lineage = Lineage::resume(&["c".to_owned()], &BTreeSet::new());
        assert!(lineage.lost(&known[..1]).is_empty());
    }

    fn shard(id: &str, parent: Option<&str>) -> Shard {
        Shard { id: id.into(), parent: parent.map(Into::into) }
    }

    fn names(ids: &[Arc<str>]) -> Vec<&str> {
        ids.iter().map(AsRef::as_ref).collect()
    }

    #[test]
    fn a_child_waits_for_its_parent() {
        let known = [shard("a", None), shard("b", Some("a")), shard("c", Some("b")), shard("d", None)];
        let mut lineage = Lineage::default();
        assert_eq!(names(&lineage.ready(&known)), ["a", "d"]);
        assert!(lineage.ready(&known).is_empty(), "each is started once");
        lineage.finished("a".into());
        assert_eq!(names(&lineage.ready(&known)), ["b"]);
        lineage.finished("b".into());
        assert_eq!(names(&lineage.ready(&known)), ["c"]);
    }

    #[test]
    fn a_parent_that_aged_out_counts_as_read_unless_it_is_being_read() {
        let mut lineage = Lineage::default();
        assert_eq!(names(&lineage.ready(&[shard("b", Some("gone"))])), ["b"]);
        assert!(lineage.ready(&[shard("c", Some("b"))]).is_empty(), "b is still being read");
        lineage.finished("b".into());
        assert_eq!(names(&lineage.ready(&[shard("c", Some("b"))])), ["c"]);
    }
}
