use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { vec![1, 2] | map(|x| x + 1) |> count() };
}
