//! Changed copies of a JSON document: every field flipped, deleted, emptied, doubled and swapped,
//! every kind of byte behind base64 flipped, and parts of other documents spliced in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use bulla_model::Digest;
use serde_json::{Map, Value, json};

use super::splice::splices;
use super::token;

/// One changed copy.
pub(crate) struct Mutant {
    /// Where it differs, with indexes replaced by `*`.
    pub(crate) place: String,
    /// How it differs.
    pub(crate) change: String,
    /// Whether what was spliced in is of a bundle with the same signature.
    pub(crate) same_signature: bool,
    pub(crate) bytes: Vec<u8>,
}

/// A fixed sequence of numbers (xorshift64*), so that every run makes the same mutants.
pub(crate) struct Sequence(u64);

impl Sequence {
    /// The sequence of this name.
    pub(crate) fn of(name: &str) -> Self {
        let digest = hex::decode(Digest::sha256(name.as_bytes()).hex()).unwrap();
        Self(u64::from_be_bytes(digest[..8].try_into().unwrap()) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        usize::try_from(number).unwrap() % bound.max(1)
    }
}

/// The bytes of a text in any spelling of base64 that readers accept.
pub(crate) fn any_base64(text: &str) -> Option<Vec<u8>> {
    let standard = text.replace('-', "+").replace('_', "/");
    let bytes = STANDARD_NO_PAD
        .decode(standard.trim_end_matches('='))
        .ok()?;
    (bytes.len() > 8).then_some(bytes)
}

/// A step into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
}

/// Members that hold timestamps: a bundle's, and those of witness's signatures.
const TOKENS: &[&str] = &["signedTimestamp", "data"];

/// Every `step`th mutant of a document, and splice of the others into it.
pub(crate) fn mutants(
    document: &Value,
    others: &[&Value],
    sequence: &mut Sequence,
    step: usize,
) -> Vec<Mutant> {
    let mut out = Sample::every(step);
    let mut paths = Vec::new();
    collect(document, &mut Vec::new(), &mut paths);
    for path in &paths {
        let node = look(document, path).unwrap();
        let mut add = |change: &str, value: &dyn Fn() -> Value| {
            out.add(|| Mutant {
                place: shown(path),
                change: change.to_owned(),
                same_signature: false,
                bytes: value().to_string().into_bytes(),
            });
        };
        if !path.is_empty() {
            add("delete", &|| without(document, path));
        }
        let is_token = matches!(path.last(), Some(Step::Member(name)) if TOKENS.contains(&&**name));
        let token = node.as_str().filter(|_| is_token);
        let token = token.map(|text| STANDARD.decode(text).unwrap());
        for (change, bytes) in token.iter().flat_map(|it| token::changes(it, sequence)) {
            let value = json!(STANDARD.encode(bytes));
            add(&change, &|| replaced(document, path, value.clone()));
        }
        for (change, value) in changes(node, sequence) {
            // Which field of a token it is in is said above.
            if value != *node && !(is_token && change == "flip") {
                add(&change, &|| replaced(document, path, value.clone()));
            }
        }
        if let Some((_, name)) = last_member(path) {
            out.add(|| doubled(document, path, name));
        }
    }
    for other in others {
        splices(document, other, &mut out);
    }
    for mutant in &mut out.mutants {
        // Bundles in lists of them are bundles.
        if let Some((_, place)) = mutant.place.split_once(".bundle.") {
            mutant.place = place.to_owned();
        }
    }
    out.mutants
}

/// Every so manieth mutant; the others are not even made.
pub(super) struct Sample {
    step: usize,
    seen: usize,
    mutants: Vec<Mutant>,
}

impl Sample {
    fn every(step: usize) -> Self {
        Self {
            step,
            seen: 0,
            mutants: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, make: impl FnOnce() -> Mutant) {
        if self.seen.is_multiple_of(self.step) {
            self.mutants.push(make());
        }
        self.seen += 1;
    }
}

fn collect(node: &Value, path: &mut Vec<Step>, out: &mut Vec<Vec<Step>>) {
    out.push(path.clone());
    match node {
        Value::Object(members) => {
            for (name, value) in members {
                path.push(Step::Member(name.clone()));
                collect(value, path, out);
                path.pop();
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                path.push(Step::Element(index));
                collect(value, path, out);
                path.pop();
            }
        }
        _ => {}
    }
}

fn changes(node: &Value, sequence: &mut Sequence) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    for (change, value) in [
        ("null", Value::Null),
        ("no text", json!("")),
        ("no elements", json!([])),
        ("no members", json!({})),
    ] {
        out.push((change.to_owned(), value));
    }
    match node {
        Value::String(text) => strings(text, sequence, &mut out),
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or_default();
            out.push(("plus one".to_owned(), json!(number.wrapping_add(1))));
            out.push(("minus one".to_owned(), json!(number.wrapping_sub(1))));
        }
        Value::Bool(value) => out.push(("inverted".to_owned(), json!(!value))),
        Value::Array(elements) => arrays(elements, &mut out),
        Value::Object(members) => objects(members, &mut out),
        Value::Null => {}
    }
    out
}

