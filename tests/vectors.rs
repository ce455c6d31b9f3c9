//! Golden vectors: what other stream libraries agree on, replayed in virtual time, by `pipeline!` and by the methods.
//!
//! `tests/vectors/README.md` has the format. With `REACTIVE_VECTORS=folder` that folder is replayed instead.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{self, LocalBoxStream, Stream, StreamExt};
use reactive_runtime::operator::OrFailFlow;
use reactive_runtime::prelude::*;
use reactive_runtime::source::StreamFlow;
use reactive_runtime::units::ms;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

#[test]
fn every_case_gives_its_items_and_its_end_in_time_in_both_forms() {
    let bundled = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let folder = std::env::var_os("REACTIVE_VECTORS").map_or_else(bundled, PathBuf::from);
    let replay = Replay::of_folder(&folder);
    for (operator, cases) in &replay.cases {
        println!("{operator}: {cases} cases, each by `pipeline!` and by method");
    }
    assert!(replay.failures.is_empty(), "{replay}");
}

/// What stands behind the first source of a case and its `or_fail`, as stages and as methods; other sources by name.
macro_rules! both {
    ($case:ident $(, $other:ident)*: { $($stages:tt)* } { $($methods:tt)* }) => {{
        let [source $(, $other)*] = $case.sources();
        match $case.form {
            Form::Macro => output(pipeline! { source |> or_fail() $($stages)* }),
            Form::Methods => output(failing(source) $($methods)*),
        }
    }};
}

/// An operator of two sources, nested to the left over two to four.
macro_rules! left_nested {
    ($case:ident: $op:ident) => {
        match $case.sources.len() {
            2 => both!($case, b: { |> $op(b |> or_fail()) } { .$op(failing(b)) }),
            3 => both!($case, b, c:
                { |> $op(b |> or_fail()) |> $op(c |> or_fail()) }
                { .$op(failing(b)).$op(failing(c)) }
            ),
            4 => both!($case, b, c, d:
                { |> $op(b |> or_fail()) |> $op(c |> or_fail()) |> $op(d |> or_fail()) }
                { .$op(failing(b)).$op(failing(c)).$op(failing(d)) }
            ),
            n => panic!("{n} inputs, and the table nests 2 to 4"),
        }
    };
}

