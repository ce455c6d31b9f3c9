use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [1, 2] |> audit(0ms) |> count() };
    let _ = pipeline! { [1, 2] |> debounce(0ms, max_wait = 0s) |> count() };
    let _ = pipeline! { [1, 2] |> sample(0us) |> count() };
    let _ = pipeline! { [1, 2] |> timeout(0ms, first = 0ms).total(0ms) |> count() };
}