fn strings(text: &str, sequence: &mut Sequence, out: &mut Vec<(String, Value)>) {
    let mut add = |change: &str, text: String| out.push((change.to_owned(), Value::String(text)));
    if let Ok(number) = text.parse::<i64>() {
        add("plus one", number.wrapping_add(1).to_string());
        add("minus one", number.wrapping_sub(1).to_string());
        if number != 0 {
            add("negative", format!("-{text}"));
        }
        add("leading zero", format!("0{text}"));
        return;
    }
    if let Some(bytes) = STANDARD.decode(text).ok().filter(|bytes| bytes.len() > 8) {
        add("url-safe", URL_SAFE.encode(&bytes));
        add("without padding", text.trim_end_matches('=').to_owned());
        add("cut", STANDARD.encode(&bytes[..bytes.len() - 1]));
        add("longer", STANDARD.encode([bytes.as_slice(), &[0]].concat()));
        let last = bytes.len() - 1;
        let mut places = vec![0, 1, last / 4, last / 2, 3 * last / 4, last];
        places.extend((0..6).map(|_| sequence.below(bytes.len())));
        for place in places {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << sequence.below(8);
            add("flip", STANDARD.encode(changed));
        }
        if let Ok(inner) = serde_json::from_slice::<Value>(&bytes) {
            inside(&inner, sequence, out);
        }
        return;
    }
    if text.is_empty() {
        add("some text", "AAAA".to_owned());
        return;
    }
    if text.starts_with("-----BEGIN ") {
        pem(text, sequence, &mut add);
        return;
    }
    if text.contains('\n') {
        note(text, &mut add);
        return;
    }
    let letters: Vec<char> = text.chars().collect();
    for place in [0, letters.len() / 2, letters.len() - 1] {
        let mut changed = letters.clone();
        changed[place] = if changed[place] == 'x' { 'y' } else { 'x' };
        add("flip", changed.into_iter().collect());
    }
    add("cut", letters[..letters.len() - 1].iter().collect());
    add("longer", format!("{text}x"));
    add("upper case", text.to_uppercase());
}

/// Signed notes (<https://c2sp.org/signed-note>): what is changed says in which part it is, because
/// the text is signed, and of the signatures below it only the log's own counts.
fn note(text: &str, add: &mut impl FnMut(&str, String)) {
    let lines: Vec<&str> = text.split('\n').collect();
    let blank = lines.iter().position(|line| line.is_empty());
    let Some(blank) = blank.filter(|at| at + 1 < lines.len()) else {
        return;
    };
    // The log's own signature is the first one under the name the text begins with; witnesses have
    // other names.
    let own = format!("\u{2014} {} ", lines[0]);
    let own = lines.iter().position(|line| line.starts_with(&own));
    let part = |index: usize| match index {
        _ if index < blank => "text",
        _ if index == blank => "blank line",
        _ if Some(index) == own => "log's signature",
        _ => "other signature",
    };
    for index in 0..lines.len() {
        let part = part(index);
        let mut fewer = lines.clone();
        fewer.remove(index);
        add(&format!("{part} deleted"), fewer.join("\n"));
        let mut more = lines.clone();
        more.insert(index, lines[index]);
        add(&format!("{part} twice"), more.join("\n"));
        if index > blank + 1 {
            let mut swapped = lines.clone();
            swapped.swap(index - 1, index);
            add("signatures swapped", swapped.join("\n"));
        } else if index > 0 {
            let mut swapped = lines.clone();
            swapped.swap(index - 1, index);
            add(&format!("{part} earlier"), swapped.join("\n"));
        }
        let letters: Vec<char> = lines[index].chars().collect();
        let name = lines[index].rfind(' ').filter(|_| index > blank);
        let name = name.map_or(0, |end| lines[index][..end].chars().count());
        for place in [
            0,
            name / 2,
            name + 1,
            name + 8,
            letters.len() / 2,
            letters.len(),
        ] {
            let Some(place) = place.checked_sub(usize::from(place == letters.len())) else {
                continue;
            };
            let Some(letter) = letters.get(place) else {
                continue;
            };
            let mut changed = letters.clone();
            changed[place] = if *letter == 'x' { 'y' } else { 'x' };
            let changed: String = changed.into_iter().collect();
            let mut all = lines.clone();
            all[index] = &changed;
            let what = if place < name {
                "name of a signature"
            } else {
                part
            };
            add(&format!("{what} changed"), all.join("\n"));
        }
    }
    add(
        "final newline deleted",
        text.trim_end_matches('\n').to_owned(),
    );
    add("longer", format!("{text}x"));
}

