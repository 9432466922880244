//! What approvals and promotions share: their place and their time.

use jiff::{SignedDuration, Timestamp};

use crate::Failure;

/// A list as statements carry it: sorted, nothing twice.
pub fn sorted(texts: &[String]) -> Vec<String> {
    let set: std::collections::BTreeSet<_> = texts.iter().cloned().collect();
    set.into_iter().collect()
}

/// Statements carry whole seconds, which is what timestamps and other tools compare.
pub fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// The end of a length of time that begins now: `12h`, `30d`.
pub fn until(now: Timestamp, text: &str) -> Result<Timestamp, Failure> {
    let wrong = || {
        Failure::usage(format_args!(
            "`{text}` is no length of time: expected for example 12h or 30d"
        ))
    };
    let length: SignedDuration = match text.strip_suffix('d').map(str::parse::<i64>) {
        Some(Ok(days)) => SignedDuration::from_secs(days.checked_mul(86_400).ok_or_else(wrong)?),
        _ => text.parse().map_err(|_| wrong())?,
    };
    if length < SignedDuration::from_secs(1) {
        return Err(wrong());
    }
    now.checked_add(length)
        .map(whole_second)
        .map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_end_after_now() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        assert_eq!(until(now, "12h").unwrap().as_second(), 1_043_200);
        assert_eq!(until(now, "30d").unwrap().as_second(), 3_592_000);
        for text in ["", "0s", "-1h", "x", "999999999999d", "1"] {
            assert!(until(now, text).is_err(), "{text}");
        }
    }
}
