//! The stage: a folder of the demo's own, and commands run in it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::commands::Context;
use crate::failure::FailureKind;
use crate::render::{Cell, Page};
use crate::{Exit, Failure};

/// Says that a folder is the demo's, so that it may be emptied.
const MARKER: &str = ".bulla-demo";

/// The policy's place, as every deciding command is told.
const TRUST: [&str; 4] = ["--policy", "policy", "--anchor", "anchor.yaml"];

/// A folder with the marker in it, and the program to run there.
pub(super) struct Stage<'a> {
    folder: PathBuf,
    name: PathBuf,
    program: PathBuf,
    context: &'a Context,
}

impl<'a> Stage<'a> {
    /// Makes the folder anew. One with anything in it but an earlier demo is refused.
    pub(super) fn set(folder: &Path, context: &'a Context) -> Result<Self, Failure> {
        let full =
            std::path::absolute(folder).map_err(|error| Failure::file("find", folder, &error))?;
        let is_empty = match std::fs::read_dir(&full) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(error) => return Err(Failure::file("read", folder, &error)),
        };
        if !is_empty && !full.join(MARKER).is_file() {
            return Err(Failure::usage(format_args!(
                "{} is not the demo's folder",
                folder.display()
            ))
            .with_hint("name another one: bulla demo --dir DIR"));
        }
        let remake = || -> std::io::Result<()> {
            if full.exists() {
                std::fs::remove_dir_all(&full)?;
            }
            std::fs::create_dir_all(full.join("keys"))?;
            std::fs::write(
                full.join(MARKER),
                "made by bulla demo, which may empty this folder\n",
            )
        };
        remake().map_err(|error| Failure::file("write", folder, &error))?;
        let program = std::env::current_exe().map_err(|error| {
            Failure::new(
                FailureKind::File,
                format_args!("failed to find this program: {error}"),
            )
        })?;
        Ok(Self {
            folder: full,
            name: folder.to_owned(),
            program,
            context,
        })
    }

    /// The folder, as the reader named it.
    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    /// A path in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file into the folder.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path(name);
        let parent = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, bytes))
            .map_err(|error| Failure::file("write", &path, &error))
    }

    /// Begins a part.
    pub(super) fn title(&self, text: &str) {
        let mut page = Page::default();
        page.gap();
        page.line(Cell::strong(text));
        // A reader who closed the stream has seen enough.
        drop(self.context.printer.page(page));
    }

    /// Says something.
    pub(super) fn text(&self, text: &str) {
        let mut page = Page::default();
        page.indented(1, text);
        drop(self.context.printer.page(page));
    }

    /// Says that an attack failed, and why.
    pub(super) fn refusal(&self, code: &str, message: &str, exit: Exit) {
        let mut page = Page::default();
        page.row(
            1,
            [
                Cell::good("refused"),
                Cell::strong(code),
                message.into(),
                Cell::faint(format!("exit {}", exit.code())),
            ],
        );
        drop(self.context.printer.page(page));
    }

    /// The last words.
    pub(super) fn end(&self) {
        let mut page = Page::default();
        page.gap();
        page.labelled(
            &Cell::good("done:"),
            "every real step was allowed and every forgery refused",
        );
        drop(self.context.printer.page(page));
    }

    /// Runs a command that has to succeed, and shows it with what it says.
    pub(super) async fn allowed(
        &self,
        arguments: &[impl AsRef<str> + Sync],
    ) -> Result<(), Failure> {
        self.shown(arguments, Exit::Success).await
    }

    /// Runs a command that has to be refused in this way.
    pub(super) async fn refused(
        &self,
        arguments: &[impl AsRef<str> + Sync],
        exit: Exit,
    ) -> Result<(), Failure> {
        self.shown(arguments, exit).await
    }

    /// Runs a command that has to succeed, and shows only what it is for.
    pub(super) async fn quiet(
        &self,
        arguments: &[impl AsRef<str> + Sync],
        purpose: &str,
    ) -> Result<(), Failure> {
        self.show(arguments, Some(purpose));
        let output = self.command(arguments).stdin(Stdio::null()).output().await;
        let output = output.map_err(|error| Failure::file("run", &self.program, &error))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(self
            .unexpected(arguments, output.status.code(), Exit::Success)
            .with_detail(said.trim()))
    }

    /// Runs a command whose JSON is wanted; answers it with the exit code.
    pub(super) async fn json(
        &self,
        arguments: &[impl AsRef<str> + Sync],
    ) -> Result<(serde_json::Value, u8), Failure> {
        self.show(arguments, None);
        let output = self.command(arguments).stdin(Stdio::null()).output().await;
        let output = output.map_err(|error| Failure::file("run", &self.program, &error))?;
        let value = serde_json::from_slice(&output.stdout).map_err(|error| {
            let said = String::from_utf8_lossy(&output.stderr);
            Failure::new(
                FailureKind::Internal,
                format_args!("a command wrote no JSON: {error}"),
            )
            .with_detail(said.trim())
        })?;
        let code = output
            .status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(70);
        Ok((value, code))
    }

    async fn shown(&self, arguments: &[impl AsRef<str> + Sync], exit: Exit) -> Result<(), Failure> {
        self.show(arguments, None);
        let status = self.command(arguments).stdin(Stdio::null()).status().await;
        let status = status.map_err(|error| Failure::file("run", &self.program, &error))?;
        if exit != Exit::Success && status.code() == Some(i32::from(exit.code())) {
            self.text(&format!("exit {}: {}", exit.code(), exit.meaning()));
        }
        if status.code() == Some(i32::from(exit.code())) {
            return Ok(());
        }
        Err(self.unexpected(arguments, status.code(), exit))
    }

    fn show(&self, arguments: &[impl AsRef<str>], purpose: Option<&str>) {
        let words: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let mut page = Page::default();
        let purpose = purpose.map_or_else(String::new, |text| format!("   # {text}"));
        page.line(Cell::faint(format!("$ bulla {}{purpose}", words.join(" "))));
        drop(self.context.printer.page(page));
    }

    fn command(&self, arguments: &[impl AsRef<str>]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments.iter().map(AsRef::as_ref))
            .current_dir(&self.folder)
            .kill_on_drop(true);
        // The reader's own settings must not change what the demo shows.
        for name in self.context.environment().texts().keys() {
            if name.starts_with("BULLA_") || name.starts_with("COSIGN_") {
                command.env_remove(name);
            }
        }
        if self.context.printer.colors_data() {
            command.args(["--color", "always"]);
        }
        command
    }

    fn unexpected(
        &self,
        arguments: &[impl AsRef<str>],
        found: Option<i32>,
        expected: Exit,
    ) -> Failure {
        let words: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let found = found.map_or_else(|| "a signal".to_owned(), |code| format!("exit {code}"));
        Failure::new(
            FailureKind::Internal,
            format_args!(
                "the demo did not go as it should: {found}, expected exit {}",
                expected.code()
            ),
        )
        .with_detail(format_args!(
            "in {}: bulla {}",
            self.name.display(),
            words.join(" ")
        ))
    }
}

/// `bulla promote` into an environment.
pub(super) fn promote(image: &str, to: &str) -> Vec<String> {
    with_trust(&[
        "promote",
        image,
        "--to",
        to,
        "--key",
        "keys/release-bot.key",
    ])
}

/// `bulla approve` with somebody's key.
pub(super) fn approve(image: &str, to: &str, key: &str) -> Vec<String> {
    with_trust(&["approve", image, "--to", to, "--key", key, "--yes"])
}

/// `bulla verify` for production.
pub(super) fn verify(image: &str) -> Vec<String> {
    with_trust(&["verify", "--env", "prod", image])
}

fn with_trust(words: &[&str]) -> Vec<String> {
    words
        .iter()
        .chain(&TRUST)
        .map(|word| (*word).to_owned())
        .collect()
}
