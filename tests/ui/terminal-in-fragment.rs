use reactive_runtime::prelude::*;

fn main() {
    let _ = stage! { u32 |> map(|x| x + 1) |> count() };
}
