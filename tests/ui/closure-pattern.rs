use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [1, 2] |> map(|(a, b)| a + b) |> count() };
}
