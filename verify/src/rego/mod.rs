//! Rules in Rego v1, evaluated by `regorus`: over one verified statement, without data, clock or network.
//!
//! What the crate leaves open is closed around it. Its time limit counts work instead of time
//! ([`meter`]), so that the same question has the same answer on every machine; what a unit of it costs
//! depends on the statement, so that the larger that is the less work is done, and whoever asks may end
//! it. It works on a thread of its own with a large stack, because it calls itself. And [`check`] takes
//! only modules whose functions are known to end and to make nothing large of something small.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use regorus::Engine;
use regorus::utils::limits::ExecutionTimerConfig;

use crate::cel::EvaluationError;

mod check;
mod meter;
mod safe;

/// Bytes of a module.
const SOURCE: usize = 16 << 10;
/// Brackets within each other: for each the parser takes about twice as long.
const NESTED: usize = 12;
/// Signs, and the word `in`, that may join two parts, outside texts and comments: each may lie within the
/// next one, and what is written of the tree grows faster than that.
const OPERATORS: usize = 256;
/// Bytes of what is asked about a statement.
const INPUT: usize = 1 << 20;
/// Bytes of the stack: what the longest chain of operators needs in a build for development, twice.
const STACK: usize = 256 << 20;
/// Units of work, each a part of the module that is looked at.
const WORK: u64 = 100_000;
/// The same times the bytes of the statement: a unit may make as many bytes, which may all be kept.
const MADE: u64 = 1 << 30;
/// Units between two looks at the meter.
const INTERVAL: NonZeroU32 = NonZeroU32::new(100).expect("because 100 is not 0");
/// How often it is asked whether the time is over.
const ASKED: Duration = Duration::from_millis(5);
/// Evaluations that nobody waits for any more, until no further one begins.
const LEFT: usize = 16;
/// Messages that are told, and characters of each.
const TOLD: usize = 4;
const MESSAGE: usize = 200;

/// A module that was read and checked.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    source: String,
    package: String,
    allows: bool,
    denies: bool,
}

impl Module {
    /// Reads a module. It has a rule `allow`, a set `deny`, or both; names below `input` are those of
    /// the schema.
    pub(crate) fn read(source: &str, schema: crate::cel::Schema) -> Result<Self, String> {
        if source.len() > SOURCE {
            let length = source.len();
            return Err(format!("{length} bytes, the limit is {SOURCE}"));
        }
        if nesting(source) > NESTED {
            return Err(format!("more than {NESTED} brackets within each other"));
        }
        if operators(source) > OPERATORS {
            return Err(format!("more than {OPERATORS} operators"));
        }
        let text = source.to_owned();
        let read = move || {
            let engine = engine(text, WORK, Arc::default())?;
            engine.get_ast_as_json().map_err(|error| shown(&error))
        };
        let ast = apart(read, || false).map_err(|error| match error {
            Some(error) => error.to_string(),
            None => EvaluationError::Cut.to_string(),
        })??;
        let found = check::module(&ast, source, schema)?;
        Ok(Self {
            source: source.to_owned(),
            package: found.package,
            allows: found.allows,
            denies: found.denies,
        })
    }

    /// As it is written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// What it asks for, in a line.
    pub(crate) fn asks(&self) -> String {
        let what = match (self.allows, self.denies) {
            (true, true) => "`allow` is true and `deny` empty",
            (true, false) => "`allow` is true",
            (false, _) => "`deny` is empty",
        };
        format!("{what} in package {}", self.package)
    }

    /// Whether nothing but what `deny` finds keeps a statement out.
    pub(crate) fn only_denies(&self) -> bool {
        !self.allows
    }

