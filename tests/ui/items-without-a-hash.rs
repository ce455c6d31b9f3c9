use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [1.0, 2.0] |> distinct() |> count() };
}
