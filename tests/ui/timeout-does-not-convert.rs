use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { ["1", "2"] |> map(str::parse::<u32>)? |> timeout(5s) |> count() };
}
