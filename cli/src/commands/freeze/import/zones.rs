//! Whether a file means the same as everybody by the name of a time zone.
//!
//! Implements of RFC 5545, section 3.6.5, what it takes to see that a definition contradicts the name.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::ics::Observance;
use super::shown;

/// Until when the changes of a time zone are looked at: rules without an end never end.
const UNTIL: i64 = 4_000_000_000;

/// Refuses a name of which the file says, for its latest standard time or summer time, an offset that
/// the zone of that name never had since 1970.
pub(super) fn agree(said: &[Observance], name: &str, zone: &TimeZone) -> Result<(), String> {
    for is_summer in [false, true] {
        let own = said
            .iter()
            .filter(|one| one.zone == name && one.is_summer == is_summer);
        let Some(latest) = own.max_by_key(|one| one.since.as_str()) else {
            continue;
        };
        let offset = seconds(&latest.offset);
        if offset.is_none_or(|offset| !had(zone, offset)) {
            let (name, offset) = (shown(name), shown(&latest.offset));
            return Err(format!(
                "line {} says that `{name}` is at {offset}, where it never was: say which time zone is meant with --zone-for '{name}=Europe/Berlin'",
                latest.line
            ));
        }
    }
    Ok(())
}

fn had(zone: &TimeZone, offset: i32) -> bool {
    if zone.to_offset(Timestamp::UNIX_EPOCH).seconds() == offset {
        return true;
    }
    let mut changes = zone
        .following(Timestamp::UNIX_EPOCH)
        .take_while(|change| change.timestamp().as_second() < UNTIL);
    changes.any(|change| change.offset().seconds() == offset)
}

/// `+0530`, `-0800` or `+005328` in seconds.
fn seconds(text: &str) -> Option<i32> {
    let (sign, digits) = match text.as_bytes().split_first()? {
        (b'+', digits) => (1, digits),
        (b'-', digits) => (-1, digits),
        _ => return None,
    };
    if !matches!(digits.len(), 4 | 6) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let part = |pair: &[u8]| std::str::from_utf8(pair).ok()?.parse::<i32>().ok();
    let mut parts = digits.chunks(2).map(part);
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let rest = parts.next().unwrap_or(Some(0))?;
    Some(sign * (hours * 3600 + minutes * 60 + rest))
}
