//! How long an API server waits for an answer: `?timeout=10s`.

use std::time::Duration;

use jiff::SignedDuration;

/// The time to answer in: what the API server waits, less half a second for the way back, and
/// never more than `cap`. Without a readable timeout it is the API server's default of 10 s.
pub fn budget(query: Option<&str>, cap: Duration) -> Duration {
    let asked = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .find_map(|pair| pair.strip_prefix("timeout="))
        .and_then(|text| text.parse::<SignedDuration>().ok())
        .and_then(|time| Duration::try_from(time).ok())
        .unwrap_or(DEFAULT);
    asked.saturating_sub(WAY_BACK).min(cap)
}

const DEFAULT: Duration = Duration::from_secs(10);
const WAY_BACK: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_comes_before_the_server_gives_up() {
        let cap = Duration::from_mins(1);
        let millis = |query: &str| budget(Some(query), cap).as_millis();
        assert_eq!(millis("timeout=5s"), 4_500);
        assert_eq!(millis("a=b&timeout=1m0s"), 59_500);
        assert_eq!(millis("timeout=250ms"), 0);
        assert_eq!(millis("timeout=x"), 9_500);
        assert_eq!(millis("timeout=-3s"), 9_500);
        assert_eq!(budget(None, cap).as_millis(), 9_500);
        let cap = Duration::from_secs(2);
        assert_eq!(budget(Some("timeout=30s"), cap), cap);
    }
}
