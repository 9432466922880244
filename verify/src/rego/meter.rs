//! What `regorus` takes for a clock: how often it looked at it, until there is nothing left.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use regorus::utils::limits::{TimeSource, set_time_source};

/// What nothing reaches but the meter when it is spent.
pub(super) const LIMIT: Duration = Duration::from_secs(1);
const SPENT: Duration = Duration::from_secs(3);

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
    static IS_SPENT: Cell<bool> = const { Cell::new(false) };
    static IS_OVER: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

struct Meter;

static METER: Meter = Meter;

impl TimeSource for Meter {
    fn now(&self) -> Option<Duration> {
        let is_over = IS_OVER.with_borrow(|flag| {
            let flag = flag.as_ref();
            flag.is_some_and(|flag| flag.load(Ordering::Relaxed))
        });
        match LEFT.get().checked_sub(1) {
            Some(left) if !is_over => {
                LEFT.set(left);
                Some(Duration::ZERO)
            }
            _ => {
                IS_SPENT.set(true);
                Some(SPENT)
            }
        }
    }
}

/// Begins anew on this thread; `false` if the crate looks at another clock.
pub(super) fn start(looks: u64, is_over: Arc<AtomicBool>) -> bool {
    static IS_OURS: OnceLock<bool> = OnceLock::new();
    LEFT.set(looks);
    IS_SPENT.set(false);
    IS_OVER.set(Some(is_over));
    *IS_OURS.get_or_init(|| set_time_source(&METER).is_ok())
}

/// Whether this thread may do no more.
pub(super) fn is_spent() -> bool {
    IS_SPENT.get()
}
