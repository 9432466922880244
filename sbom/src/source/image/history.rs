//! Where a base image ends, as far as the history of an image tells.
//!
//! OCI image specification v1.1.1, `history`,
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties>. Nothing there names
//! the base. Published bases end with the command they run by default, and those of Debian with the
//! one layer that its tool makes; what is built on them adds layers after that. It is a guess: a
//! build that sets its command in the middle looks the same.

use serde::Deserialize;

/// One step of a build.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Step {
    created_by: Option<String>,
    comment: Option<String>,
    empty_layer: Option<bool>,
}

impl Step {
    fn makes_layer(&self) -> bool {
        !self.empty_layer.unwrap_or(false)
    }

    fn ends_a_base(&self) -> bool {
        let made = self.created_by.as_deref().unwrap_or_default();
        // BuildKit writes the instruction, older builders a comment in a shell with it.
        let instruction = made
            .rsplit("#(nop)")
            .next()
            .unwrap_or_default()
            .trim_start();
        let sets_command = !self.makes_layer()
            && ["CMD ", "CMD[", "ENTRYPOINT "]
                .iter()
                .any(|word| instruction.starts_with(word));
        let comment = self.comment.as_deref().unwrap_or_default();
        sets_command || (self.makes_layer() && comment.starts_with("debuerreotype"))
    }
}

/// The number of layers up to the last end of a base after which there are more; `None` if there is
/// no such end, or the history is not that of these layers.
pub(super) fn base(history: &[Step], layers: usize) -> Option<usize> {
    let mut made = 0usize;
    let mut base = None;
    for step in history {
        if step.makes_layer() {
            made = made.saturating_add(1);
        }
        if made > 0 && made < layers && step.ends_a_base() {
            base = Some(made);
        }
    }
    base.filter(|_| made == layers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(created_by: &str, empty_layer: bool) -> Step {
        Step {
            created_by: Some(created_by.to_owned()),
            comment: None,
            empty_layer: Some(empty_layer),
        }
    }

    #[test]
    fn a_base_ends_with_its_last_command() {
        let built = [
            step("ADD file:0 in / ", false),
            step("/bin/sh -c #(nop)  CMD [\"bash\"]", true),
            step("RUN /bin/sh -c apt-get install -y node # buildkit", false),
            step("CMD [\"node\"]", true),
            step("COPY . /app # buildkit", false),
            step("RUN npm ci # buildkit", false),
            step("ENTRYPOINT [\"/app/run\"]", true),
        ];
        assert_eq!(base(&built, 4), Some(2));
        // Three layers are not what this history made.
        assert_eq!(base(&built, 3), None);
        // A base alone is not built on another.
        assert_eq!(base(&built[..2], 1), None);
        assert_eq!(base(&built[..4], 2), Some(1));
    }

    #[test]
    fn layers_of_debians_tool_are_bases_without_a_command() {
        let mut debian = step("# debian.sh --arch 'amd64' out/ 'bookworm'", false);
        debian.comment = Some("debuerreotype 0.15".to_owned());
        let built = [debian, step("COPY CMD /bin # buildkit", false)];
        assert_eq!(base(&built, 2), Some(1));
    }

    #[test]
    fn a_history_that_says_nothing_gives_no_base() {
        assert_eq!(base(&[], 2), None);
        let built = [step("a", false), step("b CMD ", false)];
        assert_eq!(base(&built, 2), None);
    }
}
