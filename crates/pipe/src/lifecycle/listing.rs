//! `ListPipes`.

use super::Pipes;
use crate::definition::is_own;
use crate::store::{self, Pipe};
use crate::{DesiredState, Error};

const LIST_MAX: usize = 100;

/// Which pipes to list, and how many at a time.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub name_prefix: Option<String>,
    pub source_prefix: Option<String>,
    pub target_prefix: Option<String>,
    pub desired: Option<DesiredState>,
    /// The wire name of a state, such as `RUNNING`.
    pub current: Option<String>,
    /// 1 to 100; 100.
    pub limit: Option<usize>,
    pub next_token: Option<String>,
}

/// A page of pipes.
#[derive(Clone, Debug)]
pub struct Listing {
    pub pipes: Vec<Pipe>,
    pub next_token: Option<String>,
}

impl Pipes {
    /// ListPipes, by name.
    ///
    /// # Errors
    /// `Invalid` for a limit out of range.
    pub async fn list(&self, filter: Filter) -> Result<Listing, Error> {
        let limit = filter.limit.unwrap_or(LIST_MAX);
        if limit == 0 || limit > LIST_MAX {
            return Err(Error::Invalid(format!("limit must be between 1 and {LIST_MAX}")));
        }
        let after = filter.next_token.clone().unwrap_or_default();
        let all = self.inner.state.read(move |tx| store::list(tx, &after)).await?;
        let mut pipes: Vec<Pipe> = all
            .into_iter()
            .filter(|pipe| !is_own(&pipe.definition.name) && filter.matches(pipe))
            .take(limit + 1)
            .collect();
        let more = pipes.len() > limit;
        pipes.truncate(limit);
        let next_token = pipes.last().filter(|_| more).map(|pipe| pipe.definition.name.clone());
        Ok(Listing { pipes, next_token })
    }
}

impl Filter {
    fn matches(&self, pipe: &Pipe) -> bool {
        let starts =
            |prefix: &Option<String>, text: &str| prefix.as_ref().is_none_or(|prefix| text.starts_with(prefix));
        starts(&self.name_prefix, &pipe.definition.name)
            && starts(&self.source_prefix, &pipe.definition.source)
            && starts(&self.target_prefix, &pipe.definition.target)
            && self.desired.is_none_or(|desired| desired == pipe.definition.desired_state)
            && self.current.as_ref().is_none_or(|current| current == pipe.current.as_str())
    }
}
