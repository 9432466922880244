//! One verification for many who ask the same, and a short memory of the answers.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

/// Verifications in flight and answers remembered. Memory is bounded by a capacity.
pub struct Flights<K, A> {
    state: Mutex<State<K, A>>,
    keep: Box<dyn Fn(&A) -> Duration + Send + Sync>,
    capacity: usize,
    flying: usize,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This question started the verification.
    Own,
    /// From memory.
    Remembered,
    /// Another question had started it.
    Shared,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlightError {
    /// The verification panicked.
    #[error("the verification broke off")]
    Broken,
    /// Too many different questions at the same time.
    #[error("too many verifications at the same time")]
    Busy,
}

struct State<K, A> {
    entries: HashMap<K, Entry<A>>,
    /// Remembered keys, the oldest first; what was remembered again is in it twice.
    order: VecDeque<(K, Instant)>,
    flying: usize,
}

enum Entry<A> {
    Flying(Shared<BoxFuture<'static, Option<A>>>),
    Landed { answer: A, until: Instant },
}

impl<K, A> Flights<K, A>
where
    K: Clone + Eq + Hash + Send + 'static,
    A: Clone + Send + Sync + 'static,
{
    /// `capacity` answers are remembered, each as long as `keep` says; `flying` verifications run
    /// or wait at the same time.
    pub fn new(
        capacity: usize,
        flying: usize,
        keep: impl Fn(&A) -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self {
            state: Mutex::new(State {
                entries: HashMap::new(),
                order: VecDeque::new(),
                flying: 0,
            }),
            keep: Box::new(keep),
            capacity,
            flying,
        }
    }

    /// The remembered answer, that of a verification in flight, or that of a new one. A new one
    /// runs to its end even if nobody waits any longer, so that the next question finds it.
    pub async fn answer<F>(
        self: &Arc<Self>,
        key: K,
        verify: impl FnOnce() -> F,
    ) -> Result<(A, Source), FlightError>
    where
        F: Future<Output = A> + Send + 'static,
    {
        let (flight, source) = {
            let mut state = self.state();
            match state.entries.get(&key) {
                Some(Entry::Landed { answer, until }) if *until > Instant::now() => {
                    return Ok((answer.clone(), Source::Remembered));
                }
                Some(Entry::Flying(flight)) => (flight.clone(), Source::Shared),
                _ if state.flying >= self.flying => return Err(FlightError::Busy),
                _ => (self.start(&mut state, key, verify()), Source::Own),
            }
        };
        let answer = flight.await.ok_or(FlightError::Broken)?;
        Ok((answer, source))
    }

    /// How many answers are remembered.
    pub fn remembered(&self) -> usize {
        let state = self.state();
        state.entries.len().saturating_sub(state.flying)
    }

    fn start<F>(
        self: &Arc<Self>,
        state: &mut State<K, A>,
        key: K,
        verification: F,
    ) -> Shared<BoxFuture<'static, Option<A>>>
    where
        F: Future<Output = A> + Send + 'static,
    {
        let flights = Arc::clone(self);
        let landing = key.clone();
        // Two tasks: a panic ends the inner one, and the outer one still lands.
        let verification = tokio::spawn(verification);
        let task = tokio::spawn(async move {
            let answer = verification.await.ok();
            flights.land(landing, answer.as_ref());
            answer
        });
        let flight = async move { task.await.ok().flatten() }.boxed().shared();
        state.flying += 1;
        state.entries.insert(key, Entry::Flying(flight.clone()));
        flight
    }

    fn land(&self, key: K, answer: Option<&A>) {
        let keep = answer.map_or(Duration::ZERO, |answer| (self.keep)(answer));
        let now = Instant::now();
        let mut state = self.state();
        state.flying = state.flying.saturating_sub(1);
        state.entries.remove(&key);
        let Some(answer) = answer.filter(|_| !keep.is_zero() && self.capacity > 0) else {
            return;
        };
        let until = now + keep;
        state.forget(now, self.capacity - 1);
        state.order.push_back((key.clone(), until));
        let answer = answer.clone();
        state.entries.insert(key, Entry::Landed { answer, until });
    }

    fn state(&self) -> MutexGuard<'_, State<K, A>> {
        // Nothing panics while the lock is held; what is behind it is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, A> State<K, A> {
    /// Forgets what is over, and the oldest while more than `capacity` are left.
    fn forget(&mut self, now: Instant, capacity: usize) {
        while let Some((_, until)) = self.order.front() {
            if *until > now && self.order.len() <= capacity {
                break;
            }
            let Some((key, until)) = self.order.pop_front() else {
                break;
            };
            let same = |entry: &Entry<A>| matches!(entry, Entry::Landed { until: own, .. } if *own == until);
            if self.entries.get(&key).is_some_and(same) {
                self.entries.remove(&key);
            }
        }
    }
}

impl<K, A> fmt::Debug for Flights<K, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    type Numbers = Arc<Flights<&'static str, usize>>;

