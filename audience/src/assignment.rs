//! Which row goes with which column at the least total cost.

/// Costs of pairing rows with columns, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Costs {
    n_rows: usize,
    n_columns: usize,
    values: Vec<f64>,
}

impl Costs {
    pub(crate) fn from_fn(
        n_rows: usize,
        n_columns: usize,
        mut cost: impl FnMut(usize, usize) -> f64,
    ) -> Self {
        let values = (0..n_rows)
            .flat_map(|row| (0..n_columns).map(move |column| (row, column)))
            .map(|(row, column)| cost(row, column))
            .collect();
        Self {
            n_rows,
            n_columns,
            values,
        }
    }
}

/// The column of each row such that the sum of costs is least, where a row left alone costs
/// `limit`; a pair dearer than `limit` (or NaN) is never made. Cost `O(rows² · (rows + columns))`.
///
/// # Source
/// Jonker and Volgenant 1987: shortest augmenting paths over dual potentials, without the
/// heuristic start.
pub(crate) fn assign(costs: &Costs, limit: f64) -> Vec<Option<usize>> {
    let (n_rows, n_columns) = (costs.n_rows, costs.n_columns);
    // Each row may take one of `n_rows` further columns that stand for "alone". No finite cost
    // above the limit can be part of an optimum, so forbidden pairs need no infinity.
    let forbidden = limit + 1.0;
    let width = n_columns + n_rows;
    let cost = |row: usize, column: usize| {
        if column >= n_columns {
            return limit;
        }
        let value = costs.values[row * n_columns + column];
        if value <= limit { value } else { forbidden }
    };
    let mut duals = Duals {
        row_price: vec![0.0; n_rows],
        column_price: vec![0.0; width],
        row_of: vec![None; width],
    };
    for row in 0..n_rows {
        duals.augment(row, cost);
    }
    let mut column_of = vec![None; n_rows];
    for (column, row) in duals.row_of.iter().enumerate().take(n_columns) {
        // Equal to the limit is a tie with being alone; alone is the cautious answer.
        if let Some(row) = *row
            && cost(row, column) < limit
        {
            column_of[row] = Some(column);
        }
    }
    column_of
}

/// A partial assignment with the prices that prove it optimal.
struct Duals {
    row_price: Vec<f64>,
    column_price: Vec<f64>,
    row_of: Vec<Option<usize>>,
}

impl Duals {
    /// Adds one row along the shortest path to a free column (Dijkstra on reduced costs).
    fn augment(&mut self, start: usize, cost: impl Fn(usize, usize) -> f64) {
        let width = self.row_of.len();
        let mut distance = vec![f64::INFINITY; width];
        let mut came_from: Vec<Option<usize>> = vec![None; width];
        let mut done = vec![false; width];
        let mut scanned: Vec<usize> = Vec::new();
        let (mut row, mut via, mut reached) = (start, None, 0.0);
        let (end, shortest) = loop {
            for column in (0..width).filter(|column| !done[*column]) {
                let reduced = cost(row, column) - self.row_price[row] - self.column_price[column];
                if reached + reduced < distance[column] {
                    distance[column] = reached + reduced;
                    came_from[column] = via;
                }
            }
            let nearest = (0..width)
                .filter(|column| !done[*column])
                .min_by(|a, b| distance[*a].total_cmp(&distance[*b]))
                .expect("as many further columns as rows, so one is free");
            done[nearest] = true;
            reached = distance[nearest];
            match self.row_of[nearest] {
                None => break (nearest, reached),
                Some(next) => {
                    scanned.push(nearest);
                    (row, via) = (next, Some(nearest));
                }
            }
        };
        self.row_price[start] += shortest;
        for column in scanned {
            let slack = shortest - distance[column];
            self.column_price[column] -= slack;
            let row = self.row_of[column].expect("scanned columns have rows");
            self.row_price[row] += slack;
        }
        let mut column = end;
        while let Some(previous) = came_from[column] {
            self.row_of[column] = self.row_of[previous];
            column = previous;
        }
        self.row_of[column] = Some(start);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Least cost over all ways to pair, by trying them all.
    fn brute_force(costs: &Costs, limit: f64, row: usize, taken: &mut Vec<bool>) -> f64 {
        if row == costs.n_rows {
            return 0.0;
        }
        let mut best = limit + brute_force(costs, limit, row + 1, taken);
        for column in 0..costs.n_columns {
            let cost = costs.values[row * costs.n_columns + column];
            if !taken[column] && cost <= limit {
                taken[column] = true;
                best = best.min(cost + brute_force(costs, limit, row + 1, taken));
                taken[column] = false;
            }
        }
        best
    }

    fn matrices() -> impl Strategy<Value = Costs> {
        (0..6_usize, 0..6_usize).prop_flat_map(|(n_rows, n_columns)| {
            // Small integers make many ties, and some pairs are forbidden outright.
            let cell = prop_oneof![
                4 => (0..20_i32).prop_map(f64::from),
                3 => -5.0..15.0_f64,
                1 => Just(f64::INFINITY),
                1 => Just(f64::NAN),
            ];
            prop::collection::vec(cell, n_rows * n_columns).prop_map(move |values| Costs {
                n_rows,
                n_columns,
                values,
            })
        })
    }

    proptest! {
        #[test]
        fn the_least_total_is_found(costs in matrices(), limit in 1.0..15.0_f64) {
            let assigned = assign(&costs, limit);
            let mut taken = vec![false; costs.n_columns];
            let mut total = 0.0;
            for (row, column) in assigned.iter().enumerate() {
                total += match column {
                    None => limit,
                    Some(column) => {
                        prop_assert!(!std::mem::replace(&mut taken[*column], true));
                        costs.values[row * costs.n_columns + column]
                    }
                };
            }
            let best = brute_force(&costs, limit, 0, &mut vec![false; costs.n_columns]);
            prop_assert!((total - best).abs() < 1e-9, "{total} is not {best}");
        }
    }

    #[test]
    fn greed_does_not_pay() {
        let costs = Costs::from_fn(2, 2, |row, column| [[1.0, 2.0], [2.0, 9.0]][row][column]);
        assert_eq!(assign(&costs, 10.0), [Some(1), Some(0)]);
        assert_eq!(assign(&costs, 1.5), [Some(0), None]);
    }
}
