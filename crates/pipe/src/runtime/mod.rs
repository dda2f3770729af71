//! One worker per running pipe: finds shards, keeps their lineage, runs a reader and a deliverer for each.
//!
//! A child shard starts when its parent has been read to its end, at its first record. Positions are the truth: what
//! is behind them after a restart is delivered again.

mod backoff;
mod cuts;
mod dead_letter;
mod deliver;
mod fetch;
mod gaps;
mod lineage;
mod queue;
mod shard;
mod stage;
mod transform;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event::{Clock, Enrichment, Error, Kind, Queue, Sequence, Source, Start, Target};
use state::State;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::{Counters, Parameters, StartingPosition, store};
pub(crate) use transform::Transform;

/// How often new shards are looked for.
const DISCOVERY: Duration = Duration::from_secs(1);

/// What a pipe does when records it had not read were trimmed. The gap is recorded either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GapPolicy {
    /// Go on with the oldest record kept.
    #[default]
    Resume,
    /// Stop the pipe until it is started by hand.
    Halt,
}

/// Everything a worker needs. Shared by the shards of one pipe.
pub(crate) struct Work {
    pub name: String,
    pub arn: String,
    pub source_arn: String,
    pub target_arn: String,
    pub creation: String,
    pub consumer: Arc<str>,
    pub created_ms: i64,
    pub started: bool,
    pub parameters: Parameters,
    pub transform: Transform,
    pub enrichment: Option<Arc<dyn Enrichment>>,
    pub target: Arc<dyn Target>,
    pub dead_letter: Option<Arc<dyn Target>>,
    pub state: State,
    pub clock: Arc<dyn Clock>,
    pub counters: Arc<Counters>,
    pub gap_policy: GapPolicy,
    /// The shortest wait before a repeat; it doubles up to `retry_max`.
    pub retry_min: Duration,
    pub retry_max: Duration,
}

/// What a worker reads.
pub(crate) enum Input {
    Stream(Arc<dyn Source>),
    Queue(Arc<dyn Queue>),
}

impl Work {
    /// Counts records the target took, the newest of which the source took at `newest_ms`.
    fn delivered(&self, count: usize, newest_ms: Option<i64>) {
        self.counters.delivered(count);
        if let Some(at_ms) = newest_ms.filter(|_| count > 0) {
            self.counters.lag(self.clock.now_ms().saturating_sub(at_ms));
        }
    }
}

/// Why a worker ended.
pub(crate) enum Outcome {
    /// It was asked to.
    Stopped,
    /// It cannot go on; the text becomes the pipe's `StateReason`.
    Halted(String),
}

