use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> std::mem::drop(1) |> count() };
}