    fn flights(capacity: usize, keep: Duration) -> Numbers {
        Arc::new(Flights::new(capacity, 4, move |_| keep))
    }

    #[tokio::test]
    async fn the_same_question_is_verified_once() {
        let flights = flights(8, Duration::ZERO);
        let count = Arc::new(AtomicUsize::new(0));
        let (open, gate) = tokio::sync::watch::channel(false);
        let askers = (0..200).map(|_| {
            let (flights, count, mut gate) =
                (Arc::clone(&flights), Arc::clone(&count), gate.clone());
            tokio::spawn(async move {
                let verify = || async move {
                    gate.wait_for(|open| *open).await.unwrap();
                    count.fetch_add(1, Ordering::SeqCst)
                };
                flights.answer("a", verify).await.unwrap()
            })
        });
        let askers: Vec<_> = askers.collect();
        while flights.state().entries.is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..400 {
            tokio::task::yield_now().await;
        }
        open.send(true).unwrap();
        let mut own = 0;
        for asker in askers {
            own += usize::from(asker.await.unwrap().1 == Source::Own);
        }
        assert_eq!((own, count.load(Ordering::SeqCst)), (1, 1));
        assert_eq!(
            flights.remembered(),
            0,
            "a lifetime of zero remembers nothing"
        );
    }

    #[tokio::test]
    async fn answers_are_remembered_for_a_while_and_within_bounds() {
        let remembers = flights(2, Duration::from_mins(1));
        for (key, source) in [
            ("a", Source::Own),
            ("a", Source::Remembered),
            ("b", Source::Own),
            ("c", Source::Own),
            ("c", Source::Remembered),
            ("a", Source::Own),
        ] {
            let (_, found) = remembers.answer(key, || async { 1 }).await.unwrap();
            assert_eq!(found, source, "{key}");
        }
        assert_eq!(remembers.remembered(), 2);
        let forgets = flights(2, Duration::from_nanos(1));
        for _ in 0..2 {
            let (_, source) = forgets.answer("a", || async { 1 }).await.unwrap();
            assert_eq!(source, Source::Own);
        }
    }

    #[tokio::test]
    async fn a_panic_is_told_and_not_remembered() {
        let flights = flights(2, Duration::from_mins(1));
        let broken = flights.answer("a", || async { panic!("on purpose") }).await;
        assert_eq!(broken, Err(FlightError::Broken));
        assert_eq!(
            flights.answer("a", || async { 7 }).await,
            Ok((7, Source::Own))
        );
    }

    #[tokio::test]
    async fn what_runs_at_the_same_time_is_bounded_and_ends_without_listeners() {
        let flights = flights(9, Duration::from_mins(1));
        let (open, gate) = tokio::sync::watch::channel(false);
        for key in ["a", "b", "c", "d"] {
            let mut gate = gate.clone();
            let verify = || async move {
                gate.wait_for(|open| *open).await.unwrap();
                1
            };
            let wait = Duration::from_millis(1);
            let late = tokio::time::timeout(wait, flights.answer(key, verify)).await;
            assert!(late.is_err());
        }
        let busy = flights.answer("e", || async { 1 }).await;
        assert_eq!(busy, Err(FlightError::Busy));
        open.send(true).unwrap();
        while flights.remembered() < 4 {
            tokio::task::yield_now().await;
        }
        let (_, source) = flights.answer("a", || async { 2 }).await.unwrap();
        assert_eq!(source, Source::Remembered);
    }
}
