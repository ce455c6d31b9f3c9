//! What is known of operators. Each row is a hint: an operator that is in no table works, only unfused, or without the early
//! message.

/// What the macro may know of an operator.
pub(crate) struct Row {
    name: &'static str,
    /// It is a step: runs of steps fuse into one loop.
    pub(crate) fuses: bool,
    /// Its first argument is a source.
    pub(crate) takes_source: bool,
    /// Its first argument gives a source for each item.
    pub(crate) opens_sources: bool,
    /// Where a literal zero has no meaning, and what to say then.
    pub(crate) no_zero: &'static [(Argument, &'static str)],
}

/// An argument of an operator.
#[derive(Clone, Copy)]
pub(crate) enum Argument {
    At(usize),
    Option(&'static str),
}

impl Row {
    const fn no_zero(self, no_zero: &'static [(Argument, &'static str)]) -> Self {
        Self { no_zero, ..self }
    }
}

const fn stage(name: &'static str) -> Row {
    Row { name, fuses: false, takes_source: false, opens_sources: false, no_zero: &[] }
}

const fn step(name: &'static str) -> Row {
    Row { fuses: true, ..stage(name) }
}

const fn combine(name: &'static str) -> Row {
    Row { takes_source: true, ..stage(name) }
}

const fn open(name: &'static str) -> Row {
    Row { opens_sources: true, ..stage(name) }
}

const NO_BATCH: &str = "a batch of 0 items has no meaning: give it a size of at least 1";
const NO_MEMORY: (Argument, &str) =
    (Argument::Option("capacity"), "a memory of 0 keys has no meaning: give it a capacity of at least 1");
const NO_IDLE: (Argument, &str) =
    (Argument::Option("idle"), "a memory of no time has no meaning: give it a time such as `1min`");
const NO_TTL: (Argument, &str) = (Argument::Option("ttl"), NO_IDLE.1);
const NO_KEYS: (Argument, &str) =
    (Argument::Option("max_keys"), "at most 0 keys have no meaning: allow at least 1");

const NO_CONCURRENCY: (Argument, &str) =
    (Argument::Option("concurrency"), "0 items in flight have no meaning: allow at least 1");
const NO_TIMEOUT: &str = "a timeout of 0 has no meaning: give it a time such as `5s`";

const NO_LAG: (Argument, &str) =
    (Argument::Option("lag"), "branches that may lag 0 items behind get none: give a lag of at least 1");

const OPERATORS: &[Row] = &[
    stage("audit")
        .no_zero(&[(Argument::At(0), "an audit of 0 has no meaning: give it a period such as `100ms`")]),
    stage("batch").no_zero(&[(Argument::At(0), NO_BATCH)]),
    stage("batch_by").no_zero(&[
        (Argument::At(1), NO_BATCH),
        (Argument::Option("max_keys"), "at most 0 open batches have no meaning: allow at least 1"),
    ]),
    stage("batch_while").no_zero(&[(Argument::Option("max"), NO_BATCH)]),
    stage("broadcast").no_zero(&[NO_LAG]),
    stage("buffer").no_zero(&[(
        Argument::At(0),
        "a buffer of 0 items has no meaning: give it a capacity of at least 1",
    )]),
    stage("buffer_time").no_zero(&[
        (Argument::At(0), "a batch of no time has no meaning: give it a time such as `100ms`"),
        (Argument::Option("capacity"), NO_BATCH),
    ]),
    combine("combine_latest"),
    combine("concat"),
    stage("debounce").no_zero(&[
        (Argument::At(0), "a debounce of 0 has no meaning: give it a quiet time such as `100ms`"),
        (Argument::Option("max_wait"), "a `max_wait` of 0 has no meaning: give it a time such as `1s`"),
    ]),
    stage("delay")
        .no_zero(&[(Argument::Option("capacity"), "a delay of 0 items has no meaning: let at least 1 be on its way")]),
    step("distinct").no_zero(&[NO_MEMORY, NO_TTL]),
    step("distinct_by").no_zero(&[NO_MEMORY, NO_TTL]),
    step("distinct_until_changed"),
    step("distinct_until_changed_by"),
    step("enumerate"),
    step("filter"),
    stage("filter_async").no_zero(&[NO_CONCURRENCY]),
    step("filter_map"),
    open("flat_map_stream").no_zero(&[(
        Argument::Option("concurrency"),
        "0 sources at a time have no meaning: give a concurrency of at least 1",
    )]),
    stage("for_each_async").no_zero(&[NO_CONCURRENCY]),
    step("inspect"),
    stage("interval")
        .no_zero(&[(Argument::At(0), "an interval of 0 has no meaning: give it a period such as `100ms`")]),
    step("map"),
    stage("map_async").no_zero(&[
        NO_CONCURRENCY,
        (
            Argument::Option("attempt_timeout"),
            "an attempt that may take no time has no meaning: give it a timeout such as `2s`",
        ),
    ]),
    step("map_while"),
    combine("merge"),
    step("pairwise"),
    stage("parallel").no_zero(&[(Argument::At(0), "work on 0 threads has no meaning: give it at least 1")]),
    stage("partition").no_zero(&[NO_LAG]),
    stage("route").no_zero(&[NO_LAG]),
    stage("sample").no_zero(&[(
        Argument::At(0),
        "a sample each 0 seconds has no meaning: give it a period such as `100ms`",
    )]),
    step("scan"),
    step("scan_by").no_zero(&[NO_KEYS, NO_IDLE]),
    stage("session_window").no_zero(&[
        (Argument::At(0), "a gap of no time has no meaning: give it a gap such as `100ms`"),
        (Argument::Option("max"), "a session of no time has no meaning: give it a time such as `1min`"),
        NO_KEYS,
    ]),
    step("skip"),
    step("skip_last"),
    step("skip_while"),
    stage("spawn").no_zero(&[(
        Argument::Option("capacity"),
        "a hand-over of 0 items has no meaning: give it a capacity of at least 1",
    )]),
    step("step_by")
        .no_zero(&[(Argument::At(0), "each 0th item has no meaning: give it a count of at least 1")]),
    open("switch_map"),
    step("take"),
    step("take_while"),
    stage("throttle").no_zero(&[
        (Argument::At(0), "one item each 0 seconds has no meaning: give it a period such as `100ms`, or a rate such as `20/s`"),
        (Argument::Option("burst"), "a burst of 0 items has no meaning: allow at least 1"),
        (Argument::Option("capacity"), "a throttle in which 0 items wait has no meaning: let at least 1 wait"),
        NO_KEYS,
    ]),
    stage("timeout").no_zero(&[
        (Argument::At(0), NO_TIMEOUT),
        (Argument::Option("first"), NO_TIMEOUT),
        (Argument::Option("total"), NO_TIMEOUT),
    ]),
    stage("window").no_zero(&[
        (Argument::At(0), "a window of 0 items has no meaning: give it a size of at least 1"),
        (Argument::Option("step"), "windows that do not move have no meaning: give a step of at least 1"),
        NO_KEYS,
        NO_IDLE,
    ]),
    stage("window_time").no_zero(&[
        (Argument::At(0), "a window of no time has no meaning: give it a size such as `100ms`"),
        (Argument::Option("slide"), "windows that do not move have no meaning: give a time such as `100ms`"),
        NO_KEYS,
    ]),
    combine("with_latest_from"),
    combine("zip"),
];

