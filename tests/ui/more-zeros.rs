use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [1, 2] |> window(0) |> count() };
    let _ = pipeline! { [1, 2] |> step_by(0) |> count() };
}
