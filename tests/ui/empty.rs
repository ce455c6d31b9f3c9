use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! {};
}
