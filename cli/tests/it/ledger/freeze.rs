//! Freezes, as the people who set them and run into them see them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{codes, company, copy, hide, newest, release, the_scope, verified};
use crate::sandbox::Sandbox;

const KEY: &str = "--key alice.key --state keeper.json --yes";

/// The company, whose `alice` freezes too, with an image that waits for prod.
fn freezing() -> Sandbox {
    let sandbox = company();
    let policy = sandbox.read("policy/release.yaml");
    let policy = format!("{policy}freezes: {{by: [security]}}\n");
    sandbox.write("policy/release.yaml", &policy);
    sandbox.done("checkpoint --first --key alice.key --state keeper.json");
    sandbox
}

/// A local time in UTC, minutes from now.
fn local(minutes: i64) -> String {
    let time = Timestamp::now() + SignedDuration::from_mins(minutes);
    let local = time.to_zoned(TimeZone::UTC).datetime();
    local.strftime("%Y-%m-%dT%H:%M").to_string()
}

fn add(sandbox: &Sandbox, more: &str) -> Value {
    let line = format!("freeze add --env prod --zone UTC {more} {KEY} --output json");
    sandbox.done(&line).json()
}

#[test]
fn a_freeze_holds_steps_up_and_evicts_nothing() {
    let sandbox = freezing();
    let empty = sandbox.done("freeze list").data;
    assert!(empty.contains("nothing is frozen"), "{empty}");
    release(&sandbox, "image:1.0");
    let before = verified(&sandbox, 0);
    let steps = before["checks"].as_array().unwrap();
    let asked = steps.iter().filter(|check| check["name"] == "freeze");
    assert_eq!(asked.count(), 2, "{before}");

    let written = add(
        &sandbox,
        &format!(
            "--from {} --for 26h --exempt hotfix --reason year-end",
            local(-60)
        ),
    );
    assert_eq!(
        (&written["serial"], &written["checkpoint"]),
        (&json!(1), &json!(2))
    );
    let listed = newest(&sandbox.path("ledger"), &the_scope());
    assert_eq!(listed["freeze"]["digest"], written["payload"]);
    // What is in stays in, and is replayed from its pack.
    assert_eq!(verified(&sandbox, 0)["decision"], "allow");
    sandbox.done("evidence pack image:1.0 --env prod -o pack.tar");
    sandbox.done("evidence verify pack.tar");

    let other = sandbox.run("promote image:1.0 --to prod --key ci.key --output json");
    // It was promoted already, and would have to wait.
    assert_eq!(other.code, 4, "{}{}", other.data, other.talk);
    let told = sandbox.run("promote image:1.0 --to prod --key ci.key").data;
    assert!(told.contains("[frozen]"), "{told}");
    assert!(
        told.contains("prod is frozen until ") && told.contains(": year-end"),
        "{told}"
    );
    assert!(told.contains("wait until "), "{told}");
    // The owner's word on a step is asked for before anything is signed.
    let approve = sandbox.done("approve image:1.0 --to prod --key alice.key --yes");
    assert!(
        approve.talk.contains("frozen, calendar 1"),
        "{}",
        approve.talk
    );

    // A checkpoint that is renewed forgets no calendar.
    sandbox.done("checkpoint --key alice.key --state keeper.json");
    sandbox.done("revoke --attestation sha256:0000000000000000000000000000000000000000000000000000000000000000 --reason x --key alice.key --state keeper.json --yes");
    let listed = newest(&sandbox.path("ledger"), &the_scope());
    assert_eq!(
        (&listed["serial"], &listed["freeze"]["serial"]),
        (&json!(4), &json!(1))
    );

    sandbox.done(&format!("freeze remove 1 {KEY}"));
    // What is of this second was not there before the next one.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let thawed = sandbox.run("promote image:1.0 --to prod --key ci.key");
    assert_eq!(thawed.code, 0, "{}{}", thawed.data, thawed.talk);
    assert_eq!(
        newest(&sandbox.path("ledger"), &the_scope())["freeze"]["serial"],
        2
    );
}

