use super::*;

fn digest() -> Digest {
    Digest::sha256(b"the image")
}

fn request(reviews: Vec<Review>) -> Request {
    let patch = format!(
        "@@ -1,2 +1,2 @@\n image: pay\n-digest: old\n+digest: {}",
        digest()
    );
    Request {
        commit: "ab".repeat(20),
        objection: None,
        author: 7,
        since: Some("2026-03-02T09:00:00Z".parse().unwrap()),
        files: vec![Changed {
            path: "prod/pay.yaml".to_owned(),
            patch,
        }],
        is_cut: false,
        reviews,
    }
}

fn review(account: u64) -> Review {
    Review {
        account,
        name: format!("user{account}"),
        page: String::new(),
        at: Some("2026-03-02T10:00:00Z".parse().unwrap()),
        word: Word::Approved,
        is_user: true,
        commit: Some("ab".repeat(20)),
    }
}

/// Why the second of two reviews is left out, after a change.
fn left_out(change: impl FnOnce(&mut Review)) -> Option<&'static str> {
    let mut other = review(19);
    change(&mut other);
    let request = request(vec![review(17), other]);
    let judged = request.judge();
    assert!(judged.good.iter().any(|(one, _)| one.account == 17));
    judged.left_out.first().map(|(_, reason)| *reason)
}

#[test]
fn a_review_is_a_yes_of_another_user_to_the_commit() {
    assert_eq!(left_out(|_| {}), None);
    assert_eq!(left_out(|one| one.account = 7), Some("opened the request"));
    assert_eq!(left_out(|one| one.is_user = false), Some("is no user"));
    let other = Some("reviewed another commit");
    assert_eq!(left_out(|one| one.commit = Some("cd".repeat(20))), other);
    assert_eq!(left_out(|one| one.commit = None), other);
    let word = |word| left_out(move |one| one.word = word);
    assert_eq!(word(Word::Dismissed), Some("the review was dismissed"));
    assert_eq!(word(Word::ChangesRequested), Some("asked for changes"));
    assert!(
        left_out(|one| one.at = None)
            .unwrap()
            .contains("does not say when")
    );
    let early = "2026-03-02T08:59:59Z".parse().unwrap();
    let reason = left_out(|one| one.at = Some(early));
    assert_eq!(reason, Some("reviewed it before it was changed"));
}

#[test]
fn of_each_account_the_last_word_counts() {
    let mut no = review(17);
    no.word = Word::ChangesRequested;
    let judged = |reviews: Vec<Review>| request(reviews).judge().good.len();
    assert_eq!(judged(vec![review(17), no.clone()]), 0);
    assert_eq!(judged(vec![no, review(17)]), 1);
    assert_eq!(judged(vec![review(17), review(17), review(19)]), 2);
}

#[test]
fn a_request_is_about_a_digest_that_it_adds_to_a_file() {
    let file = |change: &dyn Fn(&mut Request)| {
        let mut request = request(Vec::new());
        change(&mut request);
        let found = request.file_with(&digest(), |path| path.starts_with("prod/"));
        found.map(|file| file.map(str::to_owned))
    };
    let text = digest().to_string();
    assert_eq!(file(&|_| {}).unwrap().unwrap(), "prod/pay.yaml");
    let patched = |patch: &str| {
        let patch = patch.replace("DIGEST", &text);
        file(&|request| request.files[0].patch.clone_from(&patch)).unwrap()
    };
    assert!(patched("+image: \"pay@DIGEST\"").is_some());
    for patch in [
        "",
        " DIGEST",
        "-DIGEST",
        "DIGEST",
        "+DIGESTab",
        "+xDIGEST",
        "+sha256:ab",
    ] {
        assert!(patched(patch).is_none(), "{patch}");
    }
    let moved = file(&|request| request.files[0].path = "staging/pay.yaml".to_owned());
    assert!(moved.unwrap().is_none());
    // What the platform does not show may be there.
    let cut = file(&|request| {
        request.is_cut = true;
        request.files.clear();
    });
    assert!(cut.is_err());
}

#[test]
fn a_token_is_in_no_error() {
    for kind in [PlatformKind::GitHub, PlatformKind::GitLab] {
        for token in [
            Token::Own(Secret::new("geheim")),
            Token::Job(Secret::new("geheim")),
        ] {
            let headers = headers(kind, Some(&token));
            assert_eq!(headers.len(), 1);
            assert!(headers.values().all(HeaderValue::is_sensitive));
            let url = Url::parse("https://api.example.test/").unwrap();
            let call = Call::get(Service::CodePlatform, url).with_headers(&headers);
            let answer = Answer::for_tests(401, None, r#"{"message": "no geheim here"}"#);
            let said = call.refused(&answer).to_string();
            assert!(!said.contains("geheim"), "{said}");
        }
    }
}