/// The one table: how an operator is written, in both forms. Another operator is another row.
fn operator(name: &str) -> Option<fn(&mut Given) -> Output> {
    Some(match name {
        "batch" => {
            |case| both!(case: { |> batch(case.arg::<usize>("n")) } { .batch(case.arg::<usize>("n")) })
        }
        "batch_max_wait" => |case| {
            let (n, wait) = (case.arg::<usize>("n"), ms(case.arg("max_wait")));
            both!(case: { |> batch(n, max_wait = wait) } { .with(|items| items.batch(n).max_wait(wait)) })
        },
        "buffer_time" => |case| {
            let time = ms(case.arg("d"));
            both!(case: { |> buffer_time(time) } { .buffer_time(time) })
        },
        "combine_latest" => |case| left_nested!(case: combine_latest),
        "concat" => |case| left_nested!(case: concat),
        "debounce" => |case| both!(case: { |> debounce(case.time("d")) } { .debounce(case.time("d")) }),
        "delay" => |case| both!(case: { |> delay(case.time("d")) } { .delay(case.time("d")) }),
        "distinct" => |case| both!(case: { |> distinct() } { .distinct() }),
        "distinct_until_changed" => {
            |case| both!(case: { |> distinct_until_changed() } { .distinct_until_changed() })
        }
        "enumerate" => |case| both!(case: { |> enumerate() } { .enumerate() }),
        "filter" => |case| both!(case: { |> filter(case.residue()) } { .filter(case.residue()) }),
        "filter_map" => |case| {
            let (keep, f) = (case.residue(), case.linear());
            let f = move |v| keep(&v).then(|| f(v));
            both!(case: { |> filter_map(f) } { .filter_map(f) })
        },
        "flat_map_stream" => |case| {
            let inner = case.inner();
            both!(case: { |> flat_map_stream(inner) } { .flat_map_stream(inner) })
        },
        "flat_map_stream_unordered" => |case| {
            let inner = case.inner();
            both!(case:
                { |> flat_map_stream(inner, concurrency = usize::MAX).unordered() }
                { .with(|items| items.flat_map_stream(inner).unordered().concurrency(usize::MAX)) }
            )
        },
        "flat_map_stream_unordered_n" => |case| {
            let (inner, n) = (case.inner(), case.arg::<usize>("concurrency"));
            both!(case:
                { |> flat_map_stream(inner, concurrency = n).unordered() }
                { .with(|items| items.flat_map_stream(inner).unordered().concurrency(n)) }
            )
        },
        "map" => |case| both!(case: { |> map(case.linear()) } { .map(case.linear()) }),
        "merge" => |case| left_nested!(case: merge),
        "pairwise" => |case| both!(case: { |> pairwise() } { .pairwise() }),
        "reduce" => |case| {
            let f = case.accumulate();
            let f = move |mut state, v| f(&mut state, v);
            both!(case: { |> reduce(f) } { .reduce(f) })
        },
        "sample" => |case| both!(case: { |> sample(case.time("every")) } { .sample(case.time("every")) }),
        "scan" => |case| {
            let (init, f) = (case.arg::<i64>("init"), case.accumulate());
            both!(case: { |> scan(init, f) } { .scan(init, f) })
        },
        "session_window" => |case| {
            let gap = ms(case.arg("gap"));
            both!(case: { |> session_window(gap) } { .session_window(gap) })
        },
        "skip" => |case| both!(case: { |> skip(case.arg("n")) } { .skip(case.arg("n")) }),
        "skip_last" => |case| both!(case: { |> skip_last(case.arg("n")) } { .skip_last(case.arg("n")) }),
        "skip_while" => |case| both!(case: { |> skip_while(case.below()) } { .skip_while(case.below()) }),
        "start_with" => |case| {
            let values = case.arg::<Vec<i64>>("values");
            both!(case: { |> start_with(values) } { .start_with(values) })
        },
        "step_by" => |case| both!(case: { |> step_by(case.arg("n")) } { .step_by(case.arg("n")) }),
        "switch_map" => |case| {
            let inner = case.inner();
            both!(case: { |> switch_map(inner) } { .switch_map(inner) })
        },
        "take" => |case| both!(case: { |> take(case.arg("n")) } { .take(case.arg("n")) }),
        "take_last" => |case| both!(case: { |> take_last(case.arg("n")) } { .take_last(case.arg("n")) }),
        "take_until" => |case| {
            both!(case:
                { |> take_until(sleep(case.time("t"))) }
                { .take_until(sleep(case.time("t"))) }
            )
        },
        "take_while" => |case| both!(case: { |> take_while(case.below()) } { .take_while(case.below()) }),
        "timeout" => |case| both!(case: { |> timeout(case.time("d")) } { .timeout(case.time("d")) }),
        "throttle" => |case| both!(case: { |> throttle(case.time("d")) } { .throttle(case.time("d")) }),
        "throttle_drop" => |case| {
            both!(case:
                { |> throttle(case.time("d")).drop_excess() }
                { .with(|items| items.throttle(case.time("d")).drop_excess()) }
            )
        },
        "throttle_latest" => |case| {
            both!(case:
                { |> throttle(case.time("d")).latest() }
                { .with(|items| items.throttle(case.time("d")).latest()) }
            )
        },
        "window" => |case| {
            let (n, step) = (case.arg::<usize>("n"), case.arg::<usize>("step"));
            both!(case:
                { |> window(n, step = step) |> map(|window| window.to_vec()) }
                { .with(|items| items.window(n).step(step)).map(|window| window.to_vec()) }
            )
        },
        "window_time" => |case| {
            let size = ms(case.arg("size"));
            both!(case: { |> window_time(size) } { .window_time(size) })
        },
        "with_latest_from" => |case| left_nested!(case: with_latest_from),
        "zip" => |case| left_nested!(case: zip),
        _ => return None,
    })
}

type Output = LocalBoxStream<'static, Result<Value, Failure>>;

/// Whatever an operator gives, and whatever it fails with, in the words of the vectors.
fn output<T: Into<Value>, E>(pipe: impl Stream<Item = Result<T, E>> + 'static) -> Output {
    pipe.map(|item| item.map(T::into).map_err(|_| Failure)).boxed_local()
}

type Failing = Pipe<OrFailFlow<StreamFlow<Scripted>>>;

fn failing(source: Scripted) -> Failing {
    Pipe::from_stream(source).or_fail()
}

/// A case as a row of the table gets it. What a row does not take is told as a failure.
struct Given {
    form: Form,
    args: BTreeMap<String, serde_json::Value>,
    sources: VecDeque<Scripted>,
}

