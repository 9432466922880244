//! Bounds for lists of packages in YAML 1.2, <https://yaml.org/spec/1.2.2/>.

use serde::de::DeserializeOwned;

/// What a text is read as; the reason says in which line it is something else.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH,
            max_documents: 1,
            max_inclusion_depth: 0,
            max_nodes: NODES,
            max_events: NODES,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map(|place| place.line());
        let line = line.map(|line| format!(", line {line}"));
        format!("not a lock file{}", line.unwrap_or_default())
    })
}

/// Levels. Stops files that exhaust the stack.
const DEPTH: usize = 32;
/// Maps, lists and scalars of one file, for which an environment of a thousand packages for six
/// platforms needs a third of a million. Stops many small things from filling the memory.
const NODES: usize = 5_000_000;
