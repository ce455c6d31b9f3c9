use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> map_err(|e| e) |> count() };
    let _ = pipeline! { 0..3 |> inspect_err(|e| println!("{e}")) |> count() };
}
