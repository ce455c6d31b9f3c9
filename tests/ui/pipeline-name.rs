use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { users: 0..3 |> count() };
    let _ = pipeline! { 42: 0..3 |> count() };
    let _ = pipeline! { "": 0..3 |> count() };
    let _ = pipeline! { "users" 0..3 |> count() };
    let _ = pipeline! { "users", "people": 0..3 |> count() };
    let _ = stage! { "users": u32 |> map(|x| x) };
}
