//! Changed copies of timestamp tokens, DER: a bit of each field's header and content, and fields
//! deleted, doubled and swapped. A change says in which field of RFC 3161 and RFC 5652 it is.

use super::mutate::Sequence;

/// A value with a tag of one byte, which is all these structures use.
#[derive(Clone)]
struct Field {
    tag: u8,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Bytes(Vec<u8>),
    Fields(Vec<Field>),
}

/// The changes of a token, none if it is no DER.
pub(crate) fn changes(token: &[u8], sequence: &mut Sequence) -> Vec<(String, Vec<u8>)> {
    let Some((root, rest)) = Field::read(token) else {
        return Vec::new();
    };
    if !rest.is_empty() || root.written() != token {
        return Vec::new();
    }
    let mut out = vec![("trailing byte of token".to_owned(), [token, &[0]].concat())];
    let mut paths = Vec::new();
    root.collect(&mut Vec::new(), &mut paths);
    for (path, start, length) in positions(&root, &paths) {
        let name = name(&root, &path);
        let header = length - root.at(&path).content_length();
        for (part, from, to) in [("header", 0, header), ("content", header, length)] {
            let leaf = matches!(root.at(&path).content, Content::Bytes(_));
            if from == to || (part == "content" && !leaf) {
                continue;
            }
            for _ in 0..2 {
                let mut bytes = token.to_vec();
                bytes[start + from + sequence.below(to - from)] ^= 1 << sequence.below(8);
                out.push((format!("flip in {name}"), bytes));
            }
        }
        let Some((last, parent)) = path.split_last() else {
            continue;
        };
        let siblings = |change: &dyn Fn(&mut Vec<Field>)| {
            let mut copy = root.clone();
            if let Content::Fields(fields) = &mut copy.at_mut(parent).content {
                change(fields);
            }
            copy.written()
        };
        out.push((
            format!("delete {name}"),
            siblings(&|fields| drop(fields.remove(*last))),
        ));
        out.push((
            format!("twice {name}"),
            siblings(&|fields| fields.insert(*last, fields[*last].clone())),
        ));
        if *last > 0 {
            let swapped = siblings(&|fields| fields.swap(last - 1, *last));
            out.push((format!("earlier {name}"), swapped));
        }
    }
    out.retain(|(_, bytes)| bytes != token);
    out
}

impl Field {
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&tag, rest) = bytes.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (digits, more) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if digits.len() > 3 {
                return None;
            }
            length = digits
                .iter()
                .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            rest = more;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        let fields = (tag & 0x20 != 0).then(|| Self::all(content)).flatten();
        let content = match fields {
            Some(fields) => Content::Fields(fields),
            None => Content::Bytes(content.to_vec()),
        };
        Some((Self { tag, content }, rest))
    }

    fn all(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let (field, rest) = Self::read(bytes)?;
            fields.push(field);
            bytes = rest;
        }
        Some(fields)
    }

    fn written(&self) -> Vec<u8> {
        let content = match &self.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Fields(fields) => fields.iter().flat_map(Self::written).collect(),
        };
        let length = content.len();
        let mut out = vec![self.tag];
        if length < 0x80 {
            out.push(u8::try_from(length).unwrap());
        } else {
            let digits = length.to_be_bytes().into_iter().skip_while(|b| *b == 0);
            let digits: Vec<u8> = digits.collect();
            out.push(0x80 | u8::try_from(digits.len()).unwrap());
            out.extend(digits);
        }
        out.extend(content);
        out
    }

    fn content_length(&self) -> usize {
        match &self.content {
            Content::Bytes(bytes) => bytes.len(),
            Content::Fields(fields) => fields.iter().map(|field| field.written().len()).sum(),
        }
    }

    fn at(&self, path: &[usize]) -> &Self {
        path.iter().fold(self, |field, index| match &field.content {
            Content::Fields(fields) => &fields[*index],
            Content::Bytes(_) => field,
        })
    }

    fn at_mut(&mut self, path: &[usize]) -> &mut Self {
        let Some((first, rest)) = path.split_first() else {
            return self;
        };
        match &mut self.content {
            Content::Fields(fields) => fields[*first].at_mut(rest),
            Content::Bytes(_) => unreachable!("paths are of this token"),
        }
    }

    fn collect(&self, path: &mut Vec<usize>, out: &mut Vec<Vec<usize>>) {
        out.push(path.clone());
        if let Content::Fields(fields) = &self.content {
            for (index, field) in fields.iter().enumerate() {
                path.push(index);
                field.collect(path, out);
                path.pop();
            }
        }
    }
}

/// Where each field begins, and how long it is with its header.
fn positions(root: &Field, paths: &[Vec<usize>]) -> Vec<(Vec<usize>, usize, usize)> {
    let mut out: Vec<(Vec<usize>, usize, usize)> = Vec::new();
    for path in paths {
        let length = root.at(path).written().len();
        let start = match path.split_last() {
            None => 0,
            Some((0, parent)) => {
                let (_, start, length) = out.iter().rfind(|(other, ..)| other == parent).unwrap();
                start + length - root.at(parent).content_length()
            }
            Some((last, parent)) => {
                let before = [parent, &[last - 1]].concat();
                let (_, start, length) = out.iter().rfind(|(other, ..)| *other == before).unwrap();
                start + length
            }
        };
        out.push((path.clone(), start, length));
    }
    out
}

/// The field of `TimeStampResp` (RFC 3161 section 2.4.2) and `SignedData` (RFC 5652 section 5.1)
/// that a path leads into; what is below one of them is named like it.
fn name(root: &Field, path: &[usize]) -> &'static str {
    // A token alone is the second part of a response.
    let bare = matches!(&root.content, Content::Fields(fields) if fields.first().is_some_and(|first| first.tag == 0x06));
    let tag = |depth: usize| root.at(&path[..depth]).tag;
    let within = match (bare, path) {
        (false, []) => return "response",
        (false, [0, ..]) => return "status",
        (true, within) | (false, [_, within @ ..]) => within,
    };
    let above = path.len() - within.len();
    match within {
        [0, ..] => "content type",
        [] | [_] | [_, _] => "token",
        [_, _, 0, ..] => "version",
        [_, _, 1, ..] => "digest algorithms",
        [_, _, 2, ..] => "content",
        [_, _, _, ..] if tag(above + 3) == 0xa0 => "certificates",
        [_, _, _, ..] if tag(above + 3) == 0xa1 => "revocation lists",
        [_, _, _] | [_, _, _, _] => "signers",
        [_, _, _, _, 0, ..] => "signer's version",
        [_, _, _, _, 1, ..] => "signer's name",
        [_, _, _, _, 2, ..] => "signer's digest algorithm",
        [_, _, _, _, _, ..] => match tag(above + 5) {
            0xa0 => "signed attributes",
            0xa1 => "unsigned attributes",
            0x04 => "signer's signature",
            _ => "signer's signature algorithm",
        },
    }
}