#[test]
fn what_was_promoted_in_a_freeze_that_was_hidden_is_found_out() {
    let sandbox = freezing();
    copy(&sandbox.path("ledger"), &sandbox.path("before"));
    let written = add(
        &sandbox,
        &format!("--from {} --for 26h --reason x", local(-60)),
    );
    assert_eq!(written["serial"], 1);
    copy(&sandbox.path("ledger"), &sandbox.path("whole"));
    let swap = |name: &str| {
        std::fs::remove_dir_all(sandbox.path("ledger")).unwrap();
        copy(&sandbox.path(name), &sandbox.path("ledger"));
    };
    // The calendar is a second old, and whoever promotes is shown the ledger of before.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    swap("before");
    release(&sandbox, "image:1.0");
    swap("whole");
    let verdict = verified(&sandbox, 1);
    assert!(codes(&verdict).contains(&"frozen".to_owned()), "{verdict}");
    let why = sandbox.run("why --env prod image:1.0");
    assert_eq!(why.code, 1);
    assert!(
        why.data.contains("prod was frozen when the step was taken"),
        "{}",
        why.data
    );
    // Where only the calendar is missing, the checkpoint tells.
    hide(
        &sandbox.path("ledger"),
        &the_scope().descriptor().digest,
        "freeze/v1",
    );
    let verdict = verified(&sandbox, 3);
    assert!(
        codes(&verdict).contains(&"freeze-unknown".to_owned()),
        "{verdict}"
    );
    for command in [
        "freeze list",
        "freeze check --env prod",
        &format!("freeze renew {KEY}"),
    ] {
        let answer = sandbox.run(command);
        assert_eq!(answer.code, 3, "{}", answer.talk);
        assert!(answer.talk.contains("not in the ledger"), "{}", answer.talk);
    }
}

