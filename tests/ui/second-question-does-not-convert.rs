use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! {
        ["1", "2"] |> map(str::parse::<u32>)? |> map(|x| char::from_u32(x).ok_or("no letter"))? |> count()
    };
}
