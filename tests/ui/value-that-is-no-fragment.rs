use reactive_runtime::prelude::*;

fn main() {
    let words = vec!["a"];
    let _ = pipeline! { [1, 2] |> words |> count() };
}
