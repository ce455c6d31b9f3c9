use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { ["1", "2"] |> map(str::parse::<u8>) |> collect::<String>() };
}
