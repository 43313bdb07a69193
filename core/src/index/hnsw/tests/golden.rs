//! Golden figures: a changed recall, count of distances or count of links is a diff.

use super::super::graph::EMPTY;
use super::*;

#[test]
fn recall_and_cost_are_the_golden_ones() {
    let mut lines = String::from(
        "# recall@10 and distances computed a query at ef 64, and links on all levels; M 16, efConstruction 100, one thread\n",
    );
    for (name, data) in [
        ("uniform 5000 x 32", uniform(5_000, 32, 11)),
        ("clustered 3000 x 128", clustered(3_000, 128, 12)),
    ] {
        for metric in METRICS {
            for may_code in [true, false] {
                let index = data.build(metric, may_code, 1);
                assert_eq!(index.is_coded(), may_code);
                let (recall, computed) = measure(&data, &index);
                assert!(recall >= 0.95, "{name} {metric:?} coded {may_code}: recall {recall}");
                let links = index.graph.all_links().filter(|&link| link != EMPTY).count();
                let rows = if may_code { "codes" } else { "f32" };
                lines += &format!("{name}, {metric:?}, {rows}: recall {recall:.3}, computed {computed}, links {links}\n");
            }
        }
    }
    compare_golden("hnsw.txt", &lines);
}