/// Operators without a row that fit a flow if they fit its items: to ask that of the items takes the compiler a fraction of
/// what it takes of the whole flow (`below.rs` in the runtime).
///
/// They are no rows: their names are common ones, and stay free for fragments and for functions in a source.
///
/// Not `collect` and `sum`: their result is inferred late, and a mistake in it is worded by the flow.
const OF_ITEMS: &[&str] = &[
    "all",
    "any",
    "catch",
    "count",
    "default_if_empty",
    "drain",
    "fails_with",
    "find",
    "first",
    "flat_map",
    "flatten",
    "fold",
    "for_each",
    "inspect_err",
    "intersperse",
    "last",
    "map_err",
    "max",
    "max_by",
    "max_by_key",
    "min",
    "min_by",
    "min_by_key",
    "on_end",
    "position",
    "reduce",
    "send_to",
    "start_with",
    "take_last",
    "take_until",
    "try_for_each",
    "try_map",
];

/// Setters without a value, of an operator that takes so many plain arguments: among those they would be variables.
const SWITCHES: &[(&str, usize, &[&str])] = &[
    ("distinct", 0, &["unbounded"]),
    ("distinct_by", 1, &["unbounded"]),
    ("flat_map_stream", 1, &["unordered"]),
    ("map_async", 1, &["fail_while_open", "unordered"]),
    ("merge", 1, &["end_with_any", "prefer_left"]),
    ("parallel", 2, &["unordered"]),
    ("process", 2, &["unordered"]),
    ("send_to", 1, &["keep_open"]),
    ("throttle", 1, &["drop_excess", "latest"]),
    ("try_process", 2, &["unordered"]),
    ("window", 1, &["partial"]),
];

/// How many plain arguments an operator takes, and its setters without a value.
pub(crate) fn switches(operator: &str) -> Option<(usize, &'static [&'static str])> {
    SWITCHES.iter().find(|(name, ..)| *name == operator).map(|(_, plain, names)| (*plain, *names))
}

/// Operators that lend the item, or the state, to their function: it cannot be `async`, which borrows for longer.
const NO_ASYNC: &[(&str, &str)] = &[
    (
        "filter",
        "`filter` asks for an answer at once: for one that comes later write `filter_async(|item| allowed(item.id))`",
    ),
    (
        "filter_async",
        "the future of an `async` closure borrows the item, and here it must own what it needs: write `|item| allowed(item.id)`, \
         or take `map_async` and `flatten`",
    ),
    (
        "scan",
        "`scan` lends its state for one call, which gives its value at once: `map_async` first, then `scan`",
    ),
    ("skip_while", WHILE),
    ("take_while", WHILE),
];
const WHILE: &str = "this asks for an answer at once: let a `map_async` give it beside the item";

/// What to say of an `async` closure, where it cannot be.
pub(crate) fn no_async(operator: &str) -> Option<&'static str> {
    NO_ASYNC.iter().find(|(name, _)| *name == operator).map(|(_, message)| *message)
}

/// Whether an operator that fits the items fits any flow of them.
pub(crate) fn is_of_items(name: &str) -> bool {
    row(name).is_some() || OF_ITEMS.contains(&name)
}

pub(crate) fn row(name: &str) -> Option<&'static Row> {
    OPERATORS.iter().find(|row| row.name == name)
}
