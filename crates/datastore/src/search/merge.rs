//! One order over resources of several types.

use std::cmp::Ordering;

use super::cursor::{Cursor, unknown};
use super::order::{Ranked, compare, place};
use super::{Page, Scope, Search, run};
use crate::Error;

/// Fills a page, up to `count`, with what is behind the page before.
pub(super) fn fill(
    scope: &Scope<'_>,
    search: &Search,
    mut ranked: Vec<Ranked>,
    count: usize,
    page: &mut Page,
) -> Result<(), Error> {
    let sorts = search.parts.first().map(|(_, query)| query.options.sort.clone()).unwrap_or_default();
    if let Some(after) = search.after.filter(|after| after.rid > 0) {
        let (kind, query) = search.parts.get(after.part).ok_or_else(unknown)?;
        let place = place(scope, *kind, &query.options.sort, &after)?;
        ranked.retain(|ranked| compare(&sorts, ranked, &place) == Ordering::Greater);
    }
    ranked.sort_unstable_by(|a, b| compare(&sorts, a, b));
    let mut last = None;
    for ranked in ranked {
        if page.matches.len() == count {
            page.next = last;
            break;
        }
        let Some((kind, _)) = search.parts.get(ranked.part) else { continue };
        if let Some(version) = run::current(scope, *kind, ranked.rid)? {
            last = Some(Cursor { part: ranked.part, rid: ranked.rid, sequence: version.sequence });
            page.matches.push(version);
        }
    }
    Ok(())
}