impl Given {
    fn sources<const N: usize>(&mut self) -> [Scripted; N] {
        std::array::from_fn(|_| self.sources.pop_front().expect("the case has too few inputs"))
    }

    fn arg<T: DeserializeOwned>(&mut self, name: &str) -> T {
        let value = self.args.remove(name).unwrap_or_else(|| panic!("the case has no argument `{name}`"));
        serde_json::from_value(value).unwrap_or_else(|error| panic!("the argument `{name}`: {error}"))
    }

    fn time(&mut self, name: &str) -> Duration {
        Duration::from_millis(self.arg(name))
    }

    fn linear(&mut self) -> impl Fn(i64) -> i64 + Copy + use<> {
        let (mul, add) = (self.arg::<i64>("mul"), self.arg::<i64>("add"));
        move |v| v * mul + add
    }

    fn residue(&mut self) -> impl Fn(&i64) -> bool + Copy + use<> {
        let (modulus, rem) = (self.arg::<i64>("mod"), self.arg::<i64>("rem"));
        move |v| v.rem_euclid(modulus) == rem
    }

    fn below(&mut self) -> impl Fn(&i64) -> bool + Copy + use<> {
        let limit = self.arg::<i64>("lt");
        move |v| *v < limit
    }

    /// The source that each item starts.
    fn inner(&mut self) -> impl FnMut(i64) -> Failing + use<> {
        let scripts = self.arg::<BTreeMap<i64, Script<i64>>>("inner");
        move |key| failing(Scripted::new(scripts[&key].clone()))
    }

    fn accumulate(&mut self) -> impl Fn(&mut i64, i64) -> i64 + Copy + use<> {
        let f: fn(i64, i64) -> i64 = match self.arg::<String>("op").as_str() {
            "add" => |s, v| s + v,
            "sub" => |s, v| v - s,
            "max" => i64::max,
            "hash" => |s, v| (31 * s + v).rem_euclid(1009),
            op => panic!("the `op` {op} is not known"),
        };
        move |state, v| {
            *state = f(*state, v);
            *state
        }
    }
}

#[derive(Clone, Copy)]
enum Form {
    Macro,
    Methods,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Macro => "by `pipeline!`",
            Self::Methods => "by method",
        })
    }
}

/// How many cases of which operator were right, and what was wrong.
#[derive(Default)]
struct Replay {
    cases: BTreeMap<String, usize>,
    failures: Vec<String>,
}

impl Replay {
    fn of_folder(folder: &Path) -> Self {
        let mut replay = Self::default();
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.expect("a folder that was opened can be read").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        files.sort();
        if files.is_empty() {
            replay.failures.push(format!("{}: no vectors", folder.display()));
        }
        for path in files {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            match std::fs::read_to_string(&path) {
                Ok(text) => replay.file(&name, &text),
                Err(error) => replay.failures.push(format!("{name}: {error}")),
            }
        }
        replay
    }

    fn file(&mut self, name: &str, text: &str) {
        let vectors: Vectors = match serde_json::from_str(text) {
            Ok(vectors) => vectors,
            Err(error) => return self.failures.push(format!("{name}: {error}")),
        };
        let Some(write) = operator(&vectors.operator) else {
            return self.failures.push(format!("{name}: the operator `{}` is not known", vectors.operator));
        };
        if vectors.cases.is_empty() {
            self.failures.push(format!("{name}: no cases"));
        }
        for (index, case) in vectors.cases.iter().enumerate() {
            let failures = self.failures.len();
            for form in [Form::Macro, Form::Methods] {
                if let Err(told) = case.replay(write, form) {
                    self.failures.push(format!("{name}, case {index}, {form}:\n  {told}"));
                }
            }
            let right = usize::from(self.failures.len() == failures);
            *self.cases.entry(vectors.operator.clone()).or_default() += right;
        }
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        writeln!(f, "{} failures", self.failures.len())?;
        for failure in self.failures.iter().take(SHOWN) {
            writeln!(f, "{failure}")?;
        }
        if self.failures.len() > SHOWN { writeln!(f, "..") } else { Ok(()) }
    }
}

