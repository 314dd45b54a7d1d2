//! The order of vertices: neighbours near each other, so that a cache keeps what is used again.
//!
//! [`community`] merges vertices into communities as Rabbit Order does (Arai et al., "Rabbit Order: Just-in-time Parallel Reordering for Fast
//! Graph Analysis", IPDPS 2016): from the vertex of least degree on, each is merged into the neighbouring community that gains most
//! modularity, dQ = 2 (w / 2m - d(u) d(v) / (2m)²), if that is above 0; the order is a walk through the tree of merges, depth first.
//! It runs on one thread and depends on nothing but the graph.

use super::Graph;
use std::time::Instant;

/// A renumbering of vertices.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The old id of each new one.
    old_of: Vec<u32>,
    /// The new id of each old one.
    new_of: Vec<u32>,
    /// What finding it took.
    seconds: f64,
}

impl Order {
    /// Every vertex keeps its id.
    pub fn natural(vertices: usize) -> Order {
        let same: Vec<u32> = (0..vertices as u32).collect();
        Order { old_of: same.clone(), new_of: same, seconds: 0.0 }
    }

    /// The order that puts these old ids one behind the other, or `None` if not each vertex is there once.
    pub fn of(old_of: Vec<u32>) -> Option<Order> {
        let mut new_of = vec![u32::MAX; old_of.len()];
        for (new, &old) in old_of.iter().enumerate() {
            let place = new_of.get_mut(old as usize).filter(|place| **place == u32::MAX)?;
            *place = new as u32;
        }
        Some(Order { old_of, new_of, seconds: 0.0 })
    }

    /// The old id of each new one.
    pub fn old_of(&self) -> &[u32] {
        &self.old_of
    }

    /// The new id of each old one.
    pub fn new_of(&self) -> &[u32] {
        &self.new_of
    }

    /// Seconds that finding it took.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// A matrix `[vertices, width]`, row-major, with its rows in this order.
    ///
    /// # Panics
    ///
    /// If there are not `vertices · width` values.
    pub fn rows<T: Copy>(&self, matrix: &[T], width: usize) -> Vec<T> {
        assert_eq!(matrix.len(), self.old_of.len() * width, "rows of the matrix");
        self.old_of.iter().flat_map(|&old| &matrix[old as usize * width..][..width]).copied().collect()
    }
}

impl Graph {
    /// The graph with its vertices renumbered, each row's neighbours ascending in the new ids. The order of a row is the order of its sum, so
    /// sums may differ from those of the old order in their last bits.
    ///
    /// # Panics
    ///
    /// If the order is of another number of vertices.
    pub fn relabelled(&self, order: &Order) -> Graph {
        assert_eq!(order.old_of.len(), self.vertices(), "vertices of the order");
        let mut row_pointers = Vec::with_capacity(self.vertices() + 1);
        row_pointers.push(0);
        let mut columns = Vec::with_capacity(self.edges());
        let mut weights = self.weights.as_ref().map(|_| Vec::with_capacity(self.edges()));
        let mut row: Vec<(u32, f32)> = Vec::new();
        for &old in &order.old_of {
            row.clear();
            row.extend(self.row(old as usize).map(|edge| {
                let weight = self.weights.as_ref().map_or(1.0, |weights| weights[edge]);
                (order.new_of[self.columns[edge] as usize], weight)
            }));
            row.sort_by_key(|&(column, _)| column);
            columns.extend(row.iter().map(|&(column, _)| column));
            if let Some(weights) = &mut weights {
                weights.extend(row.iter().map(|&(_, weight)| weight));
            }
            row_pointers.push(columns.len() as u32);
        }
        Graph { row_pointers, columns, weights }
    }
}

