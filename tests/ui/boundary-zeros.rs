use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [1, 2] |> spawn(capacity = 0) |> count() };
    let _ = pipeline! { [1, 2] |> buffer(0) |> count() };
    let _ = pipeline! { [1, 2] |> parallel(0, |x| x) |> count() };
}
