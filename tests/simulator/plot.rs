//! A run as a picture: rate and capacity above, the queue below, over time.

use std::fmt::Write;

use crate::simulator::Run;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
/// Top and bottom of the two panels.
const RATES: (f64, f64) = (48.0, 268.0);
const QUEUE: (f64, f64) = (312.0, 452.0);
const HEIGHT: f64 = 492.0;
const COLORS: [&str; 2] = ["#1f6feb", "#d1691f"];
const THROUGHPUTS: [&str; 2] = ["throughput of the first sender", "of the second"];
const CAPACITY: Style = Style { color: "#777", dashes: "5 3" };
const WAITING: Style = Style { color: "#2a9d4a", dashes: "none" };

/// How a line is drawn.
#[derive(Clone, Copy)]
struct Style {
    color: &'static str,
    dashes: &'static str,
}

impl Style {
    /// What happened.
    const fn solid(color: &'static str) -> Self {
        Self { color, dashes: "none" }
    }

    /// What was allowed.
    const fn dotted(color: &'static str) -> Self {
        Self { color, dashes: "1 2" }
    }
}

/// The run as SVG.
pub(crate) fn svg(title: &str, run: &Run) -> String {
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' height='{HEIGHT}' \
         font-family='sans-serif' font-size='12' fill='#222'>\n<rect width='100%' height='100%' fill='white'/>\n"
    );
    let scenario = &run.scenario;
    let heading = format!("{title} in {}: {}", scenario.name, scenario.about);
    let result = format!(
        "{:.1} % used, 99 % wait less than {:.0} ms, {} dropped",
        100.0 * run.utilization(),
        1e3 * run.wait(0.99),
        run.dropped,
    );
    text(&mut svg, (LEFT, 20.0), "start", &format!("<tspan font-weight='bold'>{heading}</tspan>  {result}"));

    let busiest = run.ticks.iter().flat_map(|tick| tick.throughput.iter().copied()).fold(0.0, f64::max);
    let rates = Panel::new(run, RATES, scenario.capacity.most().max(busiest), "items/s");
    rates.axes(&mut svg);
    for (sender, (&start, color)) in scenario.senders.iter().zip(COLORS).enumerate() {
        rates.line(&mut svg, Style::dotted(color), start, run.ticks.iter().map(|tick| tick.rate[sender]));
        rates.line(
            &mut svg,
            Style::solid(color),
            start,
            run.ticks.iter().map(|tick| tick.throughput[sender]),
        );
    }
    rates.line(&mut svg, CAPACITY, 0.0, run.ticks.iter().map(|tick| tick.capacity));
    let allowed = "rate that is allowed; at the upper edge it is more";
    let mut entries = vec![(CAPACITY, "capacity"), (Style::dotted(COLORS[0]), allowed)];
    match scenario.senders.len() {
        1 => entries.push((Style::solid(COLORS[0]), "throughput")),
        _ => entries.extend(COLORS.map(Style::solid).into_iter().zip(THROUGHPUTS)),
    }
    legend(&mut svg, 40.0, &entries);

    let longest = run.ticks.iter().map(|tick| tick.queue_len).max().unwrap_or(0);
    let queue = Panel::new(run, QUEUE, longest as f64, "items");
    queue.axes(&mut svg);
    for (sender, (&start, color)) in scenario.senders.iter().zip(COLORS).enumerate() {
        queue.line(
            &mut svg,
            Style::dotted(color),
            start,
            run.ticks.iter().map(|tick| tick.cap[sender] as f64),
        );
    }
    queue.line(&mut svg, WAITING, 0.0, run.ticks.iter().map(|tick| tick.queue_len as f64));
    let allowed = "items that may be in flight, the same";
    legend(&mut svg, 304.0, &[(WAITING, "items in the queue"), (Style::dotted(COLORS[0]), allowed)]);
    svg += "</svg>\n";
    svg
}

struct Panel {
    top: f64,
    bottom: f64,
    most: f64,
    seconds: f64,
    interval: f64,
    unit: &'static str,
}

impl Panel {
    fn new(run: &Run, (top, bottom): (f64, f64), most: f64, unit: &'static str) -> Self {
        let (seconds, interval) = (run.scenario.duration, run.scenario.interval);
        Self { top, bottom, most: round_up(1.1 * most.max(1.0)), seconds, interval, unit }
    }

    fn x(&self, seconds: f64) -> f64 {
        LEFT + seconds / self.seconds * (WIDTH - LEFT - RIGHT)
    }

    /// What is off the scale stays at its edge.
    fn y(&self, value: f64) -> f64 {
        self.bottom - (value / self.most).min(1.0) * (self.bottom - self.top)
    }

    fn axes(&self, svg: &mut String) {
        for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let (value, y) = (part * self.most, self.y(part * self.most));
            let end = WIDTH - RIGHT;
            let _ = writeln!(svg, "<line x1='{LEFT}' y1='{y}' x2='{end}' y2='{y}' stroke='#e5e5e5'/>");
            text(svg, (LEFT - 6.0, y + 4.0), "end", &format!("{}", (100.0 * value).round() / 100.0));
        }
        for i in 0..=(self.seconds / 10.0) as u32 {
            let seconds = f64::from(10 * i);
            text(svg, (self.x(seconds), self.bottom + 16.0), "middle", &format!("{seconds} s"));
        }
        text(svg, (WIDTH - RIGHT, self.top - 6.0), "end", self.unit);
    }

    /// The values of all intervals, drawn from `start` on.
    fn line(&self, svg: &mut String, style: Style, start: f64, values: impl Iterator<Item = f64>) {
        let Style { color, dashes } = style;
        let mut points = String::new();
        for (i, value) in values.enumerate() {
            let seconds = (i + 1) as f64 * self.interval;
            if seconds > start {
                let _ = write!(points, "{:.1},{:.1} ", self.x(seconds), self.y(value));
            }
        }
        let points = points.trim_end();
        let _ = writeln!(
            svg,
            "<polyline fill='none' stroke='{color}' stroke-width='1.2' stroke-dasharray='{dashes}' points='{points}'/>"
        );
    }
}

/// The next number that is round, and whose quarters are.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0];
    power * steps.into_iter().find(|step| step * power >= value).unwrap_or(10.0)
}

/// What each line stands for, side by side.
fn legend(svg: &mut String, y: f64, entries: &[(Style, &str)]) {
    let mut left = LEFT;
    for (Style { color, dashes }, name) in entries {
        let (right, middle) = (left + 24.0, y - 4.0);
        let _ = writeln!(
            svg,
            "<line x1='{left:.1}' y1='{middle}' x2='{right:.1}' y2='{middle}' stroke='{color}' stroke-width='2' \
             stroke-dasharray='{dashes}'/>"
        );
        text(svg, (right + 6.0, y), "start", name);
        left = right + 26.0 + CHARACTER * name.len() as f64;
    }
}

/// About as wide as a character is.
const CHARACTER: f64 = 6.3;

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, content: &str) {
    let _ = writeln!(svg, "<text x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'>{content}</text>");
}