/// The community order. Weights and self-loops play no part; a graph that is not symmetric is taken as undirected.
pub fn community(graph: &Graph) -> Order {
    let begun = Instant::now();
    let both;
    let graph = if graph.is_symmetric() {
        graph
    } else {
        // Too many edges to have both directions: the rows are then taken as they are.
        both = graph.symmetrized();
        both.as_ref().unwrap_or(graph)
    };
    let children = Merging::of(graph).run();
    let mut old_of = Vec::with_capacity(graph.vertices());
    let mut stack = Vec::new();
    for root in (0..graph.vertices() as u32).filter(|&vertex| children.root[vertex as usize]) {
        stack.push(root);
        while let Some(vertex) = stack.pop() {
            old_of.push(vertex);
            // The first that was merged is the first to be walked through.
            stack.extend(children.of[vertex as usize].iter().rev());
        }
    }
    let order = Order::of(old_of);
    let mut order = order.unwrap_or_else(|| Order::natural(graph.vertices()));
    order.seconds = begun.elapsed().as_secs_f64();
    order
}

/// The tree of merges.
struct Children {
    /// What was merged into each vertex, in that order.
    of: Vec<Vec<u32>>,
    /// Which vertices were merged into none.
    root: Vec<bool>,
}

/// Communities as they are merged.
struct Merging<'a> {
    graph: &'a Graph,
    children: Children,
    /// What a vertex was merged into, or itself; shortened as it is followed.
    into: Vec<u32>,
    /// Sum of the degrees of a community.
    degree: Vec<f64>,
    /// Edges of a merged community to others, when it was merged: (a vertex there, how many).
    edges: Vec<Vec<(u32, u32)>>,
    /// How many edges lead to a community, while a vertex is looked at; otherwise 0.
    count: Vec<u32>,
}

impl<'a> Merging<'a> {
    fn of(graph: &'a Graph) -> Merging<'a> {
        let vertices = graph.vertices();
        let degree = |vertex| graph.neighbours(vertex).iter().filter(|&&other| other as usize != vertex).count() as f64;
        Merging {
            graph,
            children: Children { of: vec![Vec::new(); vertices], root: vec![true; vertices] },
            into: (0..vertices as u32).collect(),
            degree: (0..vertices).map(degree).collect(),
            edges: vec![Vec::new(); vertices],
            count: vec![0; vertices],
        }
    }

    fn run(mut self) -> Children {
        let total: f64 = self.degree.iter().sum();
        let mut turn: Vec<u32> = (0..self.graph.vertices() as u32).collect();
        turn.sort_by(|&a, &b| self.degree[a as usize].total_cmp(&self.degree[b as usize]));
        for vertex in turn {
            let edges = self.gathered(vertex);
            let gain = |&(other, count): &(u32, u32)| {
                f64::from(count) - self.degree[vertex as usize] * self.degree[other as usize] / total
            };
            // Among equals the smallest id, so that nothing depends on the order of the edges.
            let best =
                edges.iter().map(|edge| (gain(edge), edge.0)).max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            if let Some((gain, other)) = best {
                if gain > 0.0 {
                    self.into[vertex as usize] = other;
                    self.degree[other as usize] += self.degree[vertex as usize];
                    self.children.of[other as usize].push(vertex);
                    self.children.root[vertex as usize] = false;
                    self.edges[vertex as usize] = edges;
                }
            }
        }
        self.children
    }

    /// The community a vertex is in.
    fn community(&mut self, vertex: u32) -> u32 {
        let mut at = vertex as usize;
        while self.into[at] as usize != at {
            self.into[at] = self.into[self.into[at] as usize];
            at = self.into[at] as usize;
        }
        at as u32
    }

    /// Edges of a vertex and of what was merged into it, by the community they lead to; those inside are left out.
    fn gathered(&mut self, vertex: u32) -> Vec<(u32, u32)> {
        let graph = self.graph;
        let mut met = Vec::new();
        let mut add = |merging: &mut Merging<'_>, other: u32, count: u32| {
            let other = merging.community(other);
            if other != vertex {
                if merging.count[other as usize] == 0 {
                    met.push(other);
                }
                merging.count[other as usize] += count;
            }
        };
        for &other in graph.neighbours(vertex as usize) {
            add(self, other, 1);
        }
        for child in 0..self.children.of[vertex as usize].len() {
            let child = self.children.of[vertex as usize][child] as usize;
            for (other, count) in std::mem::take(&mut self.edges[child]) {
                add(self, other, count);
            }
        }
        met.into_iter().map(|other| (other, std::mem::take(&mut self.count[other as usize]))).collect()
    }
}
