use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> collect(into = vec![], into = vec![1]) };
}