/// Certificates as text: lines deleted and doubled, and characters changed.
fn pem(text: &str, sequence: &mut Sequence, add: &mut impl FnMut(&str, String)) {
    let lines: Vec<&str> = text.lines().collect();
    for index in [0, 1, lines.len() / 2, lines.len() - 1] {
        let mut fewer = lines.clone();
        fewer.remove(index);
        add("line deleted", fewer.join("\n"));
        let mut more = lines.clone();
        more.insert(index, lines[index]);
        add("line twice", more.join("\n"));
    }
    for _ in 0..12 {
        let mut bytes = text.as_bytes().to_vec();
        let place = sequence.below(bytes.len());
        bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
        add("flip", String::from_utf8(bytes).unwrap());
    }
    add("text twice", format!("{text}{text}"));
    add("final newline deleted", text.trim_end().to_owned());
    add("no text", String::new());
}

/// A document inside base64: each of its leaves is changed, and it is written otherwise.
fn inside(inner: &Value, sequence: &mut Sequence, out: &mut Vec<(String, Value)>) {
    let encode = |value: &Value| json!(STANDARD.encode(value.to_string()));
    let pretty = serde_json::to_vec_pretty(inner).unwrap();
    out.push((
        "written otherwise".to_owned(),
        json!(STANDARD.encode(pretty)),
    ));
    let mut paths = Vec::new();
    collect(inner, &mut Vec::new(), &mut paths);
    for path in paths.iter().filter(|path| !path.is_empty()) {
        let place = shown(path);
        out.push((format!("delete {place}"), encode(&without(inner, path))));
        let node = look(inner, path).unwrap();
        let other = match node {
            Value::String(text) => json!(format!("{text}x")),
            Value::Number(_) => json!(sequence.below(1000)),
            _ => continue,
        };
        out.push((
            format!("change {place}"),
            encode(&replaced(inner, path, other)),
        ));
    }
}

fn arrays(elements: &[Value], out: &mut Vec<(String, Value)>) {
    for (index, element) in elements.iter().enumerate() {
        let mut more = elements.to_vec();
        more.insert(index, element.clone());
        out.push(("element twice".to_owned(), json!(more)));
        if index > 0 {
            let mut swapped = elements.to_vec();
            swapped.swap(index - 1, index);
            out.push(("elements swapped".to_owned(), json!(swapped)));
        }
    }
    let many = vec![elements.first().cloned().unwrap_or_default(); 200];
    out.push(("200 elements".to_owned(), json!(many)));
}

fn objects(members: &Map<String, Value>, out: &mut Vec<(String, Value)>) {
    let mut more = members.clone();
    more.insert("unheardOf".to_owned(), json!({"a": [1]}));
    out.push(("unknown member".to_owned(), json!(more)));
    let names: Vec<&String> = members.keys().collect();
    for pair in names.windows(2) {
        let mut swapped = members.clone();
        swapped.insert(pair[0].clone(), members[pair[1]].clone());
        swapped.insert(pair[1].clone(), members[pair[0]].clone());
        let change = format!("{} and {} swapped", pair[0], pair[1]);
        out.push((change, json!(swapped)));
    }
}

/// The document with a member written twice, the same value both times.
fn doubled(document: &Value, path: &[Step], name: &str) -> Mutant {
    let mut copy = document.clone();
    let parent = look_mut(&mut copy, &path[..path.len() - 1]).unwrap();
    let members = parent.as_object_mut().unwrap();
    let value = members[name].clone();
    members.insert("SECOND".to_owned(), value);
    let text = copy
        .to_string()
        .replace("\"SECOND\"", &format!("\"{name}\""));
    Mutant {
        place: shown(path),
        change: "member twice".to_owned(),
        same_signature: false,
        bytes: text.into_bytes(),
    }
}

fn look<'a>(node: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(node, |node, step| match step {
        Step::Member(name) => node.get(name),
        Step::Element(index) => node.get(index),
    })
}

fn look_mut<'a>(node: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(node, |node, step| match step {
        Step::Member(name) => node.get_mut(name),
        Step::Element(index) => node.get_mut(index),
    })
}

fn replaced(document: &Value, path: &[Step], value: Value) -> Value {
    let mut copy = document.clone();
    *look_mut(&mut copy, path).unwrap() = value;
    copy
}

fn without(document: &Value, path: &[Step]) -> Value {
    let mut copy = document.clone();
    let (last, parent) = path.split_last().unwrap();
    let parent = look_mut(&mut copy, parent).unwrap();
    match last {
        Step::Member(name) => drop(parent.as_object_mut().unwrap().remove(name)),
        Step::Element(index) => drop(parent.as_array_mut().unwrap().remove(*index)),
    }
    copy
}

fn last_member(path: &[Step]) -> Option<(&[Step], &str)> {
    match path.split_last() {
        Some((Step::Member(name), parent)) => Some((parent, name)),
        _ => None,
    }
}

fn shown(path: &[Step]) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Member(name) => name.as_str(),
        Step::Element(_) => "*",
    });
    steps.collect::<Vec<_>>().join(".")
}
