//! The two streams: data on standard output, talk on standard error.
//!
//! With `--output json` standard output holds one JSON document: the report, or
//! `{"error": {"exit", "kind", "message", "details", "hints"}}`. The same error is said on standard
//! error for people, so that a pipeline's log explains itself.

use std::io::{self, Write};
use std::str::FromStr;

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use crate::Failure;
use crate::escape::escape;
use crate::failure::FailureKind;
use crate::progress::Progress;
use crate::render::{Cell, Page, Pipeline, Report, to_json};
use crate::settings::{Environment, Settings, row};

/// Writes what a command has to say.
#[derive(Clone, Debug)]
pub struct Printer {
    format: Format,
    quiet: bool,
    data_color: ColorChoice,
    talk_color: ColorChoice,
    progress: bool,
    pipeline: Pipeline,
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
    /// For people, and outputs and a summary for the next step of a GitHub job.
    Github,
    /// Variables for the next job of a GitLab pipeline, as a dotenv report.
    Gitlab,
    /// Findings as SARIF 2.1.0, for code scanning.
    Sarif,
    /// Checks as JUnit XML, for what shows results of tests.
    Junit,
    /// A page for a step's summary or a comment.
    Markdown,
}

/// A document about the answers of `bulla verify`, for other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit XML.
    Junit,
    /// Markdown.
    Markdown,
}

impl Format {
    /// The name it has on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
        }
    }

    /// The document it stands for, which only `bulla verify` writes.
    pub fn form(self) -> Option<Form> {
        match self {
            Self::Human | Self::Json | Self::Github | Self::Gitlab => None,
            Self::Sarif => Some(Form::Sarif),
            Self::Junit => Some(Form::Junit),
            Self::Markdown => Some(Form::Markdown),
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            "github" => Ok(Self::Github),
            "gitlab" => Ok(Self::Gitlab),
            "sarif" => Ok(Self::Sarif),
            "junit" => Ok(Self::Junit),
            "markdown" => Ok(Self::Markdown),
            _ => Err(format!(
                "`{text}` is no output format: expected human, json, github, gitlab, sarif, junit or markdown"
            )),
        }
    }
}

/// When colour is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// The name it has on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

impl FromStr for Color {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(format!(
                "`{text}` is no choice of colour: expected auto, always or never"
            )),
        }
    }
}

impl Color {
    fn choice(self, terminal: bool, environment: &Environment) -> ColorChoice {
        let set = |name| matches!(environment.text(name), Ok(Some(value)) if !value.is_empty());
        let dumb = matches!(environment.text("TERM"), Ok(Some("dumb")));
        match self {
            Self::Always => ColorChoice::AlwaysAnsi,
            Self::Auto if terminal && !set("NO_COLOR") && !dumb => ColorChoice::AlwaysAnsi,
            Self::Auto | Self::Never => ColorChoice::Never,
        }
    }
}

impl Printer {
    /// A printer for these settings; flags are given as typed.
    pub fn new(
        settings: &Settings,
        format: Option<&str>,
        color: Option<&str>,
        quiet: Option<&str>,
    ) -> Result<Self, Failure> {
        let environment = settings.environment();
        let format = settings.parsed::<Format>(&row::OUTPUT, format)?;
        let color = settings.parsed::<Color>(&row::COLOR, color)?;
        let quiet = settings.parsed::<bool>(&row::QUIET, quiet)?;
        let quiet = quiet.is_some_and(|quiet| quiet.value);
        let color = color.map_or(Color::Auto, |color| color.value);
        let terminals = environment.terminals();
        Ok(Self {
            format: format.map_or(Format::Human, |format| format.value),
            quiet,
            data_color: color.choice(terminals.output, environment),
            talk_color: color.choice(terminals.error, environment),
            progress: terminals.error && !quiet && !environment.is_ci(),
            pipeline: Pipeline {
                outputs: environment.path("GITHUB_OUTPUT"),
                summary: environment.path("GITHUB_STEP_SUMMARY"),
            },
        })
    }

    /// A printer for failures that come before the settings are known.
    pub fn early(format: Format) -> Self {
        Self {
            format,
            quiet: false,
            data_color: ColorChoice::Never,
            talk_color: ColorChoice::Never,
            progress: false,
            pipeline: Pipeline::default(),
        }
    }

    /// How results are written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether data on standard output may be coloured.
    pub fn colors_data(&self) -> bool {
        self.data_color != ColorChoice::Never
    }

    /// Whether talk on standard error may be coloured.
    pub fn colors_talk(&self) -> bool {
        self.talk_color != ColorChoice::Never
    }

    /// Writes bytes to standard output as they are.
    pub fn data(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .map_err(|error| refused(&error))
    }