    /// Whether a statement, as JSON, fulfils it: `allow` is true, and `deny` holds nothing. The callback
    /// is asked again and again whether the time is over.
    pub(crate) fn evaluate(
        &self,
        input: String,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, EvaluationError> {
        let length = input.len();
        if length > INPUT {
            let reason = format!("the statement has {length} bytes, the limit is {INPUT}");
            return Err(EvaluationError::Cannot(reason));
        }
        let limit = WORK.min(MADE / u64::try_from(length.max(1)).unwrap_or(u64::MAX));
        let (module, is_over) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let watched = Arc::clone(&is_over);
        let work = move || {
            let answer = module.ask(&input, limit, watched);
            (answer, meter::is_spent())
        };
        let (answer, is_spent) = apart(work, || {
            let over = cancelled();
            is_over.store(over, Ordering::Relaxed);
            over
        })
        .map_err(|error| error.unwrap_or(EvaluationError::Cut))?;
        match answer {
            // However the crate says that it stopped.
            _ if is_spent => Err(EvaluationError::Steps(limit)),
            Ok(answer) => answer,
            Err(reason) => Err(EvaluationError::Cannot(reason)),
        }
    }

    fn ask(
        &self,
        input: &str,
        limit: u64,
        is_over: Arc<AtomicBool>,
    ) -> Result<Result<bool, EvaluationError>, String> {
        let mut engine = engine(self.source.clone(), limit, is_over)?;
        let input = engine.set_input_json(input);
        input.map_err(|error| shown(&error))?;
        let mut value = |rule: &str| {
            let path = format!("data.{}.{rule}", self.package);
            engine.eval_rule(path).map_err(|error| shown(&error))
        };
        let mut holds = true;
        if self.allows {
            holds = value("allow")? == regorus::Value::Bool(true);
        }
        if self.denies {
            let said = value("deny")?;
            let said = said.as_set().map_err(|error| shown(&error))?;
            if !said.is_empty() {
                let told: Vec<_> = said.iter().take(TOLD).map(message).collect();
                return Ok(Err(EvaluationError::Denied(told.join("; "))));
            }
        }
        Ok(Ok(holds))
    }
}

fn engine(source: String, limit: u64, is_over: Arc<AtomicBool>) -> Result<Engine, String> {
    let looks = limit / u64::from(INTERVAL.get());
    if !meter::start(looks, is_over) {
        return Err("its meter is in use by another part of the program".to_owned());
    }
    let mut engine = Engine::new();
    engine.set_rego_v0(false);
    engine.set_strict_builtin_errors(true);
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: meter::LIMIT,
        check_interval: INTERVAL,
    });
    let added = engine.add_policy("rego".to_owned(), source);
    added.map_err(|error| shown(&error))?;
    Ok(engine)
}

/// The deepest brackets, those in texts and comments among them.
fn nesting(source: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0_usize);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => open = open.saturating_add(1),
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// How many signs may join two parts.
fn operators(source: &str) -> usize {
    let mut found = 0_usize;
    let (mut bytes, mut before) = (source.bytes(), b' ');
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'=' | b'<' | b'>' | b'!' => {
                found = found.saturating_add(1);
            }
            b'n' if before == b'i' => found = found.saturating_add(1),
            b'#' => {
                bytes.find(|byte| *byte == b'\n');
            }
            b'`' => {
                bytes.find(|byte| *byte == b'`');
            }
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        before = byte;
    }
    found
}

/// Does work where there is stack enough for it, and where a panic ends nothing but itself; no error
/// means that the time was over.
fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
    is_over: impl Fn() -> bool,
) -> Result<T, Option<EvaluationError>> {
    static AT_WORK: Mutex<Vec<Weak<()>>> = Mutex::new(Vec::new());

    let cannot = |reason: String| Some(EvaluationError::Cannot(reason));
    let (done, doing) = mpsc::channel();
    let mark = Arc::new(());
    let left = |mark: Option<&Arc<()>>| {
        let mut at_work = AT_WORK.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.retain(|one| one.strong_count() > 0);
        at_work.extend(mark.map(Arc::downgrade));
        at_work.len()
    };
    if left(None) >= LEFT {
        let reason = "too many evaluations of Rego have not ended yet";
        return Err(cannot(reason.to_owned()));
    }
    let thread = std::thread::Builder::new().stack_size(STACK);
    let own = Arc::clone(&mark);
    let thread = thread.spawn(move || {
        let answer = work();
        drop(own);
        done.send(answer)
    });
    thread.map_err(|error| cannot(format!("no thread for it: {error}")))?;
    loop {
        match doing.recv_timeout(ASKED) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Timeout) if is_over() => {
                left(Some(&mark));
                return Err(None);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(cannot("the evaluation of Rego broke off".to_owned()));
            }
        }
    }
}

/// The last line says what is wrong, the first where.
fn shown(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let place = lines
        .clone()
        .find_map(|line| line.strip_prefix("--> rego:"));
    let what = lines
        .find_map(|line| line.strip_prefix("error: "))
        .unwrap_or(&text);
    let what: String = what.chars().take(MESSAGE).collect();
    match place {
        Some(place) => format!("{place}: {what}"),
        None => what,
    }
}

fn message(value: &regorus::Value) -> String {
    let text = match value {
        regorus::Value::String(text) => text.to_string(),
        other => other.to_string(),
    };
    if text.is_empty() {
        return "(an empty message)".to_owned();
    }
    text.chars().take(MESSAGE).collect()
}

#[cfg(test)]
mod tests;
