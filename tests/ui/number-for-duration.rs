use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { interval(100) |> count() };
}
