//! A bar per file, on a terminal; where standard error is none, nothing is drawn.

use std::fs::File;
use std::io::Read;

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how much of the file is read, under this name.
pub fn reading(file: File, name: &'static str) -> impl Read {
    // A file of unknown length still has a bar, if a still one.
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let bar = ProgressBar::new(length).with_style(style()).with_message(name);
    bar.wrap_read(file)
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:10} [{bar:40}] {percent:>3} %  {bytes}, {bytes_per_sec}")
        .expect("the template is well formed")
        .progress_chars("=> ")
}
