use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> merge(5..7, prefer_lift = true) };
}
