//! Which shards may be read: those whose parent is read to its end, or no longer there. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use event::Shard;

/// What has been started and finished since the worker began.
#[derive(Default)]
pub(crate) struct Lineage {
    started: BTreeSet<Arc<str>>,
    finished: BTreeSet<Arc<str>>,
}

impl Lineage {
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