/// A file of vectors.
#[derive(Deserialize)]
struct Vectors {
    operator: String,
    #[serde(rename = "unit")]
    _unit: Unit,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
enum Unit {
    #[serde(rename = "ms")]
    Milliseconds,
}

#[derive(Deserialize)]
struct Case {
    args: BTreeMap<String, serde_json::Value>,
    inputs: Vec<Script<i64>>,
    expected: Script<Value>,
}

impl Case {
    fn replay(&self, write: fn(&mut Given) -> Output, form: Form) -> Result<(), String> {
        let play = || in_virtual_time(async { self.play(write, form).await });
        let got = catch_unwind(AssertUnwindSafe(play))
            .unwrap_or_else(|panic| Err(format!("it panicked: {}", panic_message(&*panic))))?;
        if got == self.expected {
            return Ok(());
        }
        Err(format!("expected {}\n  got      {got}", self.expected))
    }

    async fn play(&self, write: fn(&mut Given) -> Output, form: Form) -> Result<Script<Value>, String> {
        let sources = self.inputs.iter().cloned().map(Scripted::new).collect();
        let mut given = Given { form, args: self.args.clone(), sources };
        let output = write(&mut given);
        if !given.args.is_empty() {
            return Err(format!("its row does not take the arguments {:?}", given.args.keys()));
        }
        if !given.sources.is_empty() {
            return Err(format!("its row does not take {} of the inputs", given.sources.len()));
        }
        Ok(observe(output).await)
    }
}

/// Runs with a clock of its own, which jumps to the next timer whenever nothing else is left to do.
fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O needs nothing of the system").block_on(future)
}