#[test]
fn a_calendar_is_shown_and_asked() {
    let sandbox = freezing();
    add(
        &sandbox,
        "--from 2076-12-18T18:00 --until 2077-01-04T08:00 --rrule FREQ=YEARLY --exempt hotfix --exempt rollback --reason year-end",
    );
    add(
        &sandbox,
        "--from 2076-01-06T09:00 --until 2076-01-06T17:00 --rrule FREQ=WEEKLY;BYDAY=MO,TU,WE,TH --open --extra-approvals 1 --reason office-hours --valid-for 20000d",
    );
    let listed = sandbox.done("freeze list --at 2076-12-24T12:00:00Z").data;
    assert!(
        listed.contains("calendar 2 of ledger://acme/pay"),
        "{listed}"
    );
    assert!(
        listed.contains("2076-12-18T18:00:00+00:00 to 2077-01-04T08:00:00+00:00 UTC"),
        "{listed}"
    );
    for (asked, code) in [
        ("--at 2076-12-24T12:00:00Z", 4),
        ("--at 2076-12-24T12:00:00Z --kind hotfix", 0),
        ("--at 2092-12-24T12:00:00Z", 3),
        ("--at 2076-12-01T12:00:00Z", 0),
        ("--at 2076-12-01T18:00:00Z", 4),
        ("--at 2076-12-04T12:00:00Z", 4),
    ] {
        let answer = sandbox.run(&format!("freeze check --env prod {asked}"));
        assert_eq!(answer.code, code, "{asked}: {}{}", answer.data, answer.talk);
    }
    let dev = sandbox.done("freeze check --env dev --at 2076-12-24T12:00:00Z");
    assert!(dev.data.contains("open"), "{}", dev.data);
    let answer = sandbox.run("freeze check --env prod --at 2076-12-24T12:00:00Z --output json");
    let said = answer.json();
    assert_eq!(said["reasons"], json!(["year-end"]));
    // The windows that are listed can be set again.
    let windows = sandbox.done("freeze show --output json").json();
    let windows: Vec<Value> = windows["windows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["window"].clone())
        .collect();
    sandbox.write("calendar.yaml", &json!({"windows": windows}).to_string());
    let set = sandbox
        .done(&format!("freeze set calendar.yaml {KEY} --output json"))
        .json();
    assert_eq!((&set["serial"], &set["windows"]), (&json!(3), &json!(2)));
    let renewed = sandbox
        .done(&format!("freeze renew {KEY} --output json"))
        .json();
    assert_eq!(
        (&renewed["serial"], &renewed["windows"]),
        (&json!(4), &json!(2))
    );
}

#[test]
fn what_cannot_be_a_calendar_is_refused() {
    let sandbox = freezing();
    let add = "freeze add --env prod --zone UTC --reason x --key alice.key --state keeper.json";
    for (what, message) in [
        ("--from 2076-12-18T18:00", "--until"),
        (
            "--from 2076-12-18T18:00+01:00 --for 1d",
            "without an offset",
        ),
        ("--from 2076-12-18T18:00 --for 1y", "is no length"),
        ("--from 2076-12-18T18:00 --for 400d", "at most 366 days"),
        (
            "--from 2076-12-18T18:00 --until 2076-12-18",
            "--until: it is not after the beginning",
        ),
        (
            "--from 2076-12-18 --for 1d --rrule FREQ=HOURLY",
            "is no recurrence",
        ),
        (
            "--from 2076-12-18 --for 1d --service nobody",
            "no service `nobody`",
        ),
        (
            "--from 2076-12-18 --for 1d --env moon",
            "no environment `moon`",
        ),
        ("--from 2076-12-18 --for 1d --extra-approvals 17", "1 to 16"),
        ("--from 2076-12-18 --for 1d", "nobody is there to ask"),
    ] {
        let answer = sandbox.run(&format!("{add} {what}"));
        assert_eq!(answer.code, 2, "{what}: {}", answer.talk);
        assert!(answer.talk.contains(message), "{what}: {}", answer.talk);
    }
    let moon = add.replace("UTC", "Moon/Tranquility");
    let answer = sandbox.run(&format!("{moon} --from 2076-12-18 --for 1d --yes"));
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(answer.talk.contains("no time zone"), "{}", answer.talk);
    let stranger = add.replace("alice.key", "ci.key");
    let answer = sandbox.run(&format!("{stranger} --from 2076-12-18 --for 1d --yes"));
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(answer.talk.contains("does not let"), "{}", answer.talk);
    for (file, message) in [
        (
            "windows: [{kind: closed, enviroments: []}]",
            "unknown field `enviroments`",
        ),
        ("window: []", "unknown field"),
        ("windows: [{kind: ajar}]", "ajar"),
    ] {
        sandbox.write("calendar.yaml", file);
        let answer = sandbox.run(&format!("freeze set calendar.yaml {KEY}"));
        assert_eq!(answer.code, 2, "{file}: {}", answer.talk);
        assert!(answer.talk.contains(message), "{file}: {}", answer.talk);
    }
    let answer = sandbox.run(&format!("freeze remove 1 {KEY}"));
    assert_eq!(answer.code, 2, "{}", answer.talk);
    let verdict = sandbox.run("verify --env prod image:1.0 --output json");
    assert!(
        codes(&verdict.json()["verdicts"][0]["verdict"]).contains(&"provenance-missing".into())
    );
}

#[test]
fn nothing_goes_on_from_what_only_an_ended_key_signed_unless_the_owner_says_so() {
    let sandbox = company();
    sandbox.new_key("thief");
    let end = Timestamp::now() + SignedDuration::from_secs(4);
    let keys = format!(
        "  release:\n    - key: {}\n    - key: {}\n      notAfter: {}\n",
        json!(sandbox.read("alice.pub")),
        json!(sandbox.read("thief.pub")),
        end.strftime("%Y-%m-%dT%H:%M:%SZ"),
    );
    let policy = sandbox.read("policy/release.yaml");
    let policy = policy.replacen("identities:\n", &format!("identities:\n{keys}"), 1);
    let policy = format!("{policy}freezes: {{by: [release]}}\n");
    sandbox.write("policy/release.yaml", &policy);
    sandbox.done("checkpoint --first --key alice.key --state keeper.json");
    let window = format!("--from {} --for 26h --reason x", local(-60));
    let genuine = add(&sandbox, &window)["payload"].clone();
    let genuine = genuine.as_str().unwrap();
    sandbox.write("none.yaml", "windows: []");
    let false_one = sandbox
        .done("freeze set none.yaml --key thief.key --yes --output json")
        .json();
    assert_eq!(false_one["serial"], 2);
    let false_one = false_one["payload"].as_str().unwrap();
    let left = end.duration_since(Timestamp::now()) + SignedDuration::from_secs(1);
    std::thread::sleep(left.try_into().unwrap_or_default());

    let listed = sandbox.done("freeze list").data;
    assert!(listed.contains("calendar 1 of"), "{listed}");
    let revoke = format!("bulla revoke --attestation {false_one}");
    assert!(listed.contains(&revoke), "{listed}");
    for change in ["renew", "remove 1", "set none.yaml"] {
        let answer = sandbox.run(&format!("freeze {change} {KEY}"));
        assert_eq!(answer.code, 2, "{}", answer.talk);
        for hint in [&revoke, &format!("--over {genuine}")] {
            assert!(answer.talk.contains(hint), "{}", answer.talk);
        }
    }
    let asked = sandbox.run("freeze check --env prod");
    assert_eq!(asked.code, 3, "{}", asked.talk);
    let renewed = sandbox
        .done(&format!(
            "freeze renew --over {genuine} {KEY} --output json"
        ))
        .json();
    assert_eq!(
        (&renewed["serial"], &renewed["windows"]),
        (&json!(2), &json!(1))
    );
    let listed = sandbox.done("freeze list").data;
    assert!(!listed.contains("genuine"), "{listed}");
    let answer = sandbox.run(&format!("freeze renew --over {false_one} {KEY}"));
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert_eq!(sandbox.run("freeze check --env prod").code, 4);
}

#[test]
fn whoever_remembers_a_ledger_adds_nothing_to_an_older_one() {
    let sandbox = freezing();
    copy(&sandbox.path("ledger"), &sandbox.path("before"));
    let window = format!("--from {} --for 26h --reason x", local(-60));
    add(&sandbox, &window);
    std::fs::remove_dir_all(sandbox.path("ledger")).unwrap();
    copy(&sandbox.path("before"), &sandbox.path("ledger"));
    let held = || {
        std::fs::read_dir(sandbox.path("ledger/blobs/sha256"))
            .unwrap()
            .count()
    };
    let before = held();
    for command in [
        format!("freeze add --env prod --zone UTC {window} {KEY}"),
        format!("freeze add --env prod --zone UTC {window} {KEY} --no-checkpoint"),
        "freeze list --state keeper.json".to_owned(),
        "freeze check --env prod --state keeper.json".to_owned(),
    ] {
        let answer = sandbox.run(&command);
        assert_eq!(answer.code, 12, "{command}: {}", answer.talk);
        assert!(answer.talk.contains("was seen before"), "{}", answer.talk);
    }
    assert_eq!(held(), before);
}

#[test]
fn the_checkpoint_that_first_lists_a_calendar_is_kept() {
    let sandbox = freezing();
    let window = format!("--from {} --for 26h --reason x", local(-60));
    add(&sandbox, &window);
    let mut removed = Vec::new();
    for _ in 0..3 {
        let line = "checkpoint --key alice.key --state keeper.json --keep 0 --output json";
        removed.push(sandbox.done(line).json()["removed"].clone());
    }
    // 1 goes; before 3 there is only 2, which stays; then 3 goes.
    assert_eq!(removed, [json!(1), json!(0), json!(1)]);
    sandbox.done(&format!("freeze renew {KEY}"));
    let line = "checkpoint --key alice.key --state keeper.json --keep 0 --output json";
    // 4 and 5 go, 6 lists the next calendar.
    let removed = sandbox.done(line).json()["removed"].clone();
    assert_eq!(removed, json!(2));
}

#[test]
fn what_follows_one_of_two_calendars_keeps_the_windows_of_both() {
    let sandbox = freezing();
    let [ledger, before, other] = ["ledger", "before", "other"].map(|it| sandbox.path(it));
    copy(&ledger, &before);
    let line = format!(
        "freeze add --env prod --zone UTC --from {} --for 26h",
        local(-60)
    );
    let twin = |reason: &str| {
        let line =
            format!("{line} --reason {reason} --key alice.key --no-checkpoint --yes --output json");
        sandbox.done(&line).json()["payload"].clone()
    };
    let first = twin("one");
    copy(&ledger, &other);
    std::fs::remove_dir_all(&ledger).unwrap();
    copy(&before, &ledger);
    twin("another");
    // Somebody showed the owner two ledgers, and there is only one.
    let manifests = |name: &str| -> Vec<Value> {
        let index: Value = serde_json::from_str(&sandbox.read(name)).unwrap();
        index["manifests"].as_array().unwrap().clone()
    };
    let mut all = manifests("ledger/index.json");
    let more = manifests("other/index.json");
    all.extend(
        more.into_iter()
            .filter(|one| !all.contains(one))
            .collect::<Vec<_>>(),
    );
    copy(&other.join("blobs"), &ledger.join("blobs"));
    let index = json!({"schemaVersion": 2, "manifests": all});
    sandbox.write("ledger/index.json", &index.to_string());

    let asked = sandbox.done("freeze list").data;
    assert!(
        asked.contains("one") && asked.contains("another"),
        "{asked}"
    );
    let first = first.as_str().unwrap();
    let line = format!("freeze renew --over {first} {KEY} --output json");
    let next = sandbox.done(&line);
    assert!(
        next.talk.contains("2 calendars of one serial"),
        "{}",
        next.talk
    );
    let next = next.json();
    assert_eq!((&next["serial"], &next["windows"]), (&json!(2), &json!(2)));
}

#[test]
fn events_of_other_calendars_become_windows() {
    let sandbox = freezing();
    let day = |days: i64| {
        let time = Timestamp::now() + SignedDuration::from_hours(24 * days);
        time.strftime("%Y%m%d").to_string()
    };
    let good = format!(
        "BEGIN:VEVENT\r\nUID:a\r\nSUMMARY:Christmas\r\nDTSTART;VALUE=DATE:{}\r\n\
         DTEND;VALUE=DATE:{}\r\nEND:VEVENT\r\n",
        day(-1),
        day(2)
    );
    let odd = "BEGIN:VEVENT\r\nUID:b\r\nDTSTART:20760105T090000Z\r\nDURATION:PT1H\r\n\
               RRULE:FREQ=\u{1b}[31mHOURLY\r\nEND:VEVENT\r\n";
    let calendar = |events: &str| format!("BEGIN:VCALENDAR\r\n{events}END:VCALENDAR\r\n");
    sandbox.write("all.ics", &calendar(&format!("{good}{odd}")));
    let import = format!("freeze import all.ics --env prod --exempt hotfix {KEY}");
    // A day is one of some time zone.
    let answer = sandbox.run(&import);
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(
        answer
            .talk
            .contains("all.ics:5: its times have no time zone"),
        "{}",
        answer.talk
    );
    let import = format!("{import} --zone UTC");
    let answer = sandbox.run(&import);
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(answer.talk.contains("all.ics:12: "), "{}", answer.talk);
    assert!(answer.talk.contains("--skip-unusable"), "{}", answer.talk);
    assert!(!answer.talk.contains('\u{1b}'), "{}", answer.talk);
    let added = sandbox.done(&format!("{import} --skip-unusable --output json"));
    assert!(
        added.talk.contains("skipped all.ics:12: "),
        "{}",
        added.talk
    );
    assert!(!added.talk.contains('\u{1b}'), "{}", added.talk);
    assert_eq!(added.json()["windows"], 1);
    let asked = sandbox.run("freeze check --env prod --output json");
    assert_eq!(asked.code, 4, "{}", asked.talk);
    assert_eq!(asked.json()["reasons"], json!(["Christmas (a)"]));
    assert_eq!(sandbox.run("freeze check --env prod --kind hotfix").code, 0);
    // Once more is nothing new.
    let answer = sandbox.run(&format!("{import} --skip-unusable"));
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(answer.talk.contains("adds no window"), "{}", answer.talk);
    sandbox.write("broken.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n");
    let answer = sandbox.run(&import.replace("all.ics", "broken.ics"));
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(
        answer.talk.contains("broken.ics: line 2 is the last one"),
        "{}",
        answer.talk
    );
}
