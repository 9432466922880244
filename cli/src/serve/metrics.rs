//! Counters, in the text format of Prometheus,
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_model::EdgeKind;

use super::exception::{Exception, KINDS, STATES};

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Reviews answered with yes.
    pub allowed: Counter,
    /// Reviews answered with no.
    pub denied: Counter,
    /// Reviews refused because nothing could be found out.
    pub undetermined: Counter,
    /// Requests without a readable review, or beyond a limit.
    pub refused: Counter,
    /// Verifications started.
    pub verifications: Counter,
    /// Images answered from memory.
    pub remembered: Counter,
    /// Images answered by a verification that another request had started.
    pub shared: Counter,
    /// Times that policy, trust or certificate could not be read again.
    pub reload_failures: Counter,
    /// Reviews answered with yes that rest on steps around the gates, by kind and state of review.
    pub exceptions: Exceptions,
    microseconds: Counter,
}

/// Counts reviews by the steps around the gates that their yes rests on.
#[derive(Debug)]
pub struct Exceptions(Vec<(EdgeKind, &'static str, Counter)>);

impl Default for Exceptions {
    /// All there can be, so that the first one is an increase.
    fn default() -> Self {
        let states = |kind| STATES.map(|state| (kind, state, Counter::default()));
        Self(KINDS.into_iter().flat_map(states).collect())
    }
}

impl Exceptions {
    /// Counts a review once for each kind and state among its exceptions.
    pub fn count<'a>(&self, exceptions: impl Iterator<Item = &'a Exception>) {
        let found: BTreeSet<_> = exceptions.map(Exception::labels).collect();
        let counters = self.0.iter();
        let meant = counters.filter(|(kind, state, _)| found.contains(&(*kind, *state)));
        meant.for_each(|(_, _, counter)| counter.count());
    }

    fn to_text(&self, environment: &str) -> String {
        let name = "bulla_admission_exceptions_total";
        let environment = label(environment);
        let head = std::iter::once(format!("# TYPE {name} counter"));
        let lines = self.0.iter().map(|(kind, state, counter)| {
            format!(
                "{name}{{environment=\"{environment}\",kind=\"{kind}\",review=\"{state}\"}} {}",
                counter.value()
            )
        });
        head.chain(lines).collect::<Vec<_>>().join("\n")
    }
}

/// A label's value, as the format writes it.
fn label(value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', "\\\"");
    value.replace('\n', r"\n")
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub fn count(&self) {
        self.add(1);
    }

    fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    /// Adds the time that a review took.
    pub fn took(&self, time: Duration) {
        self.microseconds
            .add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Writes all of them, and how many answers are remembered and requests wait now.
    pub fn to_text(&self, environment: &str, remembered: usize, waiting: usize) -> String {
        let reviews = [&self.allowed, &self.denied, &self.undetermined];
        let count: u64 = reviews.iter().map(|counter| counter.value()).sum();
        let micros = self.microseconds.value();
        let lines = [
            "# TYPE bulla_admission_reviews_total counter".to_owned(),
            format!(
                "bulla_admission_reviews_total{{result=\"allowed\"}} {}",
                self.allowed.value()
            ),
            format!(
                "bulla_admission_reviews_total{{result=\"denied\"}} {}",
                self.denied.value()
            ),
            format!(
                "bulla_admission_reviews_total{{result=\"undetermined\"}} {}",
                self.undetermined.value()
            ),
            "# TYPE bulla_admission_seconds summary".to_owned(),
            format!(
                "bulla_admission_seconds_sum {}.{:06}",
                micros / 1_000_000,
                micros % 1_000_000
            ),
            format!("bulla_admission_seconds_count {count}"),
            self.exceptions.to_text(environment),
            counter("bulla_admission_refused_requests_total", &self.refused),
            counter("bulla_verifications_total", &self.verifications),
            counter("bulla_verifications_shared_total", &self.shared),
            counter("bulla_cache_hits_total", &self.remembered),
            counter("bulla_reload_failures_total", &self.reload_failures),
            gauge("bulla_cache_entries", remembered),
            gauge("bulla_requests_in_progress", waiting),
        ];
        lines.join("\n") + "\n"
    }
}

fn counter(name: &str, counter: &Counter) -> String {
    format!("# TYPE {name} counter\n{name} {}", counter.value())
}

fn gauge(name: &str, value: usize) -> String {
    format!("# TYPE {name} gauge\n{name} {value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written() {
        let metrics = Metrics::default();
        metrics.denied.count();
        metrics.took(Duration::from_millis(1_500));
        let text = metrics.to_text("pr\"od", 3, 2);
        for line in [
            "bulla_admission_reviews_total{result=\"denied\"} 1",
            "bulla_admission_seconds_sum 1.500000",
            "bulla_admission_seconds_count 1",
            "bulla_admission_exceptions_total{environment=\"pr\\\"od\",kind=\"hotfix\",review=\"open\"} 0",
            "bulla_cache_entries 3",
            "bulla_requests_in_progress 2",
        ] {
            assert!(text.lines().any(|own| own == line), "{line} in {text}");
        }
    }
}
