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
        ..said(serial, word)
    }
}

/// One that only an ended key says was made.
fn unsure(serial: u64, word: i64) -> Calendar {
    Calendar {
        sure: false,
        ..said(serial, word)
    }
}

fn held(all: impl IntoIterator<Item = Calendar>) -> Calendars {
    let mut calendars = Calendars {
        now: at(1000),
        ..Calendars::default()
    };
    all.into_iter().for_each(|one| calendars.add(one));
    calendars.put_in_order();
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
    // Somebody may have taken the record off.
    for copies in [
        vec![proven(1, 100, 700)],
        vec![said(1, 100), proven(1, 100, 700)],
        vec![proven(1, 100, 700), said(1, 100)],
    ] {
        let late = held(copies);
        for (second, expected, with_claims) in [
            (100, vec![0], vec![0]),
            (101, vec![0, 1], vec![1]),
            (700, vec![0, 1], vec![1]),
            (701, vec![1], vec![1]),
        ] {
            assert_eq!(asked(&late, second, false), (expected, false), "{second}");
            assert_eq!(asked(&late, second, true), (with_claims, false), "{second}");
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
        let copies = held(copies);
        assert_eq!(asked(&copies, 102, false), (vec![1], false));
        assert_eq!(asked(&copies, 102, true), (vec![1], false));
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

#[test]
fn what_may_not_be_genuine_only_adds_to_what_may_have_been_in_force() {
    let other = |one: Calendar, name: &[u8]| Calendar {
        payload: Digest::sha256(name),
        ..one
    };
    let twins = |second, calendars: &Calendars| {
        let moment = Moment {
            at: at(second),
            is_now: false,
            claims: true,
        };
        calendars.at(moment).twins.is_some()
    };
    // Two of one serial, far above and backdated, and one that names nothing.
    let jumped = |name| Calendar {
        previous: None,
        ..other(unsure(9999, 150), name)
    };
    let genuine = || [proven(1, 100, 100), proven(2, 200, 200)];
    let thief = held(genuine().into_iter().chain([jumped(b"a"), jumped(b"b")]));
    for (second, expected) in [
        (120, vec![1]),
        (180, vec![1, 9999, 9999]),
        (300, vec![2, 9999, 9999]),
    ] {
        assert_eq!(asked(&thief, second, true), (expected, false), "{second}");
        assert!(!twins(second, &thief));
    }
    // Of the same serial or a lower one they are nothing.
    let beside = held(genuine().into_iter().chain([other(unsure(2, 150), b"x")]));
    assert_eq!(asked(&beside, 180, true), (vec![1], false));
    // Each of several in a row may be the first that is not genuine, and none is before what it names.
    let row = held(genuine().into_iter().chain([unsure(3, 150), unsure(4, 50)]));
    assert_eq!(asked(&row, 180, true), (vec![1], false));
    assert_eq!(asked(&row, 300, true), (vec![2, 3, 4], false));
}

#[test]
fn twins_are_certain_only_if_both_were_there() {
    let other = |one: Calendar| Calendar {
        payload: Digest::sha256(b"other"),
        ..one
    };
    let asked = |calendars: &Calendars, second, claims| {
        let moment = Moment {
            at: at(second),
            is_now: false,
            claims,
        };
        let applying = calendars.at(moment);
        (applying.twins.is_some(), !applying.doubts.is_empty())
    };
    let backdated = held([proven(1, 100, 100), other(said(1, 50))]);
    assert_eq!(asked(&backdated, 300, false), (false, true));
    assert_eq!(asked(&backdated, 300, true), (true, false));
    let both = held([proven(1, 100, 100), other(proven(1, 200, 200))]);
    assert_eq!(asked(&both, 300, false), (true, false));
    assert_eq!(asked(&both, 150, false), (false, false));
}

#[test]
fn a_record_taken_off_makes_none_older_either() {
    // Nothing in it says when it was made.
    let (proof, bare) = (
        Calendar {
            early: at(400),
            claim: None,
            ..proven(1, 400, 400)
        },
        Calendar {
            early: Timestamp::MIN,
            claim: None,
            ..said(1, 400)
        },
    );
    let copies = held([bare, proof]);
    for claims in [false, true] {
        assert_eq!(asked(&copies, 300, claims), (vec![0], false));
        assert_eq!(asked(&copies, 401, claims), (vec![1], false));
    }
}