/// Resolves when `stop` becomes true or its sender is gone.
pub(crate) async fn stopped(stop: &watch::Receiver<bool>) {
    let mut stop = stop.clone();
    // A closed channel means nobody is left to ask for more.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Runs a pipe until it is stopped or cannot go on.
pub(crate) async fn run(work: Arc<Work>, input: Input, stop: watch::Receiver<bool>) -> Outcome {
    let source = match input {
        Input::Stream(source) => source,
        Input::Queue(queue) => return queue::run(work, queue, stop).await,
    };
    let mut shards = JoinSet::new();
    let outcome = tokio::select! {
        outcome = supervise(&work, &source, &mut shards, &stop) => outcome,
        () = stopped(&stop) => Outcome::Stopped,
    };
    if matches!(outcome, Outcome::Halted(_)) {
        shards.abort_all();
    }
    while shards.join_next().await.is_some() {}
    outcome
}

type ShardEnd = (Arc<str>, Result<shard::End, Error>);

async fn supervise(
    work: &Arc<Work>,
    source: &Arc<dyn Source>,
    tasks: &mut JoinSet<ShardEnd>,
    stop: &watch::Receiver<bool>,
) -> Outcome {
    let Plan { positions, starts, ends } = loop {
        match plan(work, source).await {
            Ok(plan) => break plan,
            Err(error) if error.kind() == Kind::NotFound => return Outcome::Halted(format!("source is gone: {error}")),
            Err(error) => trouble(work, &error).await,
        }
    };
    let ended = ends.iter().filter(|(shard, through)| positions.get(*shard).unwrap_or(&Sequence::ZERO) >= through);
    let ended = ended.map(|(shard, _)| shard.clone()).collect();
    let mut lineage = lineage::Lineage::resume(positions.keys().chain(starts.keys()).chain(ends.keys()), &ended);
    let mut forgotten = false;
    loop {
        match source.shards().await {
            Ok(known) => {
                let lost = lineage.lost(&known);
                if let Err(error) = gaps::lost(work, &lost, &positions).await {
                    return Outcome::Halted(error.to_string());
                }
                if !std::mem::replace(&mut forgotten, true)
                    && let Err(error) = gaps::forget(work, &ended, &known).await
                {
                    work.counters.error(error.to_string());
                }
                for id in lineage.ready(&known) {
                    let start = match (positions.get(id.as_ref()), starts.get(id.as_ref())) {
                        (Some(position), _) => Start::After(*position),
                        (None, Some(&store::FROM_HORIZON)) => Start::TrimHorizon,
                        // A shard that came later is wanted whole: if its beginning is gone, that is a gap.
                        (None, None | Some(&store::WHOLE)) => Start::After(Sequence::ZERO),
                        (None, Some(at_ms)) => Start::AtTimestamp(*at_ms),
                    };
                    let (work, source, stop) = (work.clone(), source.clone(), stop.clone());
                    tasks.spawn(async move { (id.clone(), shard::run(work, source, id, start, stop).await) });
                }
            }
            Err(error) if error.kind() == Kind::NotFound && tasks.is_empty() => {
                return Outcome::Halted(format!("source is gone: {error}"));
            }
            Err(error) => work.counters.error(error.to_string()),
        }
        let ended = tokio::select! {
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => Some(ended),
            () = tokio::time::sleep(DISCOVERY) => None,
        };
        match ended {
            None | Some(Ok((_, Ok(shard::End::Stopped)))) => {}
            Some(Ok((id, Ok(shard::End::Finished(through))))) => {
                let (consumer, shard) = (work.consumer.clone(), id.clone());
                let ended = work.state.write(move |tx| store::end(tx, &consumer, &shard, through)).await;
                if let Err(error) = ended {
                    return Outcome::Halted(unavailable(error).to_string());
                }
                lineage.finished(id);
            }
            Some(Ok((_, Err(error)))) => return Outcome::Halted(error.to_string()),
            Some(Err(_)) => return Outcome::Halted("a shard reader failed; see the log".into()),
        }
    }
}

struct Plan {
    positions: BTreeMap<String, Sequence>,
    starts: BTreeMap<String, i64>,
    ends: BTreeMap<String, Sequence>,
}

/// Makes the first start durable before anything is read, then loads where to go on.
async fn plan(work: &Arc<Work>, source: &Arc<dyn Source>) -> Result<Plan, Error> {
    if !work.started {
        let mut shards = Vec::new();
        for shard in source.shards().await? {
            shards.push((shard.id.to_string(), first_start(work, source, &shard.id).await?));
        }
        let work = work.clone();
        let state = work.state.clone();
        state
            .write(move |tx| store::start(tx, &work.name, &work.creation, &work.consumer, &shards))
            .await
            .map_err(unavailable)?;
    }
    let consumer = work.consumer.clone();
    let (positions, starts, ends) = work
        .state
        .read(move |tx| {
            let positions = state::positions::load(tx, &consumer)?;
            Ok::<_, crate::Error>((positions, store::starts(tx, &consumer)?, store::ends(tx, &consumer)?))
        })
        .await
        .map_err(unavailable)?;
    let mut parsed = BTreeMap::new();
    for (shard, sequence) in positions {
        let sequence = sequence
            .parse()
            .map_err(|_| Error::new(Kind::Corrupt, format!("stored position is damaged. shard=`{shard}`")))?;
        parsed.insert(shard, sequence);
    }
    Ok(Plan { positions: parsed, starts, ends })
}

/// Where a shard of the first start is read from.
async fn first_start(work: &Work, source: &Arc<dyn Source>, shard: &str) -> Result<i64, Error> {
    if matches!(work.parameters.starting_position, Some(StartingPosition::Latest)) {
        return Ok(work.created_ms);
    }
    match source.open(shard, Start::After(Sequence::ZERO)).await {
        // Nothing of it is trimmed yet, so what is trimmed from now on is a gap.
        Ok(_) => Ok(store::WHOLE),
        Err(error) if matches!(error.kind(), Kind::Trimmed | Kind::NotFound | Kind::Invalid) => Ok(store::FROM_HORIZON),
        Err(error) => Err(error),
    }
}

/// Notes an error that passes and waits a little.
async fn trouble(work: &Work, error: &Error) {
    tracing::warn!(pipe = work.name, %error, "pipe waits");
    work.counters.error(error.to_string());
    tokio::time::sleep(work.retry_max.min(DISCOVERY)).await;
}

pub(crate) fn unavailable(error: impl Into<crate::Error>) -> Error {
    Error::new(Kind::Unavailable, "state failed").with_source(error.into())
}
