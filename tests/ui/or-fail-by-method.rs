use reactive_runtime::prelude::*;

async fn numbers() {
    let _ = Pipe::from_iter([1]).or_fail().map(|x| x + 1).filter(|x| *x > 1).count().await;
}

fn main() {}
