//! Which column of a view is which column below it, read from the view's stored query tree.
