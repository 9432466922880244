//! Which calendar was there when, whatever becomes of its copies.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A calendar that says that it is of this second.
fn said(serial: u64, word: i64) -> Calendar {
    let payload = |serial: u64| Digest::sha256(&serial.to_be_bytes());
    Calendar {
        payload: payload(serial),
        manifest: None,
        said: Err("not looked at".to_owned()),
        serial: Some(serial),
        previous: serial.checked_sub(1).filter(|it| *it > 0).map(payload),
        early: at(word),
        proof: None,
        claim: Some(at(word)),
        sure: true,
        revoked: false,
    }
}

fn proven(serial: u64, word: i64, proof: i64) -> Calendar {
    Calendar {
        early: at(word.min(proof)),
        proof: Some(at(proof)),
        claim: None,
        ..said(serial, word)
    }
}

fn held(all: impl IntoIterator<Item = Calendar>) -> Calendars {
    let mut calendars = Calendars {
        now: at(1000),
        ..Calendars::default()
    };
    all.into_iter().for_each(|one| calendars.add(one));
    calendars.lines = calendars.tops().map(|top| calendars.line(top)).collect();
    calendars
}

/// The serials that may have been in force at this second, 0 for none yet, and whether more is
/// not known.
fn asked(calendars: &Calendars, second: i64, claims: bool) -> (Vec<u64>, bool) {
    let applying = calendars.at(Moment {
        at: at(second),
        is_now: false,
        claims,
    });
    let mut serials: Vec<u64> = applying
        .calendars
        .iter()
        .filter_map(|it| it.serial)
        .collect();
    serials.extend(applying.none.then_some(0));
    serials.sort_unstable();
    (serials, !applying.doubts.is_empty())
}

#[test]
fn between_word_and_proof_a_calendar_may_have_been_there() {
    let late = held([proven(1, 100, 700)]);
    for claims in [false, true] {
        for (second, expected) in [
            (100, vec![0]),
            (101, vec![0, 1]),
            (700, vec![0, 1]),
            (701, vec![1]),
        ] {
            assert_eq!(asked(&late, second, claims), (expected, false), "{second}");
        }
    }
}

#[test]
fn neither_a_record_taken_off_nor_one_added_later_makes_a_calendar_younger() {
    let (own, late) = (proven(1, 100, 101), proven(1, 100, 700));
    for copies in [
        vec![own, late],
        vec![proven(1, 100, 700), proven(1, 100, 101)],
        vec![said(1, 100), proven(1, 100, 101)],
        vec![proven(1, 100, 101), said(1, 100)],
    ] {
        assert_eq!(asked(&held(copies), 102, false), (vec![1], false));
    }
    // Where only the word is left it may have been there, and where words count, it was.
    let bare = held([said(1, 100)]);
    assert_eq!(asked(&bare, 500, false), (vec![0, 1], false));
    assert_eq!(asked(&bare, 500, true), (vec![1], false));
    // A step of now is judged by what is at hand.
    let applying = bare.at(Moment {
        at: at(50),
        is_now: true,
        claims: false,
    });
    assert!(!applying.none && applying.calendars.len() == 1);
}

#[test]
fn what_names_a_calendar_was_made_after_it_and_proves_it() {
    let backdated = held([proven(1, 400, 400), said(2, 100)]);
    assert_eq!(asked(&backdated, 300, true), (vec![0], false));
    assert_eq!(asked(&backdated, 401, true), (vec![2], false));
    assert_eq!(asked(&backdated, 401, false), (vec![1, 2], false));
    // The second proves the first, and that it is genuine.
    let unsure = |serial, word| Calendar {
        sure: false,
        ..said(serial, word)
    };
    assert_eq!(
        asked(&held([unsure(1, 100)]), 500, true),
        (vec![0, 1], false)
    );
    let vouched = held([unsure(1, 100), proven(2, 400, 400)]);
    assert_eq!(asked(&vouched, 300, true), (vec![1], false));
    assert_eq!(asked(&vouched, 300, false), (vec![0, 1], false));
    assert_eq!(asked(&vouched, 401, false), (vec![2], false));
}

#[test]
fn a_gap_is_told_only_where_it_matters() {
    let gap = held([proven(1, 100, 100), proven(3, 500, 500)]);
    assert_eq!(asked(&gap, 501, false), (vec![3], false));
    assert_eq!(asked(&gap, 400, false), (vec![], true));
    // A number that does not count on is no link.
    let jump = Calendar {
        previous: Some(said(1, 100).payload),
        ..proven(9, 500, 500)
    };
    let jump = held([proven(1, 100, 100), jump]);
    assert_eq!(asked(&jump, 400, false), (vec![], true));
    assert_eq!(asked(&jump, 501, false), (vec![9], false));
}

#[test]
fn what_was_taken_back_is_passed_over_and_leads_on() {
    let revoked = |one| Calendar {
        revoked: true,
        ..one
    };
    let top = held([proven(1, 100, 100), revoked(proven(2, 200, 200))]);
    assert_eq!(asked(&top, 300, false), (vec![1], false));
    let middle = held([
        proven(1, 100, 100),
        revoked(proven(2, 200, 200)),
        proven(3, 400, 400),
    ]);
    assert_eq!(asked(&middle, 300, false), (vec![1], false));
    assert_eq!(asked(&middle, 401, false), (vec![3], false));
}
