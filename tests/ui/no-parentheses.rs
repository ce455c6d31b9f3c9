use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> map |x| x + 1 |> count() };
    let _ = pipeline! { 0..3 |> map { |x| x + 1 } |> count() };
    let _ = pipeline! { 0..3 |> collect<Vec<_>>() };
}
