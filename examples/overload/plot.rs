//! The course of each strategy as an SVG: how long the queue is, and how much is delivered in time.

use std::fmt::Write;

use crate::simulation::{OVERLOAD, RUN, SERVICE};

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 130.0;
const GAP: f64 = 60.0;
const ACROSS: usize = 3;
/// A point for each second.
const POINT: usize = 10;

/// A name, and for each 100 ms the length of the queue and what was delivered in time.
pub(crate) type Course = (String, Vec<(usize, usize)>);

pub(crate) fn svg(courses: &[Course]) -> String {
    let rows = courses.len().div_ceil(ACROSS);
    let (width, height) = (ACROSS as f64 * (WIDTH + GAP) + GAP, rows as f64 * (HEIGHT + GAP) + GAP);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' \
         font-family='sans-serif' font-size='12'>\n<rect width='100%' height='100%' fill='white'/>\n\
         <text x='{GAP}' y='22'>60 s of each strategy. Blue: items delivered in time each second, from 0 to \
         600, of {SERVICE} that can be; orange: items queued, from 0 to the number at the right; grey: the overload</text>\n"
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
         <text x='{left}' y='{}' font-weight='bold'>{name}</text>\n\
         <text x='{}' y='{}' fill='#d60'>{longest}</text>",
        to - from,
        top - 6.0,
        left + WIDTH + 4.0,
        top + 10.0,
    )?;
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
    line("#d60", &mut seconds().map(|second| mean(second) / longest as f64))?;
    // Somewhat more than the mean can be delivered in a second.
    let scale = SERVICE * 1.2;
    line("#06c", &mut seconds().map(|second| second.iter().map(|(_, n)| *n as f64).sum::<f64>() / scale))
}