    /// Writes a report to standard output in the chosen format.
    pub fn report<R: Report>(&self, report: &R) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.data(to_json(report).as_bytes()),
            Format::Human => {
                let mut page = Page::default();
                report.human(&mut page);
                self.page(page)
            }
            Format::Github => {
                let mut page = Page::default();
                report.human(&mut page);
                let text = anstream::adapter::strip_str(&page.finish()).to_string();
                self.pipeline.github(&report.outputs(), &text)?;
                self.data(text.as_bytes())
            }
            Format::Gitlab => {
                let mut page = Page::default();
                report.human(&mut page);
                self.note(page);
                self.data(Pipeline::gitlab(&report.outputs())?.as_bytes())
            }
            Format::Sarif | Format::Junit | Format::Markdown => {
                let document = self.format.form().and_then(|form| report.document(form));
                let document = document.ok_or_else(|| unfit(self.format))?;
                self.data(document.as_bytes())
            }
        }
    }

    /// Writes a report about data that went elsewhere: for people always as talk, as JSON on
    /// standard output if that is free.
    pub fn summary<R: Report>(&self, report: &R, stdout_is_free: bool) -> Result<(), Failure> {
        if self.format == Format::Json && stdout_is_free {
            return self.report(report);
        }
        let mut page = Page::default();
        report.human(&mut page);
        self.note(page);
        Ok(())
    }

    /// Writes a page to standard output.
    pub fn page(&self, page: Page) -> Result<(), Failure> {
        let mut stdout = AutoStream::new(io::stdout().lock(), self.data_color);
        stdout
            .write_all(page.finish().as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| refused(&error))
    }

    /// Says something to the person on standard error, unless told to be quiet.
    pub fn note(&self, page: Page) {
        if !self.quiet {
            self.talk(page);
        }
    }

    /// Says one line on standard error, unless told to be quiet.
    pub fn say(&self, line: impl AsRef<str>) {
        let mut page = Page::default();
        page.line(line);
        self.note(page);
    }

    /// Shows somebody what they are about to agree to, even when quiet: a settings file that
    /// came with the checkout may have asked for that.
    pub fn announce(&self, page: Page) {
        self.talk(page);
    }

    /// Says something that matters even when quiet.
    pub fn warn(&self, line: impl AsRef<str>) {
        let mut page = Page::default();
        page.labelled(&Cell::attention("warning:"), line.as_ref());
        self.talk(page);
    }

    /// Tells how a command failed.
    pub fn failure(&self, failure: &Failure) {
        if failure.kind() == FailureKind::BrokenPipe {
            return;
        }
        if self.format == Format::Json {
            // The exit code says it too, so a closed standard output loses nothing.
            drop(
                self.data(
                    to_json(&ErrorDocument {
                        error: ErrorBody::of(failure),
                    })
                    .as_bytes(),
                ),
            );
        }
        let mut page = Page::default();
        page.labelled(&Cell::bad("error:"), failure.message());
        for detail in failure.details() {
            page.indented(1, detail);
        }
        for hint in failure.hints() {
            page.labelled(&Cell::strong("hint:"), hint);
        }
        self.talk(page);
    }

    /// Shows that something takes long: a bar on a terminal, nothing elsewhere.
    pub fn progress(&self, doing: &str) -> Progress {
        if self.progress {
            Progress::shown(&escape(doing))
        } else {
            Progress::hidden()
        }
    }

    fn talk(&self, page: Page) {
        let mut stderr = AutoStream::new(io::stderr().lock(), self.talk_color);
        // Nobody is left to be told that standard error is closed.
        drop(stderr.write_all(page.finish().as_bytes()));
    }
}

/// Says that a command has no such document.
pub fn unfit(format: Format) -> Failure {
    Failure::usage(format_args!(
        "--output {} is for the answers of bulla verify",
        format.name()
    ))
    .with_hint("others write human, json, github and gitlab")
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    error: ErrorBody<'a>,
}

/// A failure, for programs.
#[derive(Debug, Serialize)]
pub struct ErrorBody<'a> {
    exit: u8,
    kind: FailureKind,
    message: &'a str,
    details: &'a [String],
    hints: &'a [String],
}

impl<'a> ErrorBody<'a> {
    /// The same failure.
    pub fn of(failure: &'a Failure) -> Self {
        Self {
            exit: failure.kind().exit().code(),
            kind: failure.kind(),
            message: failure.message(),
            details: failure.details(),
            hints: failure.hints(),
        }
    }
}

fn refused(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::new(FailureKind::BrokenPipe, "standard output was closed")
    } else {
        Failure::new(
            FailureKind::File,
            format_args!("failed to write to standard output: {error}"),
        )
    }
}
