//! Instructions per item, counted by callgrind: what the noise of a machine cannot change.

use std::process::Command;

/// Of this program run with `--once`, these arguments and a number of items: as the difference of two runs.
pub(crate) fn per_item(args: &[&str]) -> f64 {
    const FEW: u32 = 20_000;
    const MANY: u32 = 220_000;
    (instructions(args, MANY) - instructions(args, FEW)) / f64::from(MANY - FEW)
}

fn instructions(args: &[&str], items: u32) -> f64 {
    let this = std::env::current_exe().expect("the path of this program");
    let run = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            concat!("--callgrind-out-file=", env!("CARGO_TARGET_TMPDIR"), "/callgrind.out"),
        ])
        .arg(this)
        .arg("--once")
        .args(args)
        .arg(items.to_string())
        .output()
        .expect("valgrind: install it to count instructions");
    assert!(run.status.success(), "{args:?}: {}", String::from_utf8_lossy(&run.stderr));
    let report = String::from_utf8_lossy(&run.stderr);
    let refs = report.lines().find_map(|line| line.split_once("Collected :"));
    refs.expect("a count from callgrind").1.trim().parse().expect("a number of instructions")
}
