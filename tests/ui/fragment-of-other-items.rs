use reactive_runtime::prelude::*;

fn main() {
    let pairs = stage! { String |> batch(2) };
    let _ = pipeline! { [1, 2] |> pairs |> count() };
}
