use reactive_runtime::prelude::*;

fn main() {
    struct User { name: String }
    let users = vec![User { name: String::new() }];
    let _ = pipeline! { users |> map(|user| user.nam) |> count() };
}
