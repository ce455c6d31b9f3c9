//! The course of each strategy as an SVG: how long the queue is, and how much is delivered in time.

use std::fmt::{Display, Write};

use crate::simulation::{OVERLOAD, RUN, SERVICE};

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 130.0;
const GAP: f64 = 68.0;
const ACROSS: usize = 3;
const IN_TIME: &str = "#06c";
const QUEUED: &str = "#d60";
/// Somewhat more than the mean can be delivered in a second.
const IN_TIME_MOST: f64 = SERVICE * 1.2;
/// Above all panels: what is blue, orange and grey.
const LEGEND: &str = "\
    <path d='M68 20h28' stroke='#06c' stroke-width='2'/>\
    <text x='102' y='24'>delivered in time, items/s, at the left</text>\
    <path d='M350 20h28' stroke='#d60' stroke-width='2'/>\
    <text x='384' y='24'>queued, items, at the right</text>\
    <path d='M570 14h28v12h-28z' fill='#ddd'/>\
    <text x='604' y='24'>overload: items come at 1.5 times the 500 items/s that the consumer takes</text>\n";
/// A point for each second.
const POINT: usize = 10;

/// A name, and for each 100 ms the length of the queue and what was delivered in time.
pub(crate) type Course = (String, Vec<(usize, usize)>);

pub(crate) fn svg(courses: &[Course]) -> String {
    let rows = courses.len().div_ceil(ACROSS);
    let (width, height) = (ACROSS as f64 * (WIDTH + GAP) + GAP, rows as f64 * (HEIGHT + GAP) + GAP);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' \
         font-family='sans-serif' font-size='12'>\n<rect width='100%' height='100%' fill='white'/>\n{LEGEND}"
    );
    for (i, (name, course)) in courses.iter().enumerate() {
        let left = GAP + (i % ACROSS) as f64 * (WIDTH + GAP);
        let top = GAP + (i / ACROSS) as f64 * (HEIGHT + GAP);
        panel(&mut svg, (left, top), name, course).expect("a string takes what is written");
    }
    svg + "</svg>\n"
}

fn panel(
    svg: &mut String,
    (left, top): (f64, f64),
    name: &str,
    course: &[(usize, usize)],
) -> std::fmt::Result {
    let x = |seconds: f64| left + seconds / RUN.as_secs_f64() * WIDTH;
    let (from, to) = (x(OVERLOAD.0.as_secs_f64()), x(OVERLOAD.1.as_secs_f64()));
    let longest = course.iter().map(|(queued, _)| *queued).max().unwrap_or(0).max(10);
    writeln!(
        svg,
        "<rect x='{from}' y='{top}' width='{}' height='{HEIGHT}' fill='#eee'/>\n\
         <rect x='{left}' y='{top}' width='{WIDTH}' height='{HEIGHT}' fill='none' stroke='#999'/>\n\
         <text x='{left}' y='{}' font-weight='bold'>{name}</text>",
        to - from,
        top - 8.0,
    )?;
    let (bottom, right) = (top + HEIGHT, left + WIDTH);
    let mut label = |x, y, anchor, color, text: &dyn Display| {
        writeln!(svg, "<text x='{x:.1}' y='{y:.1}' text-anchor='{anchor}' fill='{color}'>{text}</text>")
    };
    for part in [0.0, 0.5, 1.0] {
        let y = bottom - part * HEIGHT + 4.0;
        label(left - 5.0, y, "end", IN_TIME, &(part * IN_TIME_MOST))?;
        label(right + 5.0, y, "start", QUEUED, &(part * longest as f64).round())?;
    }
    for seconds in (0..=RUN.as_secs()).step_by(10) {
        label(x(seconds as f64), bottom + 16.0, "middle", "#444", &format_args!("{seconds} s"))?;
    }
    let mut line = |color: &str, values: &mut dyn Iterator<Item = f64>| {
        let points: Vec<_> = values
            .enumerate()
            .map(|(i, share)| {
                format!("{:.1},{:.1}", x(i as f64 + 0.5), top + HEIGHT * (1.0 - share.min(1.0)))
            })
            .collect();
        writeln!(
            svg,
            "<polyline points='{}' fill='none' stroke='{color}' stroke-width='1.5'/>",
            points.join(" ")
        )
    };
    let seconds = || course.chunks(POINT);
    let mean = |second: &[(usize, usize)]| second.iter().map(|(n, _)| *n as f64).sum::<f64>() / POINT as f64;
    line(QUEUED, &mut seconds().map(|second| mean(second) / longest as f64))?;
    let in_time = |second: &[(usize, usize)]| second.iter().map(|(_, n)| *n as f64).sum::<f64>();
    line(IN_TIME, &mut seconds().map(|second| in_time(second) / IN_TIME_MOST))
}