/// Everything that comes of a stream, at which time since its first poll.
async fn observe(mut output: Output) -> Script<Value> {
    // In virtual time: longer than any case, and soon over.
    const NEVER: Duration = Duration::from_hours(10_000);
    let start = Instant::now();
    let mut items = Vec::new();
    loop {
        let next = timeout(NEVER, output.next()).await;
        let at = start.elapsed().as_millis().try_into().expect("no case takes that long");
        let kind = match next {
            Ok(Some(Ok(value))) => {
                items.push((at, value));
                continue;
            }
            Ok(Some(Err(Failure))) => Kind::Error,
            Ok(None) => Kind::Complete,
            Err(_) => Kind::Never,
        };
        return Script { items, end: End { at, kind } };
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

/// A stream of the vectors, of what it gives when, in milliseconds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Script<T> {
    items: Vec<(u64, T)>,
    end: End,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct End {
    at: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Complete,
    Error,
    /// Nothing came any more, and no end.
    #[serde(skip_deserializing)]
    Never,
}

impl<T: Serialize> fmt::Display for Script<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).expect("a script is plain data"))
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
enum Value {
    Int(i64),
    List(Vec<Self>),
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<usize> for Value {
    fn from(index: usize) -> Self {
        Self::Int(index.try_into().expect("no vector is that long"))
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(list: Vec<T>) -> Self {
        Self::List(list.into_iter().map(T::into).collect())
    }
}

/// Pairs that are nested to the left are one flat list.
impl<A: Into<Self>, B: Into<Self>> From<(A, B)> for Value {
    fn from((first, last): (A, B)) -> Self {
        let mut list = match first.into() {
            Self::List(list) => list,
            int => vec![int],
        };
        list.push(last.into());
        Self::List(list)
    }
}

/// What a scripted source fails with.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Failure;

impl From<Elapsed> for Failure {
    fn from(_: Elapsed) -> Self {
        Self
    }
}

/// A cold source: its times count from its first poll. It waits for no demand, so what is due is there at once.
struct Scripted {
    items: VecDeque<(u64, i64)>,
    end: Option<End>,
    start: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Scripted {
    fn new(script: Script<i64>) -> Self {
        Self { items: script.items.into(), end: Some(script.end), start: None, sleep: None }
    }

    fn poll_due(&mut self, at: u64, cx: &mut Context<'_>) -> Poll<()> {
        let start = *self.start.get_or_insert_with(Instant::now);
        let due = start + Duration::from_millis(at);
        if Instant::now() < due {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
            ready!(sleep.as_mut().poll(cx));
        }
        self.sleep = None;
        Poll::Ready(())
    }
}

impl Stream for Scripted {
    type Item = Result<i64, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.items.front().map(|(at, _)| *at).or(self.end.as_ref().map(|end| end.at));
        let Some(at) = next else { return Poll::Ready(None) };
        ready!(self.poll_due(at, cx));
        if let Some((_, value)) = self.items.pop_front() {
            return Poll::Ready(Some(Ok(value)));
        }
        let failed = self.end.take().is_some_and(|end| end.kind == Kind::Error);
        Poll::Ready(failed.then_some(Err(Failure)))
    }
}

mod the_harness {
    use super::*;

    /// A folder of one file, below the build's own folder for temporary files.
    fn folder(name: &str, file: &str, text: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(file), text).unwrap();
        folder
    }

    /// A file of two cases, where the expectation of the second is given.
    fn mapped(expected: &str) -> String {
        let case = |expected: &str| {
            format!(
                r#"{{"args": {{"mul": 2, "add": 1}}, "oracles": [], "expected": {expected}, "inputs": [
                    {{"items": [[3, 10], [5, 20]], "end": {{"at": 9, "kind": "complete"}}}}]}}"#
            )
        };
        let cases = [case(RIGHT), case(expected)].join(",");
        format!(r#"{{"operator": "map", "unit": "ms", "cases": [{cases}]}}"#)
    }

    const RIGHT: &str = r#"{"items": [[3, 21], [5, 41]], "end": {"at": 9, "kind": "complete"}}"#;

    #[test]
    fn fails_on_an_operator_that_it_does_not_know() {
        let text = r#"{"operator": "mapp", "unit": "ms", "cases": []}"#;
        let replay = Replay::of_folder(&folder("unknown-operator", "mapp.json", text));
        assert_eq!(replay.failures, ["mapp.json: the operator `mapp` is not known"]);
    }

    #[test]
    fn fails_where_nothing_is_replayed() {
        let replay = Replay::of_folder(&folder("no-vectors", "README.md", ""));
        assert!(replay.failures[0].ends_with("no vectors"), "{replay}");
        let text = r#"{"operator": "map", "unit": "ms", "cases": []}"#;
        let replay = Replay::of_folder(&folder("no-cases", "map.json", text));
        assert_eq!(replay.failures, ["map.json: no cases"]);
    }

    #[test]
    #[should_panic(expected = "no-such-folder")]
    fn fails_on_a_folder_that_is_not_there() {
        Replay::of_folder(Path::new("no-such-folder"));
    }

    #[test]
    fn passes_what_is_right() {
        let mut replay = Replay::default();
        replay.file("map.json", &mapped(RIGHT));
        assert!(replay.failures.is_empty(), "{replay}");
        assert_eq!(replay.cases["map"], 2);
    }

    #[test]
    fn tells_whatever_is_wrong_in_both_forms() {
        let wrong = [
            r#"{"items": [[3, 21], [5, 40]], "end": {"at": 9, "kind": "complete"}}"#,
            r#"{"items": [[3, 21], [5, [41]]], "end": {"at": 9, "kind": "complete"}}"#,
            r#"{"items": [[3, 21], [6, 41]], "end": {"at": 9, "kind": "complete"}}"#,
            r#"{"items": [[3, 21]], "end": {"at": 9, "kind": "complete"}}"#,
            r#"{"items": [[3, 21], [5, 41], [9, 0]], "end": {"at": 9, "kind": "complete"}}"#,
            r#"{"items": [[3, 21], [5, 41]], "end": {"at": 8, "kind": "complete"}}"#,
            r#"{"items": [[3, 21], [5, 41]], "end": {"at": 9, "kind": "error"}}"#,
        ];
        for expected in wrong {
            let mut replay = Replay::default();
            replay.file("some.json", &mapped(expected));
            let tell = |form| {
                let (expected, got) = (expected.replace(' ', ""), RIGHT.replace(' ', ""));
                format!("some.json, case 1, {form}:\n  expected {expected}\n  got      {got}")
            };
            assert_eq!(replay.failures, [tell(Form::Macro), tell(Form::Methods)]);
            assert_eq!(replay.cases["map"], 1);
        }
    }

    #[test]
    fn fails_on_what_a_row_does_not_take() {
        for (from, to) in [
            (r#""add": 1"#, r#""add": 1, "max_wait": 5"#),
            (r#""inputs": ["#, r#""inputs": [{"items": [], "end": {"at": 1, "kind": "complete"}}, "#),
        ] {
            let mut replay = Replay::default();
            replay.file("map.json", &mapped(RIGHT).replace(from, to));
            assert_eq!(replay.failures.len(), 4, "{replay}");
            assert!(replay.failures[0].contains("its row does not take"), "{replay}");
        }
    }

    #[test]
    fn gives_up_on_what_never_ends() {
        let script = in_virtual_time(observe(stream::pending().boxed_local()));
        assert_eq!(script.end.kind, Kind::Never);
    }
}
